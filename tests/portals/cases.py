"""Each way in which a server of somebody else pages and asks who we are, as a contract and a configuration: no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from esteira.auth import ApiKey, Auth, Bearer, HttpBasic, Login, OAuth2ClientCredentials
from esteira.contract import ApiSource, Dataset, NextLink, NextToken, Offset, PageNumber, Quality, Replace
from esteira.http import Rate
from esteira.portal import Portal, PortalConfig
from tests.portals import known
from tests.portals.table import Reading

SECRET = "esteira/test/portal"


@dataclass(frozen=True)
class Case:
    """One contract and who asks.

    Attributes:
        name: What is special about it.
        server: Which server, by its module's name.
        source: The contract's source.
        auth: The schemes of its portal block.
        secret: What the secret holds.
        limits: Further values of the portal block.
    """

    name: str
    server: str
    source: ApiSource
    auth: tuple[Auth, ...]
    secret: Mapping[str, str] = field(repr=False)
    limits: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dataset(self) -> Dataset:
        return Dataset(
            name="readings", source=self.source, schema=Reading, write=Replace(), quality=Quality(min_rows=1)
        )

    def open(self, base_url: str, secret: Mapping[str, str] | None = None, **limits: Any) -> Portal:
        quick = {"backoff_base_seconds": 0.01, "backoff_cap_seconds": 0.05, "allow_private_hosts": True}
        values = quick | dict(self.limits) | limits
        config = PortalConfig(name="portal", base_url=base_url, secret=SECRET, auth=self.auth, **values)
        return Portal(config, self.secret if secret is None else secret)


DRF_TOKEN = ApiKey("Authorization", prefix="Token ")
DRF_SECRET = {"token": known.DJANGO_TOKEN}
COOKIE = ApiKey("session", place="cookie")
COOKIE_SECRET = {"token": known.FASTAPI_KEY}
DJANGO_LOGIN = {"username": known.DJANGO_USER, "password": known.DJANGO_PASSWORD}
FASTAPI_LOGIN = {"username": known.FASTAPI_USER, "password": known.FASTAPI_PASSWORD}
DATASETTE_SECRET = {"token": known.DATASETTE_TOKEN}


def _drf(pages: str, **how: Any) -> ApiSource:
    return ApiSource(**{"portal": "drf", "path": f"/{pages}/readings/", "records": "results", **how})


def _fastapi(pages: str, **how: Any) -> ApiSource:
    values = {"portal": "fastapi", "path": f"/{pages}/readings", "records": "items", "total": "total"}
    return ApiSource(**(values | how))


def _datasette(shape: str, **how: Any) -> ApiSource:
    params = {"_size": 30, "_shape": shape, "_nosuggest": 1}
    return ApiSource(**{"portal": "datasette", "path": "/table/readings.json", "params": params, **how})


LIMIT = Offset(limit=25, total="count")
CASES = [
    Case("drf-page-number", "django", _drf("token/number", paginator=NextLink(body="next"), total="count"),
         (DRF_TOKEN,), DRF_SECRET),
    Case("drf-limit-offset", "django", _drf("token/offset", paginator=LIMIT, total="count"), (DRF_TOKEN,), DRF_SECRET),
    Case("drf-limit-offset-three-at-once", "django", _drf("token/offset", paginator=LIMIT, total="count"),
         (DRF_TOKEN,), DRF_SECRET, {"max_concurrent_requests": 3}),
    Case("drf-capped-limit", "django", _drf("token/capped", paginator=LIMIT, total="count"), (DRF_TOKEN,), DRF_SECRET),
    Case("drf-capped-limit-three-at-once", "django", _drf("token/capped", paginator=LIMIT, total="count"),
         (DRF_TOKEN,), DRF_SECRET, {"max_concurrent_requests": 3}),
    Case("drf-offset-links", "django", _drf("token/offset", paginator=NextLink(body="next"), params={"limit": 25}),
         (DRF_TOKEN,), DRF_SECRET),
    Case("drf-cursor", "django", _drf("token/cursor", paginator=NextLink(body="next")), (DRF_TOKEN,), DRF_SECRET),
    Case("fastapi-page-number", "fastapi",
         _fastapi("cookie/number", paginator=PageNumber(size_param="size", size=40)), (COOKIE,), COOKIE_SECRET),
    Case("fastapi-page-number-three-at-once", "fastapi",
         _fastapi("cookie/number", paginator=PageNumber(size_param="size", size=40)), (COOKIE,), COOKIE_SECRET,
         {"max_concurrent_requests": 3}),
    Case("fastapi-path-only-links", "fastapi",
         _fastapi("cookie/links", paginator=NextLink(body="links.next"), params={"size": 40}), (COOKIE,), COOKIE_SECRET),
    Case("fastapi-link-header", "fastapi",
         _fastapi("cookie/header", paginator=NextLink(header="Link"), params={"size": 40}), (COOKIE,), COOKIE_SECRET),
    Case("fastapi-key-in-the-query", "fastapi",
         _fastapi("query/links", paginator=NextLink(body="links.next"), params={"size": 40}),
         (ApiKey("api_key", place="query"),), COOKIE_SECRET),
    Case("fastapi-limit-offset", "fastapi", _fastapi("cookie/offset", paginator=Offset(40, total="total")),
         (COOKIE,), COOKIE_SECRET),
    Case("datasette-objects", "datasette",
         _datasette("objects", records="rows", paginator=NextLink(body="next_url"), total="filtered_table_rows_count"),
         (Bearer(),), DATASETTE_SECRET),
    Case("datasette-bare-array", "datasette", _datasette("array", paginator=NextLink(header="Link")),
         (Bearer(),), DATASETTE_SECRET),
    Case("drf-basic", "django", _drf("basic/number", paginator=NextLink(body="next"), total="count"),
         (HttpBasic(),), DJANGO_LOGIN),
    Case("fastapi-basic", "fastapi", _fastapi("basic/links", paginator=NextLink(body="links.next")),
         (HttpBasic(),), FASTAPI_LOGIN),
    Case("drf-numbers-past-the-end", "django", _drf("token/number", paginator=PageNumber(past_end=404), total="count"),
         (DRF_TOKEN,), DRF_SECRET),
    Case("drf-numbers-past-the-end-three-at-once", "django",
         _drf("token/number", paginator=PageNumber(past_end=404), total="count"), (DRF_TOKEN,), DRF_SECRET,
         {"max_concurrent_requests": 3}),
    Case("fastapi-cursor", "fastapi",
         _fastapi("cookie/cursor", paginator=NextToken(body="next_page"), params={"size": 40}), (COOKIE,), COOKIE_SECRET),
    Case("fastapi-total-pages", "fastapi",
         _fastapi("cookie/number", paginator=PageNumber(total_pages="pages"), params={"size": 40}),
         (COOKIE,), COOKIE_SECRET),
    Case("datasette-token", "datasette",
         _datasette("objects", records="rows", paginator=NextToken(body="next", param="_next")),
         (Bearer(),), DATASETTE_SECRET),
    Case("datasette-arrays-with-a-header", "datasette",
         _datasette("arrays", records="rows", columns="columns", paginator=NextLink(body="next_url")),
         (Bearer(),), DATASETTE_SECRET),
]  # fmt: skip
SLOWLY = {"rates": (Rate(1, 0.3),)}
"""Twelve pages last longer than a token lives."""
TOKENS = [
    Case("drf-simple-jwt", "django", _drf("jwt/number", paginator=NextLink(body="next"), total="count"),
         (Login(path="/api/token/", token="access"),), DJANGO_LOGIN, SLOWLY),
    Case("drf-oauth-toolkit", "django", _drf("oauth/number", paginator=NextLink(body="next"), total="count"),
         (OAuth2ClientCredentials(token_url="/o/token/"),),
         {"client_id": known.DJANGO_CLIENT, "client_secret": known.DJANGO_CLIENT_SECRET}, SLOWLY),
    Case("fastapi-login-that-tells-no-end", "fastapi",
         _fastapi("bearer/links", paginator=NextLink(body="links.next"), params={"size": 20}),
         (Login(path="/login", encoding="form", token="access_token"),), FASTAPI_LOGIN, SLOWLY),
]  # fmt: skip
"""Those whose token ends while they run."""
NAMED = {case.name: case for case in (*CASES, *TOKENS)}
