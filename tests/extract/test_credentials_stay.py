"""No credential of any scheme leaves by a redirect or a link, nor stands in a log, an error or a page."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from conftest import CANARY
from hostile import Asked, Hostile, Say, hostile, page
from issuer import FIELDS, LOGIN, OAUTH, ROWS, Issuer

from esteira.auth import ApiKey, Bearer, FixedHeaders, HttpBasic, Login, OAuth2ClientCredentials
from esteira.errors import EsteiraError, PayloadError, SourceRejected
from esteira.http import Terms


@pytest.mark.fault(64)
@pytest.mark.parametrize("scheme", [LOGIN, OAUTH, HttpBasic()], ids=["login", "oauth", "basic"])
def test_what_a_scheme_made_of_the_secret_is_hidden_where_a_page_repeats_it(open_portal: Any, source: Any, scheme: Any):
    made: list[str] = []

    def echo(asked: Asked) -> Say:
        if asked.method == "POST":
            return page({"token": "made-f00-4711", "access_token": "made-f00-4711", "seconds": 60, "expires_in": 60})
        made.append(asked.headers["Authorization"].split()[1])
        return Say(f"<html>{made[-1]}".encode())

    fields = {
        "username": "x",
        "password": "y-3",
        "client_id": "z",
        "client_secret": "u-4",
    }  # too short to be registered by themselves
    with hostile(echo) as up, pytest.raises(PayloadError, match=r"begins '<html>\*\*\*'") as caught:
        list(open_portal(up.url, fields, auth=(scheme,)).pages(source()))
    assert made[0] not in str(caught.value)


EVERY_SCHEME = [
    Bearer(),
    ApiKey("X-Api-Key"),
    ApiKey("key", "query"),
    ApiKey("session", "cookie"),
    ApiKey("Authorization", prefix="Token "),
    HttpBasic(),
    FixedHeaders({"X-Api-Version": "2"}),
    LOGIN,
    Login(path="/login", name="sid", place="query", prefix=""),
    Login(path="/login", name="sid", place="cookie", prefix=""),
    OAUTH,
    OAuth2ClientCredentials(token_url="/oauth/token", client_auth="body"),
]
SENT = (*FIELDS.values(), "granted-", base64.b64encode(b"maria:").decode()[:6])


@contextmanager
def with_thief(answer: Callable[[str], Callable[[Asked], Say]]) -> Iterator[tuple[Hostile, Hostile]]:
    with hostile(lambda _: page(ROWS)) as thief, hostile(answer(thief.url)) as up:
        yield up, thief


@pytest.mark.fault(62)
@pytest.mark.parametrize("scheme", EVERY_SCHEME, ids=str)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_credential_and_no_body_of_any_scheme_leaves_by_a_redirect(client: Any, scheme: Any, method: Any, status: int):  # fmt: skip
    def away(thief: str) -> Callable[[Asked], Say]:
        issuer = Issuer()
        return lambda asked: (
            issuer.give() if "token" in asked.path or "login" in asked.path else page({}, status, Location=f"{thief}/x")
        )

    with with_thief(away) as (up, thief):
        for allowed in ((), (f"127.0.0.1:{thief.port}",)):  # a link may lead to an allowed host, a redirect never
            opened = client(up.url, scheme, allowed_hosts=allowed)
            with pytest.raises(SourceRejected, match=f"{thief.port}"):
                opened.send(
                    method, "/rows", json={"q": 1} if method == "POST" else None, terms=Terms(is_read_only=True)
                )
        assert thief.asked == []


@pytest.mark.fault(63)
@pytest.mark.parametrize("scheme", EVERY_SCHEME, ids=str)
def test_no_credential_and_no_body_of_any_scheme_leaves_by_a_link(client: Any, scheme: Any):
    with with_thief(lambda _: Issuer()) as (up, thief):
        opened = client(up.url, scheme)
        for link in (f"{thief.url}/rows", f"//127.0.0.1:{thief.port}/rows", f"http://x@127.0.0.1:{thief.port}/rows"):
            with pytest.raises(SourceRejected, match="portal leads to"):
                opened.send("POST", link, json={"q": 1}, terms=Terms(is_read_only=True))
        assert thief.asked == []


@pytest.mark.fault(62)
@pytest.mark.parametrize("scheme", [LOGIN, OAUTH], ids=["login", "oauth"])
@pytest.mark.parametrize("status", [302, 307, 308])
def test_no_login_leaves_by_a_redirect(client: Any, scheme: Any, status: int):
    with with_thief(lambda thief: lambda _: page({}, status, Location=f"{thief}/login")) as (up, thief):
        with pytest.raises(SourceRejected, match=f"{thief.port}"):
            client(up.url, scheme).get("/rows")
        assert thief.asked == []


@pytest.mark.fault(64)
@pytest.mark.parametrize("scheme", EVERY_SCHEME, ids=str)
@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_no_value_of_any_scheme_stands_in_a_log_or_an_error(client: Any, scheme: Any, status: int, caplog: Any):
    issuer, seen = Issuer(), []

    def answer(asked: Asked) -> Say:
        if asked.path in ("/login", "/oauth/token"):
            return issuer.give()
        return page({"said": asked.said}, status, Location=f"/x?sid={CANARY}")

    with caplog.at_level(logging.DEBUG), hostile(answer) as up:
        opened = client(up.url, scheme, max_attempts=2)
        try:
            seen.append(repr(opened.get("/rows")))
        except EsteiraError as exc:
            seen += [*traceback.format_exception(exc), repr(exc), exc.paragraph()]
        seen += [repr(vars(opened)), repr(vars(opened._access))]
        assert up.asked
        assert isinstance(scheme, FixedHeaders) or any(mark in asked.said for asked in up.asked for mark in SENT)
    text = "\n".join([*seen, caplog.text, *(repr(record.args) for record in caplog.records)])
    assert "urllib3" in caplog.text
    assert [mark for mark in SENT if mark in text] == []
