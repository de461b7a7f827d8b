"""A batch that is curated while it is extracted ends as one that is curated afterwards, whatever comes between."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteira import curation
from esteira.contract import Dataset, Offset, Quality
from esteira.curate import curate
from esteira.curation import Chunks
from esteira.errors import ContractError, SourceUnavailable
from esteira.extraction import part as raw_part
from esteira.extraction.ahead import extract_ahead
from esteira.extraction.extract import extract
from esteira.failpoints import VARIABLE, FailpointError
from esteira.gathered import CuratedParts
from esteira.lake import Lake, Seal
from tests.core.small import keys, source
from tests.core.test_extract import LAST, Opened, batch_of, by_offset, stored_ids
from tests.extract.hostile import Asked, Hostile, Say, hostile, page


@pytest.fixture
def tiny_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curation, "CHUNK_BYTES", 1)


def both(
    contract: Dataset, up: Hostile, lake: Lake, open_portal: Opened, on_progress: Callable[..., None] | None = None
) -> tuple[Seal, CuratedParts | None]:
    found = extract_ahead(contract, batch_of(contract), portal=open_portal(up.url), lake=lake, on_progress=on_progress)
    return found.raw, found.ahead


def counts(seal: Seal) -> tuple[Any, ...]:
    return (seal.extracted, seal.curated, seal.quarantined, seal.reasons, seal.warnings, seal.columns, seal.raw_seal)


def messy(asked: Asked) -> Say:
    """Five records: one breaks a rule, one is of another type, one has a column that nobody knows."""
    rows = [{"id": 0}, {"id": -1}, {"id": "x"}, {"id": 3, "gate": "B"}, {"id": 4}]
    start = int(asked.query["offset"])
    return page({"rows": rows[start : start + 2], "total": len(rows)})


@pytest.mark.usefixtures("tiny_chunks")
def test_what_was_curated_ahead_is_sealed_and_raw_is_not_read_again(lake: Lake, open_portal: Opened, s3: Any):
    contract = keys(quality=Quality(max_quarantine_ratio=0.5))
    with hostile(messy) as up:
        raw, ahead = both(contract, up, lake, open_portal)
    assert ahead is not None
    for part in raw.parts:
        s3.delete_object(Bucket="lake", Key=part.key)
    sealed = curate(contract, raw, lake=lake, ahead=ahead)
    assert (sealed.parts, sealed.quarantine, sealed.attempt) == (ahead.good, ahead.bad, ahead.attempt)
    assert (sealed.extracted, sealed.curated, sealed.quarantined) == (5, 3, 2)
    assert stored_ids(lake, sealed) == [0, 3, 4]


@pytest.mark.usefixtures("tiny_chunks")
def test_ahead_and_afterwards_are_the_same(lake: Lake, open_portal: Opened):
    contract = keys(quality=Quality(max_quarantine_ratio=0.5))
    with hostile(messy) as up:
        raw, ahead = both(contract, up, lake, open_portal)
    first = curate(contract, raw, lake=lake, ahead=ahead)
    second = curate(contract, raw, lake=lake, generation=2)
    assert counts(first) == counts(second)
    assert stored_ids(lake, first) == stored_ids(lake, second)


def test_a_batch_that_was_sealed_before_has_nothing_ahead_and_is_curated_from_its_seal(lake: Lake, open_portal: Opened):
    contract = keys()
    with hostile(by_offset) as up:
        extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
        raw, ahead = both(contract, up, lake, open_portal)
    assert ahead is not None
    assert ahead.raw == ()
    assert stored_ids(lake, curate(contract, raw, lake=lake, ahead=ahead)) == list(range(LAST))


@pytest.mark.fault(54)
def test_a_resumed_batch_is_curated_from_its_seal(lake: Lake, open_portal: Opened, monkeypatch: pytest.MonkeyPatch):
    contract = keys()
    monkeypatch.setattr("esteira.failpoints._reached", Counter())
    with hostile(by_offset) as up:
        monkeypatch.setenv(VARIABLE, "extract.checkpoint:raise:2")
        with pytest.raises(FailpointError):
            both(contract, up, lake, open_portal)
        monkeypatch.delenv(VARIABLE)
        raw, ahead = both(contract, up, lake, open_portal)
    assert ahead is None or ahead.raw != raw.parts
    assert stored_ids(lake, curate(contract, raw, lake=lake, ahead=ahead)) == list(range(LAST))


@pytest.mark.fault(51)
def test_the_seal_of_another_attempt_is_curated_and_not_what_was_ahead(
    lake: Lake, new_lake: Callable[[], Lake], open_portal: Opened
):
    contract, inner = keys(), []

    def overtaken(_: Any) -> None:
        if not inner:
            inner.append(None)
            inner.append(extract(contract, batch_of(contract), portal=open_portal(up.url), lake=new_lake()))

    with hostile(by_offset) as up:
        raw, ahead = both(contract, up, lake, open_portal, overtaken)
    assert raw == inner[1]
    assert ahead is not None
    sealed = curate(contract, raw, lake=lake, ahead=ahead)
    assert sealed.attempt != ahead.attempt
    assert stored_ids(lake, sealed) == list(range(LAST))


@pytest.mark.usefixtures("tiny_chunks")
def test_a_transform_that_breaks_stops_the_curation_and_not_the_extraction(lake: Lake, open_portal: Opened):
    def broken(_: pd.DataFrame) -> pd.DataFrame:
        raise ZeroDivisionError

    contract = keys(transform=broken)
    with hostile(by_offset) as up:
        raw, ahead = both(contract, up, lake, open_portal)
    assert (raw.extracted, ahead) == (LAST, None)
    with pytest.raises(ZeroDivisionError):
        curate(contract, raw, lake=lake, ahead=ahead)


@pytest.mark.usefixtures("tiny_chunks")
def test_a_missing_column_is_reported_by_the_step_that_curates_with_raw_sealed(lake: Lake, open_portal: Opened):
    contract = keys(quality=Quality(max_quarantine_ratio=1))
    records = [{"other": 1}, {"other": 2}]
    with hostile(lambda asked: page({"rows": records[int(asked.query["offset"]) :], "total": 2})) as up:
        raw, ahead = both(contract, up, lake, open_portal)
    assert lake.find_seal("raw", "rows", raw.batch) == raw
    with pytest.raises(ContractError, match="id"):
        curate(contract, raw, lake=lake, ahead=ahead)


def test_a_portal_that_fails_leaves_no_thread_and_no_upload(lake: Lake, open_portal: Opened, s3: Any):
    contract = keys()
    fails = hostile(lambda asked: by_offset(asked) if asked.query["offset"] == "0" else page({}, 503))
    with fails as up, pytest.raises(SourceUnavailable):
        both(contract, up, lake, open_portal)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("esteira-")]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="lake")


@pytest.mark.usefixtures("tiny_chunks")
def test_a_column_that_some_records_have_is_not_lost_and_one_that_none_has_is(lake: Lake, open_portal: Opened):
    """Portals leave out what is null: a chunk without a column says nothing about the batch."""
    rows = [{"other": 1}, {"other": 2}, {"id": 3}, {"other": 4}]

    def answer(asked: Asked, last: int) -> Say:
        start = int(asked.query["offset"])
        return page({"rows": rows[:last][start : start + 2], "total": last})

    for last, name in ((4, "some"), (2, "none")):
        contract = keys(name=name, quality=Quality(max_quarantine_ratio=1))
        with hostile(lambda asked, last=last: answer(asked, last)) as up:
            raw, ahead = both(contract, up, lake, open_portal)
        if last == 4:
            assert curate(contract, raw, lake=lake, ahead=ahead).curated == 1
        else:
            with pytest.raises(ContractError, match="Column id is in none of the 2 records of this batch"):
                curate(contract, raw, lake=lake, ahead=ahead)


@given(pages=st.lists(st.lists(st.integers(0, 30), max_size=8), max_size=8), limit=st.integers(1, 60))
def test_chunks_hold_every_record_once_and_in_order(pages: list[list[int]], limit: int):
    """Each number is a record of that many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curation, "CHUNK_BYTES", limit)
        chunks, seen = Chunks(), list[list[msgspec.Raw]]()
        for sizes in pages:
            records = [msgspec.Raw(b"x" * size) for size in sizes]
            seen += [list(chunk) for chunk in chunks.add(records, sum(sizes))]
        seen.append(list(chunks.rest()))
    assert [len(bytes(one)) for chunk in seen for one in chunk] == [size for sizes in pages for size in sizes]


@pytest.mark.parametrize(("count", "size"), [(1_000, 64), (100, 640)])
def test_a_page_of_any_shape_is_cut_into_chunks_of_the_limit(monkeypatch: pytest.MonkeyPatch, count: int, size: int):
    monkeypatch.setattr(curation, "CHUNK_BYTES", 8_000)
    made = list(Chunks().add([msgspec.Raw(b"x" * size)] * count, count * size))
    assert sum(len(chunk) for chunk in made) == count
    assert all(0.5 < len(chunk) * size / 8_000 < 1.5 for chunk in made)


def test_a_part_ends_at_its_size(lake: Lake, open_portal: Opened, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(raw_part, "PART_BYTES", 60)
    contract = keys(source=source(paginator=Offset(limit=1, total="total"), total="total"))
    with hostile(by_offset) as up:
        seal = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
    assert [part.rows for part in seal.parts] == [2, 2, 1]


def test_a_part_ends_at_its_age_so_that_a_slow_portal_loses_little_to_a_kill(
    lake: Lake, open_portal: Opened, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(raw_part, "PART_SECONDS", 0.0)
    contract = keys(source=source(paginator=Offset(limit=2, total="total"), total="total"))
    with hostile(by_offset) as up:
        seal = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
    assert [part.rows for part in seal.parts] == [2, 2, 1]


def test_a_part_without_a_reason_to_end_holds_the_whole_batch(lake: Lake, open_portal: Opened):
    contract = keys(source=source(paginator=Offset(limit=2, total="total"), total="total"))
    with hostile(by_offset) as up:
        seal = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
    assert [part.rows for part in seal.parts] == [LAST]
