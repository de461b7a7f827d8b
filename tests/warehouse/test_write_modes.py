"""What each write mode does to the table, and how its rows are counted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esteira.contract import Append, Replace, Upsert
from esteira.errors import DataQualityError

MONDAY, TUESDAY, WEDNESDAY = (datetime(2014, 1, day, tzinfo=UTC) for day in (6, 7, 8))


def item(
    number: int, label: str | None = "a", amount: int | None = 1, changed_at: datetime | None = None
) -> dict[str, Any]:
    return {"id": number, "label": label, "amount": amount, "changed_at": changed_at}


def pair(number: int, label: str, amount: int) -> dict[str, Any]:
    return {"id": number, "label": label, "amount": amount}


def counts(result: Any) -> tuple[int, ...]:
    entry = result.entry
    return entry.inserted, entry.updated, entry.unchanged, entry.stale, entry.duplicate


def test_append_adds_every_row_of_every_part(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    assert counts(bench.load(dataset, [item(1)], [item(1), item(2)])) == (3, 0, 0, 0, 0)
    assert counts(bench.load(dataset, [item(1)], day=2)) == (1, 0, 0, 0, 0)
    assert bench.rows(dataset) == [(1, "a", 1)] * 3 + [(2, "a", 1)]


def test_replace_leaves_only_the_rows_of_the_batch(bench: Any, make_dataset: Any):
    dataset = make_dataset(Replace())
    bench.load(dataset, [item(1), item(2)])
    assert counts(bench.load(dataset, [item(3)], day=2)) == (1, 0, 0, 0, 0)
    assert bench.rows(dataset) == [(3, "a", 1)]


def test_an_empty_batch_is_a_ledger_row_without_rows(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    assert counts(bench.load(dataset, quarantined=2)) == (0, 0, 0, 0, 0)
    assert [(entry.extracted, entry.quarantined) for entry in bench.ledger(dataset)] == [(2, 2)]


def test_upsert_tells_new_changed_and_equal_rows_apart(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    bench.load(dataset, [item(1), item(2), item(3, None, None)])
    assert counts(bench.load(dataset, [item(1), item(2, "b"), item(3, None, None), item(4)], day=2)) == (1, 1, 2, 0, 0)
    assert bench.rows(dataset) == [(1, "a", 1), (2, "b", 1), (3, None, None), (4, "a", 1)]


@pytest.mark.parametrize(("before", "after"), [(None, 5), (5, None), (None, 0), (0, None)])
def test_a_value_that_becomes_null_or_stops_being_null_is_a_change(
    bench: Any, make_dataset: Any, before: Any, after: Any
):
    dataset = make_dataset(Upsert(key="id"))
    bench.load(dataset, [item(1, amount=before)])
    assert counts(bench.load(dataset, [item(1, amount=after)], day=2)) == (0, 1, 0, 0, 0)
    assert bench.rows(dataset) == [(1, "a", after)]


def test_an_unchanged_row_keeps_the_batch_that_brought_it(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    bench.load(dataset, [item(1), item(2)])
    bench.load(dataset, [item(1), item(2, "b")], day=2)
    found = bench.query(f"SELECT id, _esteira_batch FROM loads.{dataset.name} ORDER BY id")
    assert found == [(1, "2014-01-01-0123abcd"), (2, "2014-01-02-0123abcd")]


def test_a_composite_key_matches_on_all_of_its_columns(bench: Any, make_dataset: Any):
    class Pair(pa.DataFrameModel):
        id: pd.Int64Dtype
        label: pd.StringDtype
        amount: pd.Int64Dtype

    dataset = make_dataset(Upsert(key=("id", "label")), schema=Pair)
    bench.load(dataset, [pair(1, "a", 1), pair(1, "b", 1)])
    assert counts(bench.load(dataset, [pair(1, "b", 2), pair(2, "b", 1)], day=2)) == (1, 1, 0, 0, 0)
    assert bench.rows(dataset) == [(1, "a", 1), (1, "b", 2), (2, "b", 1)]


@pytest.mark.fault(50)
def test_a_row_older_than_the_table_s_is_stale_and_the_newer_wins(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id", newest_by="changed_at"))
    bench.load(dataset, [item(1, "new", changed_at=TUESDAY), item(2, "old", changed_at=MONDAY)])
    late = [item(1, "old", changed_at=MONDAY), item(2, "new", changed_at=TUESDAY)]
    assert counts(bench.load(dataset, late, day=2)) == (0, 1, 0, 1, 0)
    assert bench.rows(dataset) == [(1, "new", 1), (2, "new", 1)]


@pytest.mark.fault(41, 46)
def test_of_several_versions_in_one_batch_the_newest_is_loaded_and_the_rest_counted_as_duplicates(
    bench: Any, make_dataset: Any
):
    dataset = make_dataset(Upsert(key="id", newest_by="changed_at"))
    versions = [
        item(1, "mid", changed_at=TUESDAY),
        item(1, "last", changed_at=WEDNESDAY),
        item(1, "first", changed_at=MONDAY),
    ]
    assert counts(bench.load(dataset, versions, [item(1, "never", changed_at=None)])) == (1, 0, 0, 0, 3)
    assert bench.rows(dataset) == [(1, "last", 1)]


@pytest.mark.fault(46)
def test_of_versions_of_the_same_moment_the_one_that_arrived_last_is_loaded(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id", newest_by="changed_at"))
    bench.load(
        dataset, [item(1, "b", changed_at=MONDAY), item(1, "c", changed_at=MONDAY)], [item(1, "a", changed_at=MONDAY)]
    )
    assert bench.rows(dataset) == [(1, "a", 1)]


@pytest.mark.fault(46)
def test_equal_rows_of_one_key_are_loaded_once(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    assert counts(bench.load(dataset, [item(1), item(1)], [item(1)])) == (1, 0, 0, 0, 2)
    assert bench.rows(dataset) == [(1, "a", 1)]


@pytest.mark.fault(41, 46)
def test_a_key_with_different_values_and_no_order_is_refused_by_name(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    with pytest.raises(DataQualityError, match=r"Key id .*different values: 7, 9\.") as caught:
        bench.load(dataset, [item(7, "a"), item(8, "a"), item(9, "a")], [item(9, "b"), item(7, None)])
    assert "newest_by" in caught.value.hint
    assert (caught.value.dataset, caught.value.batch) == (dataset.name, "2014-01-01-0123abcd")
    assert bench.rows(dataset) == []
    assert bench.ledger(dataset) == []


ROWS = st.tuples(st.integers(0, 4), st.sampled_from([None, "a", "ç"]), st.integers(0, 2))


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(batches=st.lists(st.lists(st.lists(ROWS, max_size=6), max_size=2), min_size=1, max_size=3))
def test_the_equation_and_the_table_hold_for_any_batches(bench: Any, make_dataset: Any, batches: Any):
    dataset = make_dataset(Upsert(key="id", newest_by="changed_at"))
    model: dict[int, tuple[int, str | None]] = {}
    for day, parts in enumerate(batches, 1):
        rows = [[item(key, label, None, MONDAY + timedelta(hours=hour)) for key, label, hour in part] for part in parts]
        entry = bench.load(dataset, *(part for part in rows if part), day=day, quarantined=day).entry
        assert entry.extracted == entry.curated + entry.quarantined == sum(map(len, parts)) + day
        assert entry.curated == entry.inserted + entry.updated + entry.unchanged + entry.stale + entry.duplicate
        before = dict(model)
        _apply(model, [row for part in parts for row in part])
        assert entry.inserted == len(model.keys() - before.keys())
        assert entry.updated == sum(model[key] != before[key] for key in before)
    assert bench.rows(dataset, "id, label") == [(key, label) for key, (_, label) in sorted(model.items())]


def _apply(model: dict[int, tuple[int, str | None]], rows: list[tuple[int, str | None, int]]) -> None:
    """Newest wins, the later of equals wins: the contract's sentence as plainly as Python can say it."""
    for key, label, hour in rows:
        if key not in model or hour >= model[key][0]:
            model[key] = (hour, label)
