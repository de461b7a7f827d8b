"""Schemes that need nothing but the secret."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from esteira.auth.credentials import Credentials, Place, check_name, placed
from esteira.auth.secret import Secret
from esteira.errors import AuthError, ConfigError
from esteira.redaction import register_secret

OURS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding", "user-agent"}
)
"""Headers that the client decides: what they say must be true."""
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})


@dataclass(frozen=True, slots=True)
class Bearer:
    """`Authorization: Bearer <token>` (dlt and Airbyte: `BearerTokenAuth`, `BearerAuthenticator`).

    Args:
        field: The secret's field.
    """

    field: str = "token"

    def credentials(self, secret: Secret) -> Credentials:
        """The header."""
        return Credentials(headers={"Authorization": f"Bearer {secret.header(self.field)}"})


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in a header, a query parameter or a cookie (dlt: `APIKeyAuth`; Airbyte: `ApiKeyAuthenticator`).

    Args:
        name: Name of the header, parameter or cookie.
        place: Where it stands. A query parameter ends up in the portal's access logs: prefer a header where there is a choice.
        prefix: Text before the value, with its space.
        field: The secret's field.

    Raises:
        ConfigError: The name cannot stand in that place.
    """

    name: str
    place: Place = "header"
    prefix: str = ""
    field: str = "token"

    def __post_init__(self) -> None:
        check_name("ApiKey", self.place, self.name)

    def credentials(self, secret: Secret) -> Credentials:
        """The key in its place."""
        return placed(self.place, self.name, f"{self.prefix}{secret.header(self.field)}")


@dataclass(frozen=True, slots=True)
class HttpBasic:
    """`Authorization: Basic ...`, https://www.rfc-editor.org/rfc/rfc7617 (dlt: `HttpBasicAuth`; Airbyte: `BasicHttpAuthenticator`).

    Args:
        username_field, password_field: The secret's fields.
    """

    username_field: str = "username"
    password_field: str = "password"  # noqa: S105 - the name of a field

    def credentials(self, secret: Secret) -> Credentials:
        """The header."""
        username = secret.text(self.username_field)
        if ":" in username:
            message = f"Field {self.username_field!r} of secret {secret.name!r} holds a colon, which ends a user name."
            raise AuthError(message, hint="Correct the user name in Secrets Manager.")
        return basic(username, secret.text(self.password_field))


@dataclass(frozen=True, slots=True)
class FixedHeaders:
    """Further headers whose values are no secrets, such as an API's version (Airbyte: `request_headers`).

    Args:
        headers: Names and values.

    Raises:
        ConfigError: A name is no header's, belongs to the client, or is one that holds a secret.
    """

    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.headers.items():
            check_name("FixedHeaders", "header", name)
            if name.lower() in SECRET_HEADERS:
                raise ConfigError(
                    f"FixedHeaders holds {name}, which is a secret.",
                    hint="Use ApiKey(name=...), which reads its value from the secret.",
                )
            if name.lower() in OURS:
                raise ConfigError(f"FixedHeaders holds {name}, which the client writes itself.")
            if not value.isascii() or not value.isprintable() or value != value.strip():
                raise ConfigError(f"The value of {name} in FixedHeaders cannot stand in a header.")

    def credentials(self, secret: Secret) -> Credentials:
        """The headers."""
        return Credentials(headers=dict(self.headers))


def basic(username: str, password: str) -> Credentials:
    """The header of a user name and a password. Its value is registered as a secret: base64 hides neither of them."""
    value = base64.b64encode(f"{username}:{password}".encode()).decode()
    register_secret(value)
    return Credentials(headers={"Authorization": f"Basic {value}"})
