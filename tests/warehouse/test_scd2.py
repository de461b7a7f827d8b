"""Versions with the time in which they held: half-open intervals without overlap or gap, one of them current for each live key."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from esteira.contract import Incremental, Scd2
from esteira.errors import DataQualityError
from tests.warehouse.folding import Thing

pytestmark = pytest.mark.usefixtures("isolation")
WINDOWS = Incremental("changed_at", "from", "to", initial=date(2014, 1, 1))


def january(day: int) -> datetime:
    return datetime(2014, 1, day, tzinfo=UTC)


def thing(key: int, label: str | None = "a", day: int = 1, *, is_deleted: bool = False) -> dict[str, Any]:
    return {"id": key, "team": "t", "label": label, "changed_at": january(day), "is_deleted": is_deleted}


def versions(bench: Any, dataset: Any) -> list[tuple[Any, ...]]:
    found = bench.query(
        f"SELECT id, label, EXTRACT(day FROM valid_from), EXTRACT(day FROM valid_to), is_current FROM loads.{dataset.name} "
        "ORDER BY id, valid_from"
    )
    return [(key, label, int(start), end and int(end), is_current) for key, label, start, end, is_current in found]


def counts(result: Any) -> tuple[int, ...]:
    entry = result.entry
    return entry.inserted, entry.updated, entry.unchanged, entry.stale, entry.duplicate


def test_a_changed_row_closes_its_version_and_opens_the_next_at_its_window_s_start(bench: Any, make_dataset: Any):
    dataset = make_dataset(Scd2("id"), schema=Thing, incremental=WINDOWS)
    assert counts(bench.load(dataset, [thing(1), thing(2)])) == (2, 0, 0, 0, 0)
    assert counts(bench.load(dataset, [thing(1, "b"), thing(2), thing(2), thing(3)], day=4)) == (1, 1, 1, 0, 1)
    assert versions(bench, dataset) == [
        (1, "a", 1, 4, False), (1, "b", 4, None, True), (2, "a", 1, None, True), (3, "a", 4, None, True),
    ]  # fmt: skip


def test_a_key_that_a_later_snapshot_lacks_is_retired_and_may_come_back(bench: Any, make_dataset: Any):
    dataset = make_dataset(Scd2("id"), schema=Thing)
    for day, rows in enumerate(([thing(1), thing(2)], [thing(2)], [thing(2)], [thing(1), thing(2)]), 1):
        bench.load(dataset, rows, day=day)
    assert versions(bench, dataset) == [(1, "a", 1, 2, False), (1, "a", 4, None, True), (2, "a", 1, None, True)]


@pytest.mark.fault(50)
def test_a_snapshot_that_comes_late_splits_the_versions_around_it(bench: Any, make_dataset: Any):
    dataset = make_dataset(Scd2("id"), schema=Thing)
    bench.load(dataset, [thing(1), thing(2)], day=1)
    bench.load(dataset, [thing(1), thing(2)], day=5)
    assert counts(bench.load(dataset, [thing(1, "b")], day=3)) == (0, 1, 0, 0, 0)
    assert versions(bench, dataset) == [
        (1, "a", 1, 3, False), (1, "b", 3, 5, False), (1, "a", 5, None, True), (2, "a", 1, 3, False), (2, "a", 5, None, True),
    ]  # fmt: skip


@pytest.mark.fault(50)
def test_a_version_that_comes_late_takes_its_place_among_the_others(bench: Any, make_dataset: Any):
    dataset = make_dataset(Scd2("id", newest_by="changed_at"), schema=Thing, incremental=WINDOWS)
    bench.load(dataset, [thing(1, "a", 2), thing(1, "c", 6)], day=1)
    assert counts(bench.load(dataset, [thing(1, "b", 4), thing(1, "c", 6)], day=2)) == (0, 1, 1, 0, 0)
    assert versions(bench, dataset) == [(1, "a", 2, 4, False), (1, "b", 4, 6, False), (1, "c", 6, None, True)]


def test_a_deletion_closes_the_version_that_holds(bench: Any, make_dataset: Any):
    dataset = make_dataset(
        Scd2("id", newest_by="changed_at", deleted_when="is_deleted"), schema=Thing, incremental=WINDOWS
    )
    bench.load(dataset, [thing(1, "a", 2)])
    assert counts(bench.load(dataset, [thing(1, "a", 5, is_deleted=True)], day=2)) == (0, 1, 0, 0, 0)
    assert versions(bench, dataset) == [(1, "a", 2, 5, False)]


@pytest.mark.fault(50)
def test_a_version_older_than_an_early_deletion_ends_at_it(bench: Any, make_dataset: Any):
    dataset = make_dataset(
        Scd2("id", newest_by="changed_at", deleted_when="is_deleted"), schema=Thing, incremental=WINDOWS
    )
    bench.load(dataset, [thing(1, "a", 5, is_deleted=True)])
    bench.load(dataset, [thing(1, "a", 2)], day=2)
    assert versions(bench, dataset) == [(1, "a", 2, 5, False)]


@pytest.mark.fault(46)
def test_two_values_of_one_key_in_a_batch_without_an_order_are_refused(bench: Any, make_dataset: Any):
    dataset = make_dataset(Scd2("id"), schema=Thing)
    with pytest.raises(DataQualityError, match=r"Key id .*different values: 1\."):
        bench.load(dataset, [thing(1, "a"), thing(1, "b")])
    assert bench.ledger(dataset) == []
