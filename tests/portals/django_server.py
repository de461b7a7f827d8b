"""Django REST framework over a SQLite file, with its own classes as they come: paginators, authentication, throttling.

`python -m tests.portals.django_server --port N --database F`. The paths are /<authentication>/<pagination>/readings/. Only the settings and
the documented attributes of the classes are ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
import uvicorn
from django.conf import settings

from tests.portals import known

PAGE_SIZE = 20
MAX_LIMIT = 15
"""Of the endpoint that caps what it is asked for."""


def configure(database: Path) -> None:
    """Django's settings, which belong to this process alone."""
    settings.configure(
        SECRET_KEY="only-on-loopback-and-long-enough-for-hs256",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database)}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework",
                        "rest_framework.authtoken", "oauth2_provider"],
        MIDDLEWARE=["django.middleware.http.ConditionalGetMiddleware"],  # ETag and 304
        USE_TZ=True,
        TIME_ZONE="America/Noronha",  # -02:00 all the year
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # a strong one would be slow at each request
        REST_FRAMEWORK={"PAGE_SIZE": PAGE_SIZE, "DEFAULT_THROTTLE_RATES": {"user": "4/second", "polite": "4/second"}},
        SIMPLE_JWT={"ACCESS_TOKEN_LIFETIME": timedelta(seconds=known.LIFETIME_SECONDS)},
        OAUTH2_PROVIDER={"ACCESS_TOKEN_EXPIRE_SECONDS": known.LIFETIME_SECONDS, "SCOPES": {"read": "Read"}},
    )  # fmt: skip
    django.setup()


def readings() -> Callable[..., Any]:
    """Makes a view of the table of readings from classes of the framework's own; Django's parts can be imported once it is configured."""
    from django.db import models
    from oauth2_provider.contrib.rest_framework import OAuth2Authentication, TokenHasScope
    from rest_framework import generics, permissions, serializers

    class Reading(models.Model):  # noqa: DJ008 - nobody prints it
        id = models.BigIntegerField(primary_key=True)
        code = models.CharField(max_length=20)
        big = models.BigIntegerField()
        amount = models.DecimalField(max_digits=15, decimal_places=2)
        note = models.CharField(max_length=20, null=True)  # noqa: DJ001 - null and empty are two things
        created = models.DateTimeField()

        class Meta:
            app_label, db_table, managed = "portal", "readings", False

    class ReadingSerializer(serializers.ModelSerializer[Reading]):
        class Meta:
            model, fields = Reading, "__all__"

    def view(
        scheme: type, pages: type | None, throttles: tuple[type, ...] = (), kind: type = generics.ListAPIView
    ) -> Any:
        class Readings(kind):
            queryset, serializer_class = Reading.objects.order_by("id"), ReadingSerializer
            pagination_class, authentication_classes, throttle_classes = pages, (scheme,), throttles
            permission_classes = (TokenHasScope if scheme is OAuth2Authentication else permissions.IsAuthenticated,)
            required_scopes, throttle_scope = ("read",), "polite"

        return Readings.as_view()

    return view


def schemes() -> dict[str, type]:
    """What proves who asks, by the first part of a path."""
    from oauth2_provider.contrib.rest_framework import OAuth2Authentication
    from rest_framework import authentication
    from rest_framework_simplejwt.authentication import JWTAuthentication

    return {
        "token": authentication.TokenAuthentication,
        "basic": authentication.BasicAuthentication,
        "jwt": JWTAuthentication,
        "oauth": OAuth2Authentication,
    }


def paginators() -> dict[str, type]:
    """How rows are cut into pages, by the second part of a path."""
    from rest_framework import pagination

    class Capped(pagination.LimitOffsetPagination):
        max_limit = MAX_LIMIT

    return {
        "number": pagination.PageNumberPagination,
        "offset": pagination.LimitOffsetPagination,
        "capped": Capped,
        "cursor": pagination.CursorPagination,
    }


def urls() -> list[Any]:
    """An endpoint for each pair of classes, and the endpoints that hand out tokens."""
    from django.urls import include, path
    from rest_framework import generics, throttling
    from rest_framework_simplejwt.views import TokenObtainPairView

    view, proofs, pages = readings(), schemes(), paginators()
    token, offset = proofs["token"], pages["offset"]
    return [
        *(path(f"{a}/{p}/readings/", view(proofs[a], pages[p])) for a in proofs for p in pages),
        path("token/whole/readings/", view(token, None)),
        path("token/one/readings/<int:pk>/", view(token, None, kind=generics.RetrieveAPIView)),
        path("throttled/readings/", view(token, offset, (throttling.UserRateThrottle,))),
        path("polite/readings/", view(token, offset, (throttling.ScopedRateThrottle,))),
        path("api/token/", TokenObtainPairView.as_view()),
        path("o/", include("oauth2_provider.urls")),
    ]


def populate() -> None:
    """The tables of Django's own applications, one user, one client."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from oauth2_provider.models import Application
    from rest_framework.authtoken.models import Token

    call_command("migrate", verbosity=0)
    user = User.objects.create_user(known.DJANGO_USER, password=known.DJANGO_PASSWORD)
    Token.objects.create(user=user, key=known.DJANGO_TOKEN)
    Application.objects.create(
        user=user, client_id=known.DJANGO_CLIENT, client_secret=known.DJANGO_CLIENT_SECRET, client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS, name="esteira",
    )  # fmt: skip


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", type=Path, required=True)
    arguments = parser.parse_args()
    configure(arguments.database)
    populate()
    globals()["urlpatterns"] = urls()
    from django.core.asgi import get_asgi_application

    uvicorn.run(get_asgi_application(), host="127.0.0.1", port=arguments.port, lifespan="off")


if __name__ == "__main__":
    main()
