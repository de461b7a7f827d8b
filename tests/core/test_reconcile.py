"""Source, lake, ledger and table side by side: agreement, and each way to disagree."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from esteira.lake import Lake, Layout, Seal
from esteira.reconcile import Reconciliation, reconcile
from esteira.warehouse import LedgerEntry

DAY = datetime(2013, 1, 1, tzinfo=UTC)
BATCH = "2013-01-01_2013-01-02-0a1b2c3d"


def store(lake: Lake, *, generation: int = 1, total: int | None = 3, **changes: Any) -> tuple[Seal, LedgerEntry]:
    """A batch of three records, one of them quarantined, as extract, curate and load leave it."""
    layout = Layout("rows", BATCH, generation)
    raw_part = lake.put_part(layout.part("raw", "a1", 1), b"raw", rows=3)
    good = lake.put_part(layout.part("curated", "a2", 1), b"good", rows=2)
    bad = lake.put_part(layout.part("quarantine", "a2", 1), b"bad", rows=1)
    raw = Seal("rows", BATCH, "a1", (raw_part,), 3, total_reported=total, generation=generation)
    lake.put_seal("raw", raw)
    facts = {"quarantine": (bad,), "curated": 2, "quarantined": 1, "total_reported": total, "reasons": {"a: ge(0)": 1}}
    seal = Seal("rows", BATCH, "a2", (good,), 3, raw_generation=generation, generation=generation, **facts)
    lake.put_seal("curated", msgspec.structs.replace(seal, **changes))
    entry = LedgerEntry(
        BATCH, DAY, DAY + timedelta(days=1), msgspec.structs.replace(seal, **changes).hash, "a2", 3, 2, 1, inserted=2,
        generation=generation, table_rows=2, sequence=1,
    )  # fmt: skip
    return seal, entry


def compare(lake: Lake, entries: list[LedgerEntry], counts: dict[str, int] | None) -> Reconciliation:
    return reconcile("rows", entries, counts, lake)


def test_a_batch_that_arrived_whole_agrees_in_every_figure(lake: Lake):
    _, entry = store(lake)
    assert compare(lake, [entry], {BATCH: 2}) == Reconciliation(
        "rows", batches=1, source=3, raw=3, curated=2, quarantined=1, ledger=2, table=2
    )


def test_a_record_with_two_reasons_agrees(lake: Lake):
    layout = Layout("rows", BATCH, 1)
    bad = lake.put_part(layout.part("quarantine", "a3", 1), b"twice", rows=2)
    _, entry = store(lake, quarantine=(bad,), reasons={"a: ge(0)": 1, "b: type": 1})
    assert compare(lake, [entry], {BATCH: 2}).differences == ()


def test_a_dataset_that_was_never_loaded_agrees(lake: Lake):
    assert compare(lake, [], None) == Reconciliation("rows")


def test_a_portal_that_told_no_total_leaves_the_source_open(lake: Lake):
    _, entry = store(lake, total=None)
    found = compare(lake, [entry], {BATCH: 2})
    assert (found.source, found.agrees) == (None, True)


def test_a_row_taken_from_the_table_by_hand_is_found(lake: Lake):
    _, entry = store(lake)
    (sentence,) = compare(lake, [entry], {BATCH: 1}).differences
    assert "The table has 1 rows and the ledger says 2" in sentence


def test_rows_of_a_batch_that_the_ledger_does_not_hold_are_found(lake: Lake):
    _, entry = store(lake)
    found = compare(lake, [replace(entry, table_rows=3)], {BATCH: 2, "stranger": 1})
    assert found.differences == ("1 rows of the table name batch stranger, which the ledger does not hold.",)


def test_a_table_that_was_dropped_is_found(lake: Lake):
    _, entry = store(lake)
    assert compare(lake, [entry], None).differences == ("The ledger says 2 rows and there is no table.",)


@pytest.mark.fault(35)
@pytest.mark.parametrize("zone", ["raw", "curated", "quarantine"])
def test_a_part_that_is_missing_or_has_another_size_is_named(lake: Lake, s3: Any, zone: str):
    _, entry = store(lake)
    key = Layout("rows", BATCH).part(zone, "a1" if zone == "raw" else "a2", 1)
    s3.put_object(Bucket="lake", Key=key, Body=b"another length")
    assert f"{key} is sealed with" in compare(lake, [entry], {BATCH: 2}).differences[0]
    s3.delete_object(Bucket="lake", Key=key)
    assert compare(lake, [entry], {BATCH: 2}).differences[0].endswith("and does not exist.")


def test_a_seal_that_is_missing_is_named(lake: Lake, s3: Any):
    _, entry = store(lake)
    s3.delete_object(Bucket="lake", Key=Layout("rows", BATCH).seal("curated"))
    (sentence,) = compare(lake, [entry], {BATCH: 2}).differences
    assert "the curated seal is missing" in sentence


def test_a_seal_other_than_the_committed_one_is_named_with_both_hashes(lake: Lake):
    seal, entry = store(lake)
    (sentence,) = compare(lake, [replace(entry, seal_hash="f" * 64)], {BATCH: 2}).differences
    assert "f" * 16 in sentence
    assert seal.hash[:16] in sentence


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"extracted": 4}, "raw rows: 3 against 4"),
        ({"curated": 3}, "curated rows: 2 against 3"),
        ({"quarantined": 2}, "quarantined rows: 1 against 2"),
    ],
)
def test_each_figure_of_the_ledger_is_compared_with_the_seals(lake: Lake, changed: dict[str, int], words: str):
    _, entry = store(lake)
    (sentence,) = compare(lake, [replace(entry, **changed)], {BATCH: 2}).differences
    assert words in sentence


def test_the_total_of_the_source_is_compared_with_what_arrived(lake: Lake):
    _, entry = store(lake, total=5)
    (sentence,) = compare(lake, [entry], {BATCH: 2}).differences
    assert "rows of the source: 5 against 3" in sentence


def test_only_the_current_generation_counts(lake: Lake):
    store(lake)
    _, second = store(lake, generation=2)
    found = compare(lake, [second], {BATCH: 2})
    assert (found.batches, found.raw, found.agrees) == (1, 3, True)


def test_a_batch_that_was_undone_or_given_up_has_no_parts_to_compare(lake: Lake):
    _, entry = store(lake)
    undone = replace(entry, state="undone", generation=2, seal_hash="", table_rows=0)
    found = compare(lake, [undone], {})
    assert (found.batches, found.table, found.agrees) == (0, 0, True)
