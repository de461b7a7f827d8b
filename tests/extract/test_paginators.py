"""For any page size, cap and table, each paginator brings exactly the source's rows in order, resumed from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hostile import Asked, Hostile, Say, hostile, page
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esteira.contract import NextLink, Offset, PageNumber

ROWS = 40
KINDS = ["link", "header", "offset", "offset-total", "number"]


def serve(asked: Asked) -> Say:
    """The table's size, cap and kind stand in the query, so that one portal serves every example."""
    query = asked.query
    count, cap = int(query["count"]), int(query["cap"])
    size = min(int(query.get("limit", cap)), cap)
    start = int(query["offset"]) if "offset" in query else (int(query.get("page", 1)) - 1) * size
    found = [{"id": i} for i in range(start, min(start + size, count))]
    has_next = start + size < count
    link = f"?count={count}&cap={cap}&page={int(query.get('page', 1)) + 1}" if has_next else None
    headers = {"Link": f'<{link}>; rel="next"'} if link else {}
    return page({"rows": found, "n": count, "next": link}, **headers)


@pytest.fixture(scope="module")
def table() -> Iterator[Hostile]:
    with hostile(serve) as up:
        yield up


def paginator(kind: str, size: int):
    return {
        "link": NextLink(body="next"),
        "header": NextLink(header="link"),
        "offset": Offset(size),
        "offset-total": Offset(size, total="n"),
        "number": PageNumber(size_param="limit", size=size),
    }[kind]


def ids(pages: Any) -> list[int]:
    return [msgspec.json.decode(record)["id"] for got in pages for record in got.records]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(KINDS),
    size=st.integers(1, 12),
    cap=st.integers(1, 12),
    count=st.integers(0, ROWS),
    stop=st.integers(0, ROWS),
    at_once=st.integers(1, 4),
)
def test_the_rows_arrive_once_and_in_order_also_after_a_resumption(  # noqa: PLR0917
    table: Any, open_portal: Any, source: Any, kind: Any, size: Any, cap: Any, count: Any, stop: Any, at_once: Any
):
    walk = source(paginator=paginator(kind, size), params={"count": count, "cap": cap})
    whole = list(open_portal(table.url, max_concurrent_requests=at_once).pages(walk))
    assert ids(whole) == list(range(count))
    assert [got.number for got in whole] == list(range(1, len(whole) + 1))
    last = whole[stop % len(whole)]
    if last.next_state is not None:
        state = json.loads(json.dumps(last.next_state))
        rest = list(open_portal(table.url).pages(walk, state=state, number=last.number + 1))
        assert [(got.number, got.body) for got in rest] == [(got.number, got.body) for got in whole[last.number :]]
