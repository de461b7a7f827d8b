"""A token is asked for once, renewed before it ends or when it is refused, and shared by requests under way."""

from __future__ import annotations

import base64
import json
import threading
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import CANARY, SECRET
from hostile import Asked, Say, hostile, page
from issuer import FIELDS, LOGIN, OAUTH, ROWS, Issuer, logins, pages

from esteira.auth import Bearer, Login
from esteira.auth.token import jwt_lifetime
from esteira.contract import Offset
from esteira.errors import AuthError
from esteira.http import HttpClient


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
