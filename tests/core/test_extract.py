"""Pages of a real loopback portal into sealed raw parts, and raw parts into sealed curated ones."""

import io
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest

from esteira.batch import Batch, Known, plan
from esteira.contract import Dataset, Offset, Quality
from esteira.curate import curate
from esteira.errors import ContractError, DataQualityError, PayloadError, SealConflict, SourceUnavailable
from esteira.extraction.extract import extract
from esteira.extraction.store import Progress
from esteira.failpoints import VARIABLE, FailpointError
from esteira.lake import Lake
from esteira.portal import Portal
from tests.core.small import CURSOR, keys, source
from tests.extract.hostile import Asked, Say, hostile, page

Opened = Callable[[str], Portal]
LAST = 5


def batch_of(dataset: Dataset) -> Batch:
    return plan(dataset, datetime(2013, 1, 2, 9, tzinfo=UTC), Known())[0]


def by_offset(asked: Asked, ids: Any = range(LAST), total: int | None = LAST) -> Say:
    start, limit = int(asked.query["offset"]), int(asked.query["limit"])
    return page({"rows": [{"id": number} for number in list(ids)[start : start + limit]], "total": total})


def stored_ids(lake: Lake, seal: Any) -> list[int]:
    tables = [pq.read_table(io.BytesIO(lake.read_part(part))) for part in seal.parts]
    return [number for table in tables for number in table.column("id").to_pylist()]


def test_pages_become_sealed_parts(lake: Lake, open_portal: Opened):
    contract, heard = keys(), list[Progress]()
    with hostile(by_offset) as up:
        seal = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake, on_progress=heard.append)
    assert (seal.extracted, seal.total_reported) == (LAST, LAST)
    assert [(part.rows, part.first_row) for part in seal.parts][:3] == [(2, 0), (2, 2), (1, 4)]
    assert heard[2] == Progress(3, LAST, LAST)
    assert lake.find_seal("raw", "rows", seal.batch) == seal


@pytest.mark.parametrize("pages_per_part", [1, 2, 9])
def test_a_batch_is_the_same_however_its_pages_are_grouped(lake: Lake, open_portal: Opened, pages_per_part: int):
    contract = keys(
        source=source(paginator=Offset(limit=2, total="total"), total="total", pages_per_part=pages_per_part)
    )
    with hostile(by_offset) as up:
        seal = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
    assert len(seal.parts) == {1: 3, 2: 2, 9: 1}[pages_per_part]
    result = curate(contract, seal, lake=lake)
    assert stored_ids(lake, result) == list(range(LAST))
    assert (result.extracted, result.curated, result.quarantined, result.raw_seal) == (LAST, LAST, 0, seal.hash)


def test_the_window_is_asked_of_a_portal_with_a_cursor_and_not_of_a_snapshot(lake: Lake, open_portal: Opened):
    asked_for = []
    for cursor in (CURSOR, None):
        contract = keys(source=source(paginator=Offset(limit=9, total="total"), total="total", incremental=cursor))
        with hostile(by_offset) as up:
            extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
        asked_for.append({name: up.asked[0].query.get(name) for name in ("from", "to")})
    assert asked_for == [{"from": "2013-01-01T00:00:00Z", "to": "2013-01-02T00:00:00Z"}, {"from": None, "to": None}]


@pytest.mark.fault(17)
def test_a_total_that_differs_from_what_arrived_is_an_error_with_both(lake: Lake, open_portal: Opened):
    contract = keys()
    wrong = hostile(lambda asked: by_offset(asked, total=7))
    with wrong as up, pytest.raises(PayloadError, match="reports 7 rows for this window and delivered 5 on") as caught:
        extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
    assert (caught.value.dataset, caught.value.batch) == ("rows", batch_of(contract).id)
    assert lake.find_seal("raw", "rows", batch_of(contract).id) is None


@pytest.mark.fault(15)
def test_an_unexpectedly_empty_portal_is_an_error_that_names_the_floor(lake: Lake, open_portal: Opened):
    contract = keys(quality=Quality(min_rows=1))
    empty = hostile(lambda asked: by_offset(asked, ids=(), total=0))
    floor = r"delivered 0 rows; the contract's floor \(min_rows\) is 1"
    with empty as up, pytest.raises(DataQualityError, match=floor):
        extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
    assert lake.find_seal("raw", "rows", batch_of(contract).id) is None


@pytest.mark.fault(42)
def test_zero_rows_are_sealed_where_the_floor_is_zero(lake: Lake, open_portal: Opened):
    contract = keys()
    with hostile(lambda asked: by_offset(asked, ids=(), total=0)) as up:
        seal = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
    assert seal.extracted == 0
    result = curate(contract, seal, lake=lake)
    assert (result.parts, result.quarantine, result.curated) == ((), (), 0)


@pytest.mark.fault(6)
def test_a_new_object_resumes_at_the_page_after_the_last_stored_part(
    lake: Lake, new_lake: Callable[[], Lake], open_portal: Opened
):
    contract, is_up = keys(), False

    def answer(asked: Asked) -> Say:
        return by_offset(asked) if is_up or asked.query["offset"] in {"0", "2"} else page({}, 503)

    with hostile(answer) as up:
        with pytest.raises(SourceUnavailable):
            extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
        before, is_up = len(up.asked), True
        seal = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=new_lake())
    assert [asked.query["offset"] for asked in up.asked[before:]][:1] == ["4"]
    assert {asked.query["offset"] for asked in up.asked[before:]} <= {"4", "5"}
    assert seal.extracted == LAST
    assert len({part.key.split("/")[3] for part in seal.parts}) == 2
    assert stored_ids(lake, curate(contract, seal, lake=lake)) == list(range(LAST))


@pytest.mark.fault(6)
def test_a_portal_that_fails_in_the_middle_of_a_part_is_asked_for_no_page_again(lake: Lake, open_portal: Opened):
    contract = keys(source=source(paginator=Offset(limit=1, total="total"), total="total"))
    is_up = False

    def answer(asked: Asked) -> Say:
        return by_offset(asked) if is_up or int(asked.query["offset"]) < 3 else page({}, 503)

    with hostile(answer) as up:
        with pytest.raises(SourceUnavailable):
            extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
        before, is_up = len(up.asked), True
        seal = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
    assert [asked.query["offset"] for asked in up.asked[before:]] == ["3", "4"]
    assert [part.rows for part in seal.parts] == [3, 2]
    assert stored_ids(lake, curate(contract, seal, lake=lake)) == list(range(LAST))


@pytest.mark.fault(54)
@pytest.mark.parametrize("place", ["extract.part", "extract.checkpoint", "extract.seal", "extract.checkpoint:raise:2"])
def test_a_run_that_broke_off_at_a_durable_write_is_continued(
    lake: Lake, open_portal: Opened, monkeypatch: pytest.MonkeyPatch, place: str
):
    contract = keys()
    monkeypatch.setattr("esteira.failpoints._reached", Counter())
    monkeypatch.setenv(VARIABLE, place if ":" in place else f"{place}:raise")
    with hostile(by_offset) as up:
        with pytest.raises(FailpointError):
            extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
        monkeypatch.delenv(VARIABLE)
        seal = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
    assert stored_ids(lake, curate(contract, seal, lake=lake)) == list(range(LAST))


def test_a_failure_after_the_last_page_asks_the_portal_for_nothing_again(
    lake: Lake, open_portal: Opened, monkeypatch: pytest.MonkeyPatch
):
    contract = keys(source=source(paginator=Offset(limit=2, total="total"), total="total", pages_per_part=1))
    monkeypatch.setattr("esteira.failpoints._reached", Counter())
    monkeypatch.setenv(VARIABLE, "extract.checkpoint:raise:3")
    with hostile(by_offset) as up:
        with pytest.raises(FailpointError):
            extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
        before = len(up.asked)
        seal = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
    assert (len(up.asked), seal.extracted) == (before, LAST)


@pytest.mark.fault(10)
@pytest.mark.fault(15)
@pytest.mark.fault(17)
@pytest.mark.parametrize("quality", [Quality(), Quality(min_rows=5)])
def test_counts_that_do_not_fit_have_all_of_it_asked_for_anew_and_a_kill_then_costs_a_part(
    lake: Lake, new_lake: Callable[[], Lake], open_portal: Opened, quality: Quality
):
    contract = keys(quality=quality)
    there, told = [0, 1, 2, 4], 5  # one row fell between two pages, or an expired token had the portal hide it
    is_up = True

    def answer(asked: Asked) -> Say:
        is_told = is_up or int(asked.query["offset"]) < 4
        return by_offset(asked, there, None if quality.min_rows else told) if is_told else page({}, 503)

    with hostile(answer) as up:
        with pytest.raises((PayloadError, DataQualityError), match="delivered 4"):
            extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
        there, is_up, before = list(range(5)), False, len(up.asked)
        with pytest.raises(SourceUnavailable):
            extract(contract, batch_of(contract), portal=open_portal(up.url), lake=new_lake())
        assert up.asked[before].query["offset"] == "0"
        is_up, before = True, len(up.asked)
        seal = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=new_lake())
    assert up.asked[before].query["offset"] == "4"
    assert stored_ids(lake, curate(contract, seal, lake=lake)) == list(range(5))


def test_a_sealed_batch_is_not_extracted_again(lake: Lake, open_portal: Opened):
    contract = keys()
    with hostile(by_offset) as up:
        first = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
        before = len(up.asked)
        again = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
    assert (again, len(up.asked)) == (first, before)


@pytest.mark.fault(51)
def test_two_attempts_at_one_batch_end_with_one_seal(lake: Lake, new_lake: Callable[[], Lake], open_portal: Opened):
    contract, inner = keys(), []

    def overtaken(_: Progress) -> None:
        if not inner:  # a second run of the same batch finishes while the first is at its first page
            inner.append(None)
            inner.append(extract(contract, batch_of(contract), portal=open_portal(up.url), lake=new_lake()))

    with hostile(by_offset) as up:
        outer = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake, on_progress=overtaken)
    assert outer == inner[1]
    assert curate(contract, outer, lake=lake) == curate(contract, inner[1], lake=lake)


def extracted(contract: Dataset, rows: list[dict[str, Any]], lake: Lake, open_portal: Opened) -> Any:
    def answer(asked: Asked) -> Say:
        start = int(asked.query["offset"])
        return page({"rows": rows[start : start + 2], "total": len(rows)})

    with hostile(answer) as up:
        return extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)


@pytest.mark.fault(38)
def test_quarantine_above_the_limit_is_an_error_and_nothing_is_sealed(lake: Lake, open_portal: Opened):
    contract = keys(quality=Quality(max_quarantine_ratio=0.2))
    seal = extracted(contract, [{"id": 1}, {"id": -1}, {"id": "x"}, {"id": 2}], lake, open_portal)
    with pytest.raises(
        DataQualityError, match=r"2 of 4 rows break their rules \(50.00%; the limit is 20.00%\)"
    ) as caught:
        curate(contract, seal, lake=lake)
    assert "id: type (1)" in caught.value.message
    assert caught.value.batch == seal.batch
    assert lake.find_seal("curated", "rows", seal.batch) is None


@pytest.mark.fault(37)
def test_quarantined_rows_are_stored_with_their_reasons_and_the_counts_reconcile(lake: Lake, open_portal: Opened):
    contract = keys(quality=Quality(max_quarantine_ratio=0.5))
    seal = extracted(contract, [{"id": 1}, {"id": 3}, {"id": -1}, {"id": 2}, {"id": None}], lake, open_portal)
    result = curate(contract, seal, lake=lake)
    assert (result.extracted, result.curated, result.quarantined) == (5, 3, 2)
    assert result.reasons == {"id: greater_than_or_equal_to(0)": 1, "id: not_nullable": 1}
    bad = [row for part in result.quarantine for row in pq.read_table(io.BytesIO(lake.read_part(part))).to_pylist()]
    assert [(row["_esteira_position"], row["record"]) for row in bad] == [(2, '{"id": -1}'), (4, '{"id": null}')]
    assert stored_ids(lake, result) == [1, 3, 2]


@pytest.mark.fault(42)
def test_a_batch_of_bad_rows_alone_has_no_curated_part(lake: Lake, open_portal: Opened):
    contract = keys(quality=Quality(max_quarantine_ratio=1))
    result = curate(contract, extracted(contract, [{"id": -1}], lake, open_portal), lake=lake)
    assert (result.parts, result.curated, result.quarantined, len(result.quarantine)) == ((), 0, 1, 1)


@pytest.mark.fault(20)
@pytest.mark.parametrize(("policy", "warnings"), [("warn", 1), ("ignore", 0)])
def test_a_new_column_is_mentioned_where_the_contract_says_so(
    lake: Lake, open_portal: Opened, policy: str, warnings: int
):
    contract = keys(new_columns=policy)
    result = curate(contract, extracted(contract, [{"id": 1, "gate": "B"}], lake, open_portal), lake=lake)
    assert len([text for text in result.warnings if "gate" in text]) == len(result.warnings) == warnings


@pytest.mark.fault(20)
def test_a_removed_column_is_named_with_the_batch(lake: Lake, open_portal: Opened):
    contract = keys()
    seal = extracted(contract, [{"other": 1}], lake, open_portal)
    with pytest.raises(ContractError, match="Column id is in none of the 1 records") as caught:
        curate(contract, seal, lake=lake)
    assert caught.value.batch == seal.batch


def test_a_sealed_curation_is_not_made_again(lake: Lake, open_portal: Opened, s3: Any):
    contract = keys()
    seal = extracted(contract, [{"id": 1}], lake, open_portal)
    first = curate(contract, seal, lake=lake)
    s3.delete_object(Bucket="lake", Key=seal.parts[0].key)
    assert curate(contract, seal, lake=lake) == first


@pytest.mark.fault(35)
def test_a_raw_part_that_is_not_what_was_sealed_stops_the_curation(lake: Lake, open_portal: Opened, s3: Any):
    contract = keys()
    seal = extracted(contract, [{"id": 1}], lake, open_portal)
    s3.put_object(Bucket="lake", Key=seal.parts[0].key, Body=b"other")
    with pytest.raises(SealConflict, match=seal.parts[0].sha256) as caught:
        curate(contract, seal, lake=lake)
    assert (caught.value.dataset, caught.value.batch) == ("rows", seal.batch)


@pytest.mark.fault(36)
def test_stray_objects_beside_the_sealed_ones_are_ignored(lake: Lake, open_portal: Opened, s3: Any):
    contract = keys()
    seal = extracted(contract, [{"id": 1}], lake, open_portal)
    for zone, name in (("raw", "stray/part-00001.json.zst"), ("curated", "stray/part-00001.parquet"), ("raw", "x")):
        s3.put_object(Bucket="lake", Key=f"{zone}/rows/{seal.batch}/{name}", Body=b"stray")
    assert stored_ids(lake, curate(contract, seal, lake=lake)) == [1]
