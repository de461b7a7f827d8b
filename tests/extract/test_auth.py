"""Schemes at the socket: what is sent, tokens that expire, tokens that are refused (fault 16), and what never leaves."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from conftest import CANARY, SECRET
from hostile import Asked, Hostile, Say, hostile, page

from esteira.auth import (
    ApiKey,
    Auth,
    Bearer,
    FixedHeaders,
    HttpBasic,
    Login,
    OAuth2ClientCredentials,
    Secret,
)
from esteira.auth.token import jwt_lifetime
from esteira.contract import Offset
from esteira.errors import (
    AuthError,
    ConfigError,
    EsteiraError,
    PayloadError,
    RateLimited,
    SourceRejected,
    SourceUnavailable,
)
from esteira.http import Access, HttpClient, HttpConfig, Terms

ROWS = {"rows": [{"id": 1}]}
FIELDS = {"token": CANARY, "username": "maria", "password": "pá55:word-77", "client_id": "id-4711", "client_secret": "s3cr3t-a&b"}  # fmt: skip
LOGIN = Login(path="/login", expires_in="seconds")
OAUTH = OAuth2ClientCredentials(token_url="/oauth/token")


class Issuer:
    """A portal that gives numbered tokens at `/login` and `/oauth/token`, and takes the newest alone."""

    def __init__(self, seconds: float | None = 3600, status: int = 401, **more: Any) -> None:
        self.seconds, self.status, self.more, self.given, self.taken = seconds, status, more, 0, set[str]()
        self.expired = set[str]()
        self.lock = threading.Lock()

    def __call__(self, asked: Asked) -> Say:
        if asked.method == "POST" and asked.path in ("/login", "/oauth/token"):
            return self.give()
        token = asked.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.taken - self.expired:
            return page({"error": "expired"}, self.status)
        return page(ROWS)

    def give(self) -> Say:
        with self.lock:
            self.given += 1
            token = f"granted-{CANARY}-{self.given}"
            self.taken.add(token)
        life = {} if self.seconds is None else {"seconds": self.seconds, "expires_in": self.seconds}
        return page({"token": token, "access_token": token, **life, **self.more})

    def expire(self) -> None:
        self.expired |= self.taken


@pytest.fixture
def client() -> Iterator[Callable[..., HttpClient]]:
    opened: list[HttpClient] = []

    def built(url: str, *schemes: Auth, clock: Any = time.monotonic, reread: Any = None, **options: Any) -> HttpClient:
        quick = {"backoff_base_seconds": 0.01, "backoff_cap_seconds": 0.02, "allow_private_hosts": True}
        config = HttpConfig(base_url=url, secret=SECRET, **(quick | {"max_attempts": 3} | options))
        access = Access(schemes, Secret(SECRET, FIELDS), clock=clock, reread=reread)
        opened.append(HttpClient(config, access))
        return opened[-1]

    yield built
    for each in opened:
        each.close()


def logins(up: Hostile) -> list[Asked]:
    return [asked for asked in up.asked if asked.method == "POST"]


def pages(up: Hostile) -> list[Asked]:
    return [asked for asked in up.asked if asked.method == "GET"]


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


def test_a_token_is_asked_for_once_and_kept(client: Any):
    with hostile(Issuer()) as up:
        opened = client(up.url, LOGIN)
        for _ in range(4):
            opened.get("/rows")
        assert [len(logins(up)), len(pages(up))] == [1, 4]


@pytest.mark.parametrize(("seconds", "renewed_after"), [(3600, 3540), (30, 24)])
def test_a_token_is_renewed_before_it_expires(client: Any, seconds: float, renewed_after: float):
    now = [0.0]
    with hostile(Issuer(seconds)) as up:
        opened = client(up.url, LOGIN, clock=lambda: now[0])
        opened.get("/rows")
        now[0] = renewed_after - 1
        opened.get("/rows")
        assert len(logins(up)) == 1
        now[0] = renewed_after + 0.1
        opened.get("/rows")
        assert len(logins(up)) == 2
        assert [asked.headers["Authorization"][-1] for asked in pages(up)] == ["1", "1", "2"]


def jwt(**claims: Any) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + ".c2ln"


NOW = datetime(2026, 1, 1, tzinfo=UTC)
END = NOW + timedelta(seconds=90)


@pytest.mark.parametrize(
    ("scheme", "answer"),
    [
        (Login(path="/l", expires_in="data.ttl", token="data.jwt"), {"data": {"jwt": "tok-1", "ttl": "90"}}),
        (Login(path="/l", expires_at="exp"), {"token": "tok-1", "exp": END.timestamp()}),
        (Login(path="/l", expires_at="exp"), {"token": "tok-1", "exp": int(END.timestamp() * 1000)}),
        (Login(path="/l", expires_at="exp"), {"token": "tok-1", "exp": "2026-01-01T00:01:30Z"}),
        (Login(path="/l", expires_at="exp"), {"token": "tok-1", "exp": "2025-12-31T21:01:30.0000000-03:00"}),
        (Login(path="/l", expires_at="exp"), {"token": "tok-1", "exp": "2026-01-01 00:01:30"}),
        (Login(path="/l", lifetime_seconds=90), {"token": "tok-1"}),
        (Login(path="/l"), {"token": jwt(exp=int(END.timestamp()))}),
        (OAUTH, {"access_token": "tok-1", "expires_in": 90}),
        (OAUTH, {"access_token": jwt(exp=int(END.timestamp()))}),
    ],
)
def test_the_life_of_a_token_is_read_where_it_is_told(scheme: Any, answer: Any):
    assert scheme.read(answer, NOW).lifetime_seconds == pytest.approx(90)


@pytest.mark.parametrize("token", ["opaque", "a.b.c", jwt(sub="x"), jwt(exp="soon"), jwt(exp=1), "a.W10.c", "a.é.c"])
def test_a_token_that_tells_no_life_is_used_until_it_is_refused(token: str):
    assert jwt_lifetime(token, NOW) is None


def test_the_portals_own_clock_decides_how_long_a_token_lives(client: Any):
    """Its clock is a year behind ours: by ours the token expired long ago."""
    end = {"token": "tok-past", "exp": "2025-01-01T01:00:00Z"}
    headers = {"Date": "Wed, 01 Jan 2025 00:00:00 GMT"}

    def answer(asked: Asked) -> Say:
        return page(end, **headers) if asked.method == "POST" else page(ROWS)

    now = [0.0]
    with hostile(answer) as up:
        opened = client(up.url, Login(path="/login", expires_at="exp"), clock=lambda: now[0])
        opened.get("/rows")
        now[0] = 3539
        opened.get("/rows")
        assert len(logins(up)) == 1
        now[0] = 3541
        opened.get("/rows")
        assert len(logins(up)) == 2


@pytest.mark.fault(16)
@pytest.mark.parametrize("scheme", [LOGIN, OAUTH], ids=["login", "oauth"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_expires_in_mid_run_is_renewed_and_the_page_asked_for_again(client: Any, scheme: Any, status: int):
    issuer = Issuer(status=status)
    with hostile(issuer) as up:
        opened = client(up.url, scheme)
        opened.get("/rows", {"page": 1})
        issuer.expire()
        assert opened.get("/rows", {"page": 2}).status == 200
        assert [len(logins(up)), len(pages(up))] == [2, 3]
        assert opened.stats.renewals == 1


@pytest.mark.fault(16)
@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_refused_again_after_its_renewal_is_an_error_without_the_secret(client: Any, status: int):
    issuer = Issuer(status=status)

    def refuses(asked: Asked) -> Say:
        return issuer.give() if asked.method == "POST" else page({"error": CANARY}, status)

    with hostile(refuses) as up:
        with pytest.raises(AuthError, match=rf"127\.0\.0\.1:{up.port} .*{status}.*renewed.*{SECRET}") as caught:
            client(up.url, LOGIN).get("/rows")
        assert [len(logins(up)), len(pages(up))] == [2, 2]
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.fault(16)
def test_an_empty_200_that_betrays_an_expired_token_is_renewed_once_and_then_an_error(client: Any):
    with hostile(Issuer()) as up:
        opened = client(up.url, LOGIN)
        opened.get("/rows")
        opened.renew("the total fell from 10 to 0")
        opened.get("/rows")
        assert pages(up)[1].headers["Authorization"][-1] == "2"
        with pytest.raises(AuthError, match=rf"the total fell from 10 to 0.*renewed.*{SECRET}"):
            opened.renew("the total fell from 10 to 0")
        opened.get("/rows", {"page": 2})
        opened.renew("another page may need it again")
        assert len(logins(up)) == 3


@pytest.mark.fault(16)
def test_several_requests_under_way_share_one_renewal(client: Any):
    issuer, gate = Issuer(), threading.Barrier(4)
    with hostile(issuer) as up:
        first = client(up.url, LOGIN)
        first.get("/rows")
        issuer.expire()
        others = [HttpClient(first.config, first._access, stats=first.stats) for _ in range(4)]
        answers: list[int] = []

        def ask(each: HttpClient) -> None:
            gate.wait()
            answers.append(each.get("/rows").status)

        threads = [threading.Thread(target=ask, args=(each,)) for each in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [200] * 4
        assert len(logins(up)) == 2
        for each in others:
            each.close()


@pytest.mark.fault(16)
def test_a_walk_with_several_requests_at_once_survives_an_expired_token(open_portal: Any, source: Any):
    issuer = Issuer()

    def serve(asked: Asked) -> Say:
        found = issuer(asked)
        if asked.method == "POST" or found.status != 200:
            return found
        start = int(asked.query["offset"])
        if start == 12:
            issuer.expire()
        return page({"rows": [{"id": n} for n in range(start, min(start + 2, 40))]})

    with hostile(serve) as up:
        portal = open_portal(up.url, auth=(Login(path="/login", fields={"k": "token"}),), max_concurrent_requests=4)
        read = [json.loads(bytes(r))["id"] for p in portal.pages(source(paginator=Offset(2))) for r in p.records]
        assert read == list(range(40))
        assert len(logins(up)) == 2


def test_a_token_that_was_rotated_in_the_secret_is_read_again(client: Any):
    def rotated(asked: Asked) -> Say:
        return page(ROWS, 200 if asked.headers["Authorization"] == "Bearer new-token-1" else 401)

    with hostile(rotated) as up:
        opened = client(up.url, Bearer(), reread=lambda: {"token": "new-token-1"})
        assert opened.get("/rows").status == 200
        assert len(up.asked) == 2


def test_a_fixed_token_that_did_not_change_is_refused_at_once(client: Any):
    with hostile(lambda _: page({}, 401)) as up:
        with pytest.raises(AuthError, match=rf"401.*{SECRET}"):
            client(up.url, Bearer(), reread=lambda: FIELDS).get("/rows")
        assert len(up.asked) == 1


@pytest.mark.parametrize("status", [400, 401])
def test_an_endpoint_that_refuses_the_client_is_an_auth_error_with_its_code(client: Any, status: int):
    refusal = page({"error": "invalid_client", "error_description": f"no client {CANARY}"}, status)
    with hostile(lambda _: refusal) as up:
        opened = client(up.url, OAUTH)
        for _ in range(2):
            with pytest.raises(AuthError, match=rf"/oauth/token.*{status}, invalid_client.*{SECRET}") as caught:
                opened.get("/rows")
            assert CANARY not in str(caught.value)
        assert len(up.asked) == 1, "a refused login is tried again: some portals lock the account"


def test_a_refusals_text_for_people_is_not_shown_since_it_may_repeat_what_was_sent(client: Any):
    told = page({"error": "no user maria with pw-typed-wrong", "code": {"code": "E 17"}}, 401)
    with hostile(lambda _: told) as up, pytest.raises(AuthError, match=r"\(status 401\)") as caught:
        client(up.url, LOGIN).get("/rows")
    assert "typed" not in caught.value.paragraph()


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


def test_a_200_with_an_errors_code_and_no_token_is_an_auth_error(client: Any):
    with hostile(lambda _: page({"error": "invalid_grant"})) as up, pytest.raises(AuthError, match="invalid_grant"):
        client(up.url, LOGIN).get("/rows")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"jwt": "x", "user": {}}, "no text at token; it holds jwt, user"),
        ([], "no text at token; it holds a list"),
        ({"token": 5}, "no text at token"),
        ({"token": "t-12345", "seconds": "soon"}, "expiry at seconds is 'soon'"),
        ({"token": "t-12345"}, "no expiry at seconds"),
        ({"token": "a\nb-12345", "seconds": 1}, "cannot stand in a header"),
    ],
)
def test_an_answer_without_a_token_names_the_path_and_the_keys(client: Any, answer: Any, words: str):
    with hostile(lambda _: page(answer)) as up, pytest.raises(PayloadError, match=f"/login.*{words}"):
        client(up.url, LOGIN).get("/rows")


def test_a_token_endpoint_that_answers_with_a_page_for_people_once_is_asked_again(client: Any):
    issuer = Issuer()
    with hostile(lambda asked: Say(b"<html>") if asked.number == 1 else issuer(asked)) as up:
        assert client(up.url, LOGIN).get("/rows").status == 200
    html = Say(b"<html>", headers={"Content-Type": "text/html"})
    with hostile(lambda _: html) as up, pytest.raises(PayloadError, match="no JSON but text/html"):
        client(up.url, LOGIN).get("/rows")


@pytest.mark.fault(6)
@pytest.mark.parametrize(("status", "kind"), [(503, SourceUnavailable), (429, RateLimited)])
def test_a_token_endpoint_that_is_down_is_unavailable_after_the_budget(client: Any, status: int, kind: Any):
    with hostile(lambda _: page({}, status)) as up:
        with pytest.raises(kind, match=rf"request for a token.*/login in 3 attempts.*{status}"):
            client(up.url, LOGIN).get("/rows")
        assert len(up.asked) == 3


def test_a_token_endpoint_that_is_not_there_is_rejected(client: Any):
    with hostile(lambda _: page({}, 404)) as up, pytest.raises(SourceRejected, match=r"request for a token.*404"):
        client(up.url, LOGIN).get("/rows")


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
