"""What becomes of a token endpoint that refuses, answers with something else, or is down."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import CANARY, SECRET
from hostile import Say, hostile, page
from issuer import LOGIN, OAUTH, Issuer

from esteira.errors import AuthError, PayloadError, RateLimited, SourceRejected, SourceUnavailable


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
