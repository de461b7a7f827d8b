"""POST with a body (fault 5), redirects of it, further headers and statuses that a caller understands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hostile import Asked, Say, hostile, page

from esteira.errors import SourceRejected, SourceUnavailable
from esteira.http import HttpClient, HttpConfig, Terms

ROWS = {"rows": [{"id": 1}]}


@pytest.fixture
def client() -> Any:
    def built(url: str, **options: Any) -> HttpClient:
        quick = {"backoff_base_seconds": 0.01, "backoff_cap_seconds": 0.02, "allow_private_hosts": True}
        return HttpClient(HttpConfig(base_url=url, **(quick | {"max_attempts": 3} | options)))

    return built


def test_a_post_sends_its_query_and_its_body_as_json(client: Any):
    with hostile(lambda _: page(ROWS)) as up:
        client(up.url).send("POST", "/rows", {"page": 2}, {"filter": {"name": "São"}}, terms=Terms(is_read_only=True))
        asked = up.asked[0]
        assert (asked.method, asked.query, json.loads(asked.body)) == ("POST", {"page": "2"}, {"filter": {"name": "São"}})  # fmt: skip
        assert asked.headers["Content-Type"] == "application/json"


@pytest.mark.fault(5)
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_only_post_is_asked_again(client: Any, status: int):
    with hostile(lambda asked: page({}, status) if asked.number < 3 else page(ROWS)) as up:
        assert client(up.url).send("POST", "/rows", json={"a": 1}, terms=Terms(is_read_only=True)).status == 200
        assert [asked.body for asked in up.asked] == [b'{"a":1}'] * 3


@pytest.mark.fault(5)
@pytest.mark.parametrize("bad", [page({}, 429), page({}, 500), page({}, 503), Say(b"{", announced=9, is_reset=True)])
def test_a_post_that_is_not_read_only_is_not_asked_again_and_the_error_says_so(client: Any, bad: Any):
    with hostile(lambda _: bad) as up:
        with pytest.raises(SourceRejected, match=r"POST /rows .*not declared read-only, so it is not repeated"):
            client(up.url).send("POST", "/rows", json={"a": 1})
        assert len(up.asked) == 1


@pytest.mark.fault(6)
def test_a_read_only_post_that_fails_beyond_the_budget_is_unavailable(client: Any):
    with hostile(lambda _: page({}, 503)) as up, pytest.raises(SourceUnavailable, match=r"3 attempts.*503"):
        client(up.url).send("POST", "/rows", json={}, terms=Terms(is_read_only=True))


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_that_keeps_the_method_repeats_the_body_on_the_same_host(client: Any, status: int):
    def answer(asked: Asked) -> Say:
        return page({}, status, Location="/new?x=1") if asked.number == 1 else page(ROWS)

    with hostile(answer) as up:
        client(up.url).send("POST", "/rows", json={"a": 1}, terms=Terms(is_read_only=True))
        assert (up.asked[1].method, up.asked[1].path, up.asked[1].body) == ("POST", "/new", b'{"a":1}')


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_may_turn_a_post_into_a_get_is_refused(client: Any, status: int):
    with hostile(lambda _: page({}, status, Location="/new")) as up:
        with pytest.raises(SourceRejected, match=rf"redirects a POST of /rows with {status} to .*/new"):
            client(up.url).send("POST", "/rows", json={"a": 1}, terms=Terms(is_read_only=True))
        assert len(up.asked) == 1


@pytest.mark.parametrize("status", [404, 304, 503, 401])
def test_a_status_that_the_caller_understands_is_an_answer_with_its_body(client: Any, status: int):
    said = Say(b"" if status == 304 else b'{"detail":"past the end"}', status, {"ETag": '"7"'})
    with hostile(lambda _: said) as up:
        answer = client(up.url).get("/rows", terms=Terms({"If-None-Match": '"7"'}, frozenset({status})))
        assert (answer.status, answer.body, answer.headers["etag"]) == (status, said.body, '"7"')
        assert up.asked[0].headers["If-None-Match"] == '"7"'
        assert len(up.asked) == 1


def test_the_body_of_an_error_that_nobody_understands_is_not_read(client: Any):
    with hostile(lambda _: Say(b"x" * 10_000, 404)) as up, pytest.raises(SourceRejected):
        client(up.url, max_response_bytes=100).get("/rows")
