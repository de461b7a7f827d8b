"""How each scheme proves who asks: fixed values, logins, client credentials; and how one may be written."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from conftest import CANARY, SECRET
from hostile import hostile, page
from issuer import LOGIN, OAUTH, ROWS, Issuer

from esteira.auth import ApiKey, Bearer, FixedHeaders, HttpBasic, Login, OAuth2ClientCredentials, Secret
from esteira.errors import AuthError, ConfigError, SourceRejected
from esteira.http import Access


@pytest.mark.parametrize(
    ("scheme", "place", "name", "value"),
    [
        (Bearer(), "headers", "Authorization", f"Bearer {CANARY}"),
        (ApiKey("chave-api-dados"), "headers", "chave-api-dados", CANARY),
        (ApiKey("Authorization", prefix="Token "), "headers", "Authorization", f"Token {CANARY}"),
        (ApiKey("Authorization"), "headers", "Authorization", CANARY),
        (ApiKey("key", "query"), "query", "key", CANARY),
        (ApiKey("sid", "cookie"), "headers", "Cookie", f"sid={CANARY}"),
        (HttpBasic(), "headers", "Authorization", f"Basic {base64.b64encode('maria:pá55:word-77'.encode()).decode()}"),
        (FixedHeaders({"X-Api-Version": "2"}), "headers", "X-Api-Version", "2"),
        (FixedHeaders({"Accept": "application/vnd.x+json"}), "headers", "Accept", "application/vnd.x+json"),
    ],
    ids=str,
)
def test_a_fixed_scheme_sends_its_value_in_its_place(client: Any, scheme: Any, place: str, name: str, value: str):
    with hostile(lambda _: page(ROWS)) as up:
        client(up.url, scheme).get("/rows")
        assert getattr(up.asked[0], place)[name] == value


def test_several_schemes_are_applied_together(client: Any):
    with hostile(Issuer()) as up:
        client(up.url, ApiKey("X-Api-Key"), FixedHeaders({"X-Org": "7"}), ApiKey("sid", "cookie"), LOGIN).get("/rows")
        sent = up.asked[1].headers
        assert (sent["X-Api-Key"], sent["X-Org"], sent["Cookie"]) == (CANARY, "7", f"sid={CANARY}")
        assert sent["Authorization"].startswith("Bearer granted-")
        assert CANARY not in up.asked[0].said, "the request for a token carries the credentials of the others"


def test_a_login_posts_the_credentials_as_json_and_sends_the_token_where_it_is_told(client: Any):
    login = Login(
        path="/login", fields={"user": "username", "pass": "password"}, extra={"domain": "br"},
        token="token", name="X-Session", prefix="",
    )  # fmt: skip
    with hostile(lambda asked: Issuer()(asked) if asked.method == "POST" else page(ROWS)) as up:
        client(up.url, login).get("/rows")
        assert json.loads(up.asked[0].body) == {"domain": "br", "user": "maria", "pass": "pá55:word-77"}
        assert up.asked[0].headers["Content-Type"] == "application/json"
        assert up.asked[1].headers["X-Session"] == f"granted-{CANARY}-1"


@pytest.mark.parametrize(("place", "where"), [("query", "query"), ("cookie", "headers")])
def test_a_login_by_form_may_send_its_token_in_the_query_or_a_cookie(client: Any, place: Any, where: str):
    login = Login(path="/login", encoding="form", name="sid", place=place, prefix="")
    with hostile(lambda asked: Issuer()(asked) if asked.method == "POST" else page(ROWS)) as up:
        answer = client(up.url, login).get("/rows")
        assert parse_qs(up.asked[0].body.decode()) == {"username": ["maria"], "password": ["pá55:word-77"]}
        assert f"granted-{CANARY}-1" in str(getattr(up.asked[1], where))
        assert CANARY not in answer.url


@pytest.mark.parametrize("client_auth", ["basic", "body"])
def test_client_credentials_are_sent_as_the_server_wants_them(client: Any, client_auth: Any):
    scheme = OAuth2ClientCredentials(token_url="/oauth/token", client_auth=client_auth, scope="a b", params={"audience": "x"})  # fmt: skip
    with hostile(Issuer()) as up:
        client(up.url, scheme).get("/rows")
        body = {name: found[0] for name, found in parse_qs(up.asked[0].body.decode()).items()}
        proof = base64.b64encode(b"id-4711:s3cr3t-a%26b").decode()
        in_body = {"client_id": "id-4711", "client_secret": "s3cr3t-a&b"} if client_auth == "body" else {}
        assert body == {"grant_type": "client_credentials", "audience": "x", "scope": "a b", **in_body}
        assert up.asked[0].headers.get("Authorization") == (f"Basic {proof}" if client_auth == "basic" else None)


def test_an_identity_provider_on_another_host_gets_the_clients_secret_and_the_portal_the_token(client: Any):
    with hostile(Issuer()) as provider, hostile(lambda _: page(ROWS)) as up:
        scheme = OAuth2ClientCredentials(token_url=f"{provider.url}/oauth/token")
        client(up.url, scheme).get("/rows")
        assert [len(provider.asked), len(up.asked)] == [1, 1]
        assert up.asked[0].headers["Authorization"] == f"Bearer granted-{CANARY}-1"


@pytest.mark.fault(63)
def test_the_identity_providers_host_is_open_to_the_token_alone(client: Any):
    with hostile(Issuer()) as provider, hostile(lambda _: page(ROWS)) as up:
        opened = client(up.url, OAuth2ClientCredentials(token_url=f"{provider.url}/oauth/token"))
        opened.get("/rows")
        with pytest.raises(SourceRejected, match="not allowed"):
            opened.get(f"{provider.url}/rows")
        assert len(provider.asked) == 1


@pytest.mark.fault(63)
def test_a_token_url_that_resolves_to_a_private_address_is_sent_nothing(client: Any):
    with hostile(Issuer()) as provider:
        scheme = OAuth2ClientCredentials(token_url=f"https://localhost:{provider.port}/oauth/token")
        with pytest.raises(SourceRejected, match="not a public address"):
            client("https://portal.example", scheme, allow_private_hosts=False).get("/rows")
        assert provider.asked == []


def test_a_token_url_without_tls_is_a_config_error(client: Any):
    with hostile(lambda _: page(ROWS)) as up, pytest.raises(ConfigError, match=r"token's URL .*not https"):
        client(up.url, OAuth2ClientCredentials(token_url="http://id.example/token")).get("/rows")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: FixedHeaders({"Authorization": "x"}),
        lambda: FixedHeaders({"cookie": "x"}),
        lambda: FixedHeaders({"Host": "x"}),
        lambda: FixedHeaders({"X\r\nY": "x"}),
        lambda: FixedHeaders({"X": "a\r\nY: b"}),
        lambda: ApiKey("X\r\nY"),
        lambda: ApiKey("X", "body"),  # type: ignore[arg-type]
        lambda: Login(path="/l", token="a["),
        lambda: Login(path="/l", fields={}),
        lambda: Login(path="/l", encoding="xml"),  # type: ignore[arg-type]
        lambda: Login(path="/l", lifetime_seconds=0),
        lambda: Login(path="/l", lifetime_seconds=5, expires_in="x"),
        lambda: Login(path="/l", name="a b"),
        lambda: OAuth2ClientCredentials(token_url="/t", client_auth="jwt"),  # type: ignore[arg-type]
        lambda: OAuth2ClientCredentials(token_url="/t", expires_in="["),
    ],
)
def test_a_scheme_that_cannot_work_cannot_be_written(wrong: Any):
    with pytest.raises(ConfigError):
        wrong()


@pytest.mark.parametrize("scheme", [Bearer(), HttpBasic(), LOGIN, OAUTH], ids=str)
def test_a_scheme_without_its_field_names_secret_and_field(scheme: Any):
    with pytest.raises(AuthError, match=rf"{SECRET}.*no field"):
        Access((scheme,), Secret(SECRET, {"other": "value"}))


@pytest.mark.parametrize("scheme", [Bearer(), HttpBasic(), LOGIN, OAUTH], ids=str)
def test_a_scheme_without_a_secret_is_a_config_error(scheme: Any):
    with pytest.raises(ConfigError, match="names no secret"):
        Access((scheme,))


def test_fixed_headers_alone_need_no_secret():
    link = "https://x.example/rows?X-A=1"
    assert Access((FixedHeaders({"X-A": "1"}),)).without_credentials(link) == link


def test_a_user_name_with_a_colon_is_refused():
    with pytest.raises(AuthError, match="colon"):
        HttpBasic().credentials(Secret(SECRET, {"username": "a:b", "password": "c-12345"}))
