"""Several pages at once, where the paginator can tell what comes: never more than needed, never out of order."""

from __future__ import annotations

import threading
import time
from typing import Any

import msgspec
import pytest
from hostile import Asked, Say, hostile, page

from esteira.contract import NextLink, Offset, PageNumber
from esteira.errors import ConfigError, SourceRejected, SourceUnavailable
from esteira.portal import PortalConfig

ROWS = 12
SIZE = 2


def serve(asked: Asked, cap: int = SIZE) -> Say:
    start = int(asked.query.get("offset", 0)) if "page" not in asked.query else (int(asked.query["page"]) - 1) * SIZE
    found = [{"id": number} for number in range(start, min(start + cap, ROWS))]
    return page({"rows": found, "n": ROWS, "next": f"/rows?offset={start + SIZE}" if start + SIZE < ROWS else None})


def ids(pages: Any) -> list[int]:
    return [msgspec.json.decode(record)["id"] for got in pages for record in got.records]


class Crowd:
    """Answers slowly, and counts how many wait at the same time."""

    def __init__(self) -> None:
        self._lock, self._now, self.most = threading.Lock(), 0, 0

    def __call__(self, asked: Asked) -> Say:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.05)
        with self._lock:
            self._now -= 1
        return serve(asked)


@pytest.mark.parametrize(
    "paginator", [Offset(SIZE, total="n"), Offset(SIZE), PageNumber(size_param="limit", size=SIZE)]
)
def test_as_many_pages_are_asked_for_at_once_as_the_portal_allows(open_portal: Any, source: Any, paginator: Any):
    crowd = Crowd()
    with hostile(crowd) as up:
        portal = open_portal(up.url, max_concurrent_requests=3)
        assert ids(portal.pages(source(paginator=paginator))) == list(range(ROWS))
    assert crowd.most == 3


@pytest.mark.parametrize(
    ("paginator", "at_once"), [(Offset(SIZE, total="n"), 1), (NextLink(body="next"), 4)], ids=["one", "links"]
)
def test_one_page_after_the_other_is_asked_for_where_that_is_all_that_can_be_told(
    open_portal: Any, source: Any, paginator: Any, at_once: int
):
    crowd = Crowd()
    with hostile(crowd) as up:
        portal = open_portal(up.url, max_concurrent_requests=at_once)
        assert ids(portal.pages(source(paginator=paginator))) == list(range(ROWS))
    assert crowd.most == 1


@pytest.mark.parametrize("paginator", [Offset(SIZE, total="n"), PageNumber(size_param="limit", size=SIZE)])
def test_no_page_behind_the_reported_total_is_asked_for_ahead(open_portal: Any, source: Any, paginator: Any):
    with hostile(serve) as up:
        portal = open_portal(up.url, max_concurrent_requests=8)
        assert ids(portal.pages(source(paginator=paginator, total="n"))) == list(range(ROWS))
        empty = 0 if isinstance(paginator, Offset) else 1  # numbers end at an empty page
        assert len(up.asked) == ROWS // SIZE + empty


@pytest.mark.fault(10)
def test_a_portal_that_caps_its_pages_is_asked_for_nothing_in_vain(open_portal: Any, source: Any):
    with hostile(lambda asked: serve(asked, cap=1)) as up:
        portal = open_portal(up.url, max_concurrent_requests=4)
        assert ids(portal.pages(source(paginator=Offset(SIZE, total="n")))) == list(range(ROWS))
        assert len(up.asked) == ROWS


def test_a_page_past_the_end_that_is_refused_is_no_error(open_portal: Any, source: Any):
    def strict(asked: Asked) -> Say:
        return serve(asked) if int(asked.query["offset"]) <= ROWS else page({"detail": "Invalid page."}, 404)

    with hostile(strict) as up:
        portal = open_portal(up.url, max_concurrent_requests=4)
        assert ids(portal.pages(source(paginator=Offset(SIZE)))) == list(range(ROWS))


@pytest.mark.fault(6)
@pytest.mark.parametrize(("status", "error"), [(503, SourceUnavailable), (404, SourceRejected)])
def test_a_page_that_was_asked_for_ahead_and_failed_is_the_error_of_its_turn(
    open_portal: Any, source: Any, status: int, error: type
):
    def broken(asked: Asked) -> Say:
        return page({}, status) if asked.query["offset"] == "6" else serve(asked)

    with hostile(broken) as up:
        pages = open_portal(up.url, max_concurrent_requests=3, max_attempts=2).pages(source(paginator=Offset(SIZE)))
        assert ids([next(pages), next(pages), next(pages)]) == list(range(6))
        with pytest.raises(error, match="Page 4"):
            next(pages)


def test_a_walk_that_is_left_early_leaves_no_thread(open_portal: Any, source: Any):
    with hostile(Crowd()) as up:
        pages = open_portal(up.url, max_concurrent_requests=4).pages(source(paginator=Offset(SIZE)))
        next(pages)
        pages.close()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("esteira-")]


def test_no_request_at_once_is_a_configuration_to_correct():
    with pytest.raises(ConfigError, match="max_concurrent_requests=0"):
        PortalConfig(name="p", base_url="https://portal.example", max_concurrent_requests=0)
