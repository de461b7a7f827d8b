"""Fault 16 where an expired token is no 401: an empty 200 that the contract says how to tell."""

from __future__ import annotations

import json
import threading
from typing import Any

import msgspec
import pytest
from conftest import CANARY
from hostile import Asked, Say, hostile, page

from esteira.auth import Login
from esteira.contract import NextToken, Offset, PageNumber, ResponseAction
from esteira.errors import AuthError, PayloadError
from esteira.portal import SoFar

COUNT, SIZE = 12, 2
EMPTY = {"rows": [], "n": 0}
LOGIN = (Login(path="/login", fields={"secret": "token"}),)


class Session:
    """Gives tokens, each good for so many pages; an old one is answered by `expired`, and so is the one numbered `stale`."""

    def __init__(self, expired: Say, pages: int = 3, *, is_broken: bool = False) -> None:
        self.expired, self.pages, self.is_broken = expired, pages, is_broken
        self.given, self.left, self.stale, self.lock = 0, 0, 0, threading.Lock()

    def __call__(self, asked: Asked) -> Say:
        with self.lock:
            if asked.path == "/login":
                self.given, self.left = self.given + 1, self.pages
                return page({"token": f"granted-{CANARY}-{self.given}"})
            is_current = asked.headers["Authorization"].endswith(f"-{self.given}")
            self.left -= 1
            is_refused = self.given == self.stale or (self.is_broken and self.given > 1)
            if not is_current or self.left < 0 or is_refused:
                return self.expired
        start = int(asked.query.get("offset", 0)) or (int(asked.query.get("page", 1)) - 1) * SIZE
        start = int(asked.query.get("cursor", start))
        rows = [{"id": number} for number in range(start, min(start + SIZE, COUNT))]
        return page({"rows": rows, "n": COUNT, "next": start + SIZE if start + SIZE < COUNT else None})


BETRAYALS = [
    (page(EMPTY), ResponseAction("refresh", is_total_changed=True)),
    (page({"rows": []}), ResponseAction("refresh", is_total_changed=True)),
    (page(EMPTY), ResponseAction("refresh", is_short=True)),
    (page({"rows": []}), ResponseAction("refresh", is_short=True)),
    (page({**EMPTY, "status": "EXPIRED"}), ResponseAction("refresh", at="status", equals="EXPIRED")),
    (page({"message": "token expired"}), ResponseAction("refresh", text="token expired")),
    (page({"code": 7}, 419), ResponseAction("refresh", status=419)),
    (page({"code": 7}, 404), ResponseAction("refresh", status=404, at="code", equals=7)),
]


def ids(pages: Any) -> list[int]:
    return [msgspec.json.decode(record)["id"] for got in pages for record in got.records]


def opened(open_portal: Any, url: str, at_once: int = 1) -> Any:
    return open_portal(url, auth=LOGIN, max_concurrent_requests=at_once, max_attempts=2)


@pytest.mark.fault(16)
@pytest.mark.parametrize(("expired", "rule"), BETRAYALS)
@pytest.mark.parametrize("paginator", [Offset(SIZE, total="n"), PageNumber(), NextToken(body="next")])
def test_a_token_that_expires_in_the_middle_costs_one_renewal_and_no_row(
    open_portal: Any, source: Any, expired: Say, rule: Any, paginator: Any
):
    session = Session(expired)
    with hostile(session) as up:
        walk = source(paginator=paginator, total="n", responses=(rule,))
        assert ids(opened(open_portal, up.url).pages(walk)) == list(range(COUNT))
    assert 2 <= session.given <= 4
    assert session.given == len([asked for asked in up.asked if asked.path == "/login"])


@pytest.mark.fault(16)
@pytest.mark.parametrize(("expired", "rule"), BETRAYALS)
@pytest.mark.parametrize("pages", [2, 3, 5])
def test_several_pages_under_way_with_an_expired_token_lose_no_row(
    open_portal: Any, source: Any, expired: Say, rule: Any, pages: int
):
    with hostile(Session(expired, pages=pages + 4)) as up:
        walk = source(paginator=Offset(SIZE, total="n"), total="n", responses=(rule,))
        assert ids(opened(open_portal, up.url, at_once=4).pages(walk)) == list(range(COUNT))


@pytest.mark.fault(16)
@pytest.mark.fault(64)
@pytest.mark.parametrize(("expired", "rule"), BETRAYALS)
@pytest.mark.parametrize("at_once", [1, 4])
def test_a_second_time_is_an_error_without_the_secret(
    open_portal: Any, source: Any, expired: Say, rule: Any, at_once: int
):
    session = Session(expired, is_broken=True)
    with hostile(session) as up:
        walk = source(paginator=Offset(SIZE, total="n"), total="n", responses=(rule,))
        with pytest.raises((AuthError, PayloadError), match=r"new token|renewed") as caught:
            list(opened(open_portal, up.url, at_once).pages(walk))
    assert type(caught.value) is (PayloadError if rule.is_about_counts else AuthError)
    assert CANARY not in caught.value.paragraph()
    assert session.given <= 3


@pytest.mark.fault(16)
@pytest.mark.parametrize("rule", [{"is_total_changed": True}, {"is_short": True}])
def test_a_token_that_has_expired_before_a_resumption_is_betrayed_by_what_came_before(
    open_portal: Any, source: Any, rule: Any
):
    walk = source(paginator=Offset(SIZE, total="n"), total="n", responses=(ResponseAction("refresh", **rule),))
    session = Session(page(EMPTY), pages=20)
    with hostile(session) as up:
        _, second, *_ = opened(open_portal, up.url).pages(walk)
        session.stale = session.given + 1
        state = json.loads(json.dumps(second.next_state))
        resumed = opened(open_portal, up.url).pages(walk, state=state, number=3, so_far=SoFar(4, COUNT))
        assert ids(resumed) == list(range(4, COUNT))
    assert session.given == 3
