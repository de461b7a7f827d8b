"""Cursors that are no time: where a batch begins, what it brings, and what the ledger keeps of it."""

import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pandas as pd
import pandera.pandas as pandera
import pyarrow.parquet as pq
import pytest

from esteira.batch import Batch, Known, plan
from esteira.contract import Append, Dataset, Incremental, Offset, Upsert
from esteira.curate import curate
from esteira.errors import ConfigError, PayloadError, SourceUnavailable
from esteira.extraction.beginning import Beginning, begin
from esteira.extraction.cursor import CursorWatch, WindowWatch
from esteira.extraction.extract import extract
from esteira.lake import Lake, Provenance, Seal
from esteira.portal import Portal
from esteira.rebuild import require_askable
from esteira.warehouse import LedgerEntry
from tests.core.small import NO_LAKE, dataset, raw, source
from tests.extract.hostile import Asked, Say, hostile, page

Opened = Callable[[str], Portal]
NOW = datetime(2014, 1, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def seen(*records: dict[str, Any]) -> tuple[bytes, list[msgspec.Raw]]:
    """A page and its records."""
    return json.dumps(records).encode(), raw(*records)


class Tie(pandera.DataFrameModel):
    """Rows with a key and a place in the order of changes, which several may share."""

    id: pd.Int64Dtype = pandera.Field(description="Key")
    seq: pd.Int64Dtype = pandera.Field(description="Place")


def numbers(**changes: Any) -> Incremental:
    return Incremental(**({"cursor": "seq", "start_param": "since", "initial": 0} | changes))


def ties(size: int = 2, write: Any = None, **changes: Any) -> Dataset:
    paged = {"paginator": Offset(limit=size, total="total"), "total": "total", "pages_per_part": 1}
    return dataset(schema=Tie, write=write or Upsert(key="id"), source=source(incremental=numbers(**changes), **paged))


class Source:
    """A portal over rows (id, seq), which gives those from `since` on, in the order of seq."""

    def __init__(self, *rows: tuple[int, int], is_inclusive: bool = True) -> None:
        self.rows, self._is_inclusive = list(rows), is_inclusive

    def __call__(self, asked: Asked) -> Say:
        since, start, limit = (int(asked.query[name]) for name in ("since", "offset", "limit"))
        found = [row for row in self.rows if row[1] > since - self._is_inclusive]
        found.sort(key=lambda row: row[1])
        return page(
            {"rows": [{"id": key, "seq": seq} for key, seq in found[start : start + limit]], "total": len(found)}
        )


def slot_of(contract: Dataset, day: int) -> Batch:
    return plan(contract, NOW + DAY * day, Known())[-1]


def rows_of(contract: Dataset, raw_seal: Seal, lake: Lake) -> list[tuple[int, int]]:
    sealed = curate(contract, raw_seal, lake=lake)
    tables = [pq.read_table(io.BytesIO(lake.read_part(part))) for part in sealed.parts]
    return [(row["id"], row["seq"]) for table in tables for row in table.to_pylist()]


def settled(batch: Batch, seal: Seal, state: Any = "committed", generation: int = 1) -> LedgerEntry:
    start, end = (
        None if each is None else str(each) for each in (seal.provenance.cursor_start, seal.provenance.cursor_end)
    )
    return LedgerEntry(
        batch.id, batch.window.start, batch.window.end, seal.hash, cursor_start=start, cursor_end=end, state=state,
        generation=generation,
    )  # fmt: skip


@pytest.mark.fault(12)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_more_rows_than_a_page_share_one_value_and_none_is_lost_or_twice(lake: Lake, open_portal: Opened, size: int):
    contract, portal = ties(size), Source(*((key, 5) for key in range(7)), (7, 4))
    table: dict[int, int] = {}
    entries: list[LedgerEntry] = []
    with hostile(portal) as up:
        for day in range(4):
            batch = slot_of(contract, day)
            beginning = begin(contract, batch, 1, lambda _: entries, NO_LAKE)
            sealed = extract(contract, batch, portal=open_portal(up.url), lake=lake, beginning=beginning)
            entries.append(settled(batch, sealed))
            found = rows_of(contract, sealed, lake)
            assert len({key for key, _ in found}) == len(found)
            table |= dict(found)
            portal.rows += [(10 + day, 5 + day), (20 + day, 6 + day)]  # one more on the value that was read last
    assert table == dict(row for row in portal.rows if row[0] not in {13, 23})
    assert [(each.cursor_start, each.cursor_end) for each in entries] == [
        ("0", "5"),
        ("5", "6"),
        ("6", "7"),
        ("7", "8"),
    ]


def test_a_batch_asks_for_what_lies_above_the_largest_committed_value(lake: Lake, open_portal: Opened):
    contract = ties(write=Append(), bounds="(]")
    portal = Source((1, 10), (2, 20), is_inclusive=False)
    with hostile(portal) as up:
        first = extract(
            contract, slot_of(contract, 0), portal=open_portal(up.url), lake=lake, beginning=Beginning(1, 0)
        )
        portal.rows.append((3, 30))
        entries = [settled(slot_of(contract, 0), first)]
        beginning = begin(contract, slot_of(contract, 1), 1, lambda _: entries, NO_LAKE)
        second = extract(contract, slot_of(contract, 1), portal=open_portal(up.url), lake=lake, beginning=beginning)
    assert (first.provenance, second.provenance) == (Provenance(0, 20), Provenance(20, 30))
    assert rows_of(contract, second, lake) == [(3, 30)]


@pytest.mark.fault(6)
def test_a_resumed_batch_keeps_the_start_that_it_began_with(
    lake: Lake, new_lake: Callable[[], Lake], open_portal: Opened
):
    contract, portal, is_up = ties(size=1), Source(*((key, key) for key in range(1, 7))), False

    def answer(asked: Asked) -> Say:
        return portal(asked) if is_up or int(asked.query["offset"]) < 3 else page({}, 503)

    batch = slot_of(contract, 0)
    with hostile(answer) as up:
        with pytest.raises(SourceUnavailable):
            extract(contract, batch, portal=open_portal(up.url), lake=lake, beginning=Beginning(1, 2))
        is_up = True
        sealed = extract(contract, batch, portal=open_portal(up.url), lake=new_lake(), beginning=Beginning(1, 5))
    assert {asked.query["since"] for asked in up.asked} == {"2"}
    assert sealed.provenance == Provenance(2, 6)
    assert sorted(rows_of(contract, sealed, lake)) == [(key, key) for key in range(2, 7)]


def entry(day: int, end: str | None, **changes: Any) -> LedgerEntry:
    return LedgerEntry(**({"batch_id": f"b{day}", "window_start": NOW, "window_end": NOW, "cursor_end": end} | changes))


@pytest.mark.parametrize(
    ("entries", "start"),
    [
        ([], 0),
        ([entry(1, "9"), entry(2, "10")], 10),  # compared as numbers
        ([entry(1, "10"), entry(2, None)], 10),  # a batch without rows moves nothing
        ([entry(1, "10"), entry(2, "20", state="undone")], 10),
        ([entry(1, "10"), entry(2, "20", state="given_up")], 10),
        ([entry(1, str(2**63 + 1))], 2**63 + 1),
    ],
)
def test_the_start_is_a_pure_function_of_the_ledger(entries: list[LedgerEntry], start: int):
    contract = ties()
    assert begin(contract, slot_of(contract, 0), 1, lambda _: entries, NO_LAKE) == Beginning(1, start)


def test_a_lag_goes_back_from_the_largest_value_and_not_from_the_first():
    lagging = ties(lag=100)
    assert begin(lagging, slot_of(lagging, 0), 1, lambda _: [entry(1, "1000")], NO_LAKE).cursor_start == 900
    assert begin(lagging, slot_of(lagging, 0), 1, lambda _: [], NO_LAKE).cursor_start == 0


def test_a_batch_that_is_loaded_again_begins_where_it_began():
    contract = ties()
    own = entry(1, "20", batch_id=slot_of(contract, 0).id, cursor_start="10")
    assert begin(contract, slot_of(contract, 0), 2, lambda _: [own, entry(2, "30")], NO_LAKE) == Beginning(2, 10)


def test_a_ledger_of_another_type_is_an_error_that_names_both():
    contract = ties()
    with pytest.raises(ConfigError, match="stands at 'a7', and initial=0 says"):
        begin(contract, slot_of(contract, 0), 1, lambda _: [entry(1, "a7")], NO_LAKE)


def test_a_source_with_windows_asks_no_ledger():
    windowed = dataset(source=source(incremental=Incremental("at", "from", "to", date(2013, 1, 1))))
    assert begin(windowed, slot_of(windowed, 0), 3, lambda _: pytest.fail("asked"), NO_LAKE) == Beginning(3)


def test_append_with_a_start_that_is_asked_for_again_is_refused():
    with pytest.raises(ConfigError, match="asks for the rows on the last value again"):
        ties(write=Append())
    with pytest.raises(ConfigError, match="reads rows again"):
        ties(write=Append(), bounds="(]", lag=5)


def test_a_batch_without_an_end_is_not_asked_for_again_where_rows_would_be_inserted_twice():
    require_askable(ties())
    with pytest.raises(ConfigError, match="has a start and no end"):
        require_askable(ties(write=Append(), bounds="(]"))


@pytest.mark.parametrize(
    ("initial", "values", "largest"),
    [
        (0, [3, 11, 7], 11),
        (0, ["3", "11"], 11),  # numbers as text
        (0, [3, None, 2], 3),
        (0, [3, "x", {"a": 1}], 3),  # left to the quarantine
        (0, [None], None),
        (0, [2**80], 2**80),
        ("", ["b", "a", "ä"], "ä"),
        ("", ["2013-01-02", None], "2013-01-02"),
    ],
)
def test_the_largest_value_of_the_records_is_followed(initial: Any, values: list[Any], largest: Any):
    watch = CursorWatch(numbers(initial=initial))
    watch.see(*seen(*({"seq": value, "other": 99} for value in values), {"other": 1}), 1)
    watch.see(b"[]", [], 2)
    assert watch.largest == largest


@pytest.mark.fault(22)
def test_a_value_beyond_the_declared_bound_is_an_error_and_nothing_is_stored(lake: Lake, open_portal: Opened):
    contract = ties(highest=1_000)
    with (
        hostile(Source((1, 10), (2, 2**40))) as up,
        pytest.raises(PayloadError, match=f"seq stands at {2**40}, beyond"),
    ):
        extract(contract, slot_of(contract, 0), portal=open_portal(up.url), lake=lake, beginning=Beginning(1, 0))
    assert lake.batches("rows") == []


def test_a_text_that_the_ledger_cannot_hold_is_an_error():
    with pytest.raises(PayloadError, match="a text of 2000 bytes"):
        CursorWatch(numbers(initial="")).see(*seen({"seq": "x" * 2000}), 1)


def test_a_cursor_that_is_nested_is_followed_by_its_keys():
    watch = CursorWatch(Incremental("meta.seq", "after", initial=0))
    watch.see(*seen({"meta": {"seq": 7}}, {"meta": None}, {"seq": 99}, {"meta": {"seq": 3}}), 1)
    assert watch.largest == 7
    window = WindowWatch(Incremental("meta.at", "from", "to", date(2013, 1, 1)), END)
    with pytest.raises(PayloadError, match=r"the cursor meta\.at stands at"):
        window.see(*seen({"meta": {"at": "2099-01-01"}}), 1)


END = datetime(2013, 2, 1, tzinfo=UTC)


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    ("changes", "values"),
    [
        ({}, ["2013-01-05T00:00:00Z", "2013-02-02T00:00:00Z"]),
        ({}, ["2013-01-05T00:00:00Z", None, "9999-12-31T00:00:00"]),
        ({}, ["2099-01-01"]),
        ({}, ["2013-02-02T01:30:00+01:00"]),
        ({"format": "%d/%m/%Y"}, ["31/01/2013", "03/02/2013", "x"]),
        ({"format": "epoch"}, [1359676800, 1359676800 + 86400]),
        ({"format": "epoch_ms"}, [10**25]),
        ({"ahead": timedelta(0)}, ["2013-02-01T00:00:00Z"]),
    ],
)
def test_a_row_far_behind_its_window_is_an_error(changes: dict[str, Any], values: list[Any]):
    incremental = Incremental("at", "from", "to", date(2013, 1, 1), **changes)
    with pytest.raises(PayloadError, match=r"Page 3: the cursor at stands at .* and the window ends at 2013-02-01"):
        WindowWatch(incremental, END).see(*seen(*({"at": value} for value in values)), 3)


@pytest.mark.parametrize(
    ("changes", "values"),
    [
        ({}, ["2013-02-01T23:59:59Z", "2013-01-01"]),
        ({}, ["tomorrow", 7, None]),
        ({}, [10**15]),  # no epoch format: a number is not read
        ({}, []),
        ({"format": "%d/%m/%Y"}, ["31/12/2012", "01/02/2013"]),  # sorts by day, not by text
        ({"ahead": timedelta(days=40_000)}, ["2099-01-01"]),
    ],
)
def test_a_row_within_what_is_allowed_or_that_cannot_be_read_passes(changes: dict[str, Any], values: list[Any]):
    incremental = Incremental("at", "from", "to", date(2013, 1, 1), **changes)
    WindowWatch(incremental, END).see(*seen(*({"at": value} for value in values)), 3)


@pytest.mark.fault(22)
def test_a_batch_with_a_row_from_the_future_stores_nothing(lake: Lake, open_portal: Opened):
    contract = dataset(source=source(incremental=Incremental("at", "from", "to", date(2013, 1, 1))))
    (batch,) = plan(contract, datetime(2013, 1, 2, tzinfo=UTC), Known())
    answer = page({"rows": [{"id": 1, "at": "2013-01-01T05:00:00Z"}, {"id": 2, "at": "2031-01-01T05:00:00Z"}]})
    with hostile(lambda _: answer) as up, pytest.raises(PayloadError, match="stands at 2031-01-01") as caught:
        extract(contract, batch, portal=open_portal(up.url), lake=lake)
    assert (caught.value.batch, lake.batches("rows")) == (batch.id, [])


def test_a_seal_from_before_keeps_its_bytes():
    old = b'{"dataset":"rows","batch":"b","attempt":"a","parts":[],"extracted":0,"quarantine":[],"curated":0,"quarantined":0,"total_reported":null,"reasons":{},"warnings":[],"raw_seal":null,"raw_generation":1,"generation":1}'  # fmt: skip
    assert Seal("rows", "b", "a", (), 0).encode() == old
    assert (
        b'"provenance":{"cursor_end":7}}' in Seal("rows", "b", "a", (), 0, provenance=Provenance(cursor_end=7)).encode()
    )


def test_a_name_that_stands_elsewhere_in_the_page_blames_no_row():
    body = b'{"rows": [{"at": "2013-01-05", "more": {"at": "2099-01-01"}}]}'
    incremental = Incremental("at", "from", "to", date(2013, 1, 1))
    WindowWatch(incremental, END).see(body, [msgspec.Raw(body[10:-2])], 1)


def test_a_value_stands_in_a_template_and_without_one_it_is_the_first(lake: Lake, open_portal: Opened):
    contract = dataset(
        schema=Tie, source=source(incremental=numbers(start_param=None, initial=7), params={"q": "seq>={window.start}"})
    )
    with hostile(lambda _: page({"rows": []})) as up:
        extract(contract, slot_of(contract, 0), portal=open_portal(up.url), lake=lake, beginning=Beginning(1, 2**70))
        list(open_portal(up.url).pages(contract.source))
    assert [asked.query for asked in up.asked] == [{"q": f"seq>={2**70}"}, {"q": "seq>=7"}]


def test_a_window_stands_in_a_template_as_the_portals_bounds_and_zone_want_it(lake: Lake, open_portal: Opened):
    windows = Incremental("at", initial=date(2018, 11, 3), format="%d/%m/%Y", bounds="[]", timezone="America/Sao_Paulo")
    asked_for = {"from": "{window.start}", "to": "{window.end:%Y-%m-%d}"}
    contract = dataset(source=source(incremental=windows, params=asked_for))
    (batch,) = plan(contract, datetime(2018, 11, 5, 9, tzinfo=UTC), Known())
    with hostile(lambda _: page({"rows": []})) as up:
        extract(contract, batch, portal=open_portal(up.url), lake=lake)
    assert up.asked[0].query == {"from": "03/11/2018", "to": "2018-11-04"}
