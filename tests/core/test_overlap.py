"""Rows that come and go while they are read by offset: re-read and kept once up to the overlap, an error and a new walk beyond it."""

import io
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esteira.batch import Known, plan
from esteira.contract import Dataset, Offset, Upsert
from esteira.curate import curate
from esteira.erasure.rewrite import rewrite
from esteira.errors import ConfigError, PayloadError
from esteira.extraction.extract import extract
from esteira.lake import Lake, Seal
from esteira.portal import Portal
from esteira.raw import raw_pages
from tests.core.small import Key, dataset, source
from tests.extract.hostile import Asked, Say, hostile, page

pytestmark = pytest.mark.fault(10)
Opened = Callable[[str], Portal]
_numbers = itertools.count(1)


def contract(limit: int, overlap: int, total: str | None = None, pages_per_part: int = 2) -> Dataset:
    paged = {"paginator": Offset(limit, total=total, overlap=overlap), "total": total, "pages_per_part": pages_per_part}
    return dataset(name=f"rows{next(_numbers)}", schema=Key, write=Upsert(key="id"), source=source(**paged))


class Moving:
    """A portal whose rows change before each page: `moves` says for each request what is done to the list."""

    def __init__(self, rows: list[int], moves: dict[int, Callable[[list[int]], Any]], cap: int = 99) -> None:
        self.rows, self._moves, self._cap = rows, moves, cap

    def __call__(self, asked: Asked) -> Say:
        self._moves.get(asked.number, lambda _: None)(self.rows)
        start, limit = int(asked.query["offset"]), min(int(asked.query["limit"]), self._cap)
        return page({"rows": [{"id": row} for row in self.rows[start : start + limit]], "total": len(self.rows)})


def extracted(found: Dataset, portal: Moving, lake: Lake, open_portal: Opened) -> Seal:
    (batch,) = plan(found, datetime(2014, 1, 2, tzinfo=UTC), Known())
    with hostile(portal) as up:
        raw = extract(found, batch, portal=open_portal(up.url), lake=lake)
    assert raw is not None
    return raw


def ids_of(found: Dataset, raw: Seal, lake: Lake) -> list[int]:
    tables = [pq.read_table(io.BytesIO(lake.read_part(part))) for part in curate(found, raw, lake=lake).parts]
    return [row for table in tables for row in table.column("id").to_pylist()]


@pytest.mark.parametrize("total", [None, "total"])
def test_a_row_that_is_deleted_before_the_next_page_moves_none_out_of_sight(
    lake: Lake, open_portal: Opened, total: str | None
):
    portal = Moving(list(range(12)), {2: lambda rows: rows.remove(1)})
    found = contract(4, 2, total)
    assert ids_of(found, extracted(found, portal, lake, open_portal), lake) == list(range(12))


@pytest.mark.parametrize("total", [None, "total"])
def test_rows_that_are_inserted_before_the_next_page_bring_none_twice(
    lake: Lake, open_portal: Opened, total: str | None
):
    portal = Moving(list(range(12)), {2: lambda rows: rows.insert(0, 100), 3: lambda rows: rows.insert(2, 101)})
    found = contract(4, 2)
    assert ids_of(found, extracted(found, portal, lake, open_portal), lake) == list(range(12))


def test_more_deletions_than_the_overlap_are_an_error_and_the_next_run_begins_anew(lake: Lake, open_portal: Opened):
    def shrink(rows: list[int]) -> None:
        del rows[:3]

    portal, found = Moving(list(range(12)), {3: shrink}), contract(4, 2, pages_per_part=1)
    with pytest.raises(PayloadError, match="does not go on with the 2 rows before it"):
        extracted(found, portal, lake, open_portal)
    assert ids_of(found, extracted(found, Moving(portal.rows, {}), lake, open_portal), lake) == list(range(3, 12))


def test_without_an_overlap_the_count_tells_that_a_row_is_missing(lake: Lake, open_portal: Opened):
    portal, found = Moving(list(range(6)), {2: lambda rows: rows.remove(0)}), contract(2, 0, "total")
    with pytest.raises(PayloadError, match="reports 6 rows for this window and delivered 5"):
        extracted(found, portal, lake, open_portal)


@pytest.mark.slow
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(0, 20), limit=st.integers(4, 9), overlap=st.integers(1, 2), cap=st.integers(1, 9), data=st.data(),
)  # fmt: skip
def test_no_row_that_stood_throughout_is_missed_or_twice(
    lake: Lake, open_portal: Opened, *, size: int, limit: int, overlap: int, cap: int, data: st.DataObject
):
    """Whatever comes and goes, and however short the portal's pages are: an error, or every row once."""
    moves: dict[int, Callable[[list[int]], Any]] = {}
    moved: set[int] = set()
    for request in data.draw(st.sets(st.integers(2, 12), max_size=7)):
        if data.draw(st.booleans()):
            row = data.draw(st.integers(0, 19))
            moved.add(row)
            moves[request] = lambda rows, row=row: rows.remove(row) if row in rows else None  # type: ignore[misc] # a lambda's default
        else:
            moves[request] = lambda rows, row=100 + request: rows.insert(len(rows) // 2, row)  # type: ignore[misc] # a lambda's default
    found, portal = contract(limit, overlap), Moving(list(range(size)), moves, cap)
    try:
        got = ids_of(found, extracted(found, portal, lake, open_portal), lake)
    except PayloadError:  # the next run begins anew
        return
    assert len(got) == len(set(got))
    assert set(range(size)) - moved <= set(got)


def test_a_portal_that_ignores_the_offset_is_an_error_with_an_overlap_too(lake: Lake, open_portal: Opened):
    (batch,) = plan(contract(4, 2), datetime(2014, 1, 2, tzinfo=UTC), Known())
    with hostile(lambda _: page({"rows": [{"id": row} for row in range(4)]})) as up, pytest.raises(PayloadError):
        extract(contract(4, 2), batch, portal=open_portal(up.url), lake=lake)


@pytest.mark.parametrize("overlap", [-1, 3])
def test_a_page_of_nothing_but_repeated_rows_is_refused(overlap: int):
    with pytest.raises(ConfigError, match="at most half of the limit"):
        Offset(4, overlap=overlap)


def test_an_erased_row_stands_on_no_page_that_repeats_it(lake: Lake, open_portal: Opened):
    found = contract(4, 2)
    raw = extracted(found, Moving(list(range(8)), {}), lake, open_portal)
    made = rewrite(found, raw, 2, {3}, (), lake)
    assert ids_of(found, made, lake) == [0, 1, 2, 4, 5, 6, 7]
    assert sum(part.rows for part in made.parts) == 7
    pages = [body for part in made.parts for body in raw_pages(lake.read_part(part), part)]
    assert b'"id": 3' not in b"".join(pages).replace(b'":', b'": ')
    assert (made.extracted, made.erased) == (7, 1)
