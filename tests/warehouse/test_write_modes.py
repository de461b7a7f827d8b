"""What each write mode does to the table, and how its rows are counted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esteira.contract import Append, DeleteInsert, Replace, Scd2, Upsert
from esteira.errors import DataQualityError
from esteira.warehouse.ledger import read_standing

pytestmark = pytest.mark.usefixtures("isolation")
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


@pytest.mark.fault(42)
@pytest.mark.parametrize("quarantined", [0, 2])
def test_an_empty_batch_is_a_ledger_row_without_rows_and_the_watermark_passes_it(
    bench: Any, make_dataset: Any, quarantined: int
):
    dataset = make_dataset(Upsert(key="id"))
    assert counts(bench.load(dataset, quarantined=quarantined)) == (0, 0, 0, 0, 0)
    (entry,) = bench.ledger(dataset)
    assert (entry.extracted, entry.quarantined) == (quarantined, quarantined)
    with bench.warehouse.session() as session:
        assert read_standing(session, dataset.name).watermark == entry.window_end


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


@pytest.mark.fault(41)
@pytest.mark.parametrize("newest_by", [None, "changed_at"])
def test_a_key_that_stands_twice_is_not_inserted_again_by_every_batch(bench: Any, make_dataset: Any, newest_by: Any):
    dataset = make_dataset(Upsert(key="id", newest_by=newest_by))
    twice = [item(1, changed_at=MONDAY), item(1, changed_at=MONDAY), item(2, changed_at=MONDAY)]
    assert counts(bench.load(dataset, twice)) == (2, 0, 0, 0, 1)
    assert [counts(bench.load(dataset, twice, day=day)) for day in (2, 3)] == [(0, 0, 2, 0, 1)] * 2
    assert bench.rows(dataset, "id") == [(1,), (2,)]


@pytest.mark.fault(41, 46)
def test_a_key_with_different_values_and_no_order_is_refused_by_name(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    with pytest.raises(DataQualityError, match=r"Key id .*different values: 7, 9\.") as caught:
        bench.load(dataset, [item(7, "a"), item(8, "a"), item(9, "a")], [item(9, "b"), item(7, None)])
    assert "newest_by" in caught.value.hint
    assert (caught.value.dataset, caught.value.batch) == (dataset.name, "2014-01-01-0123abcd")
    assert bench.rows(dataset) == []
    assert bench.ledger(dataset) == []


@pytest.mark.fault(50)
def test_without_a_newest_by_the_later_window_wins_whenever_it_was_loaded(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    bench.load(dataset, [item(1, "late window")], day=3, batch_id="a")
    older = [item(1, "early window"), item(2, "early window")]
    assert counts(bench.load(dataset, older, day=2, batch_id="b")) == (1, 0, 0, 1, 0)
    assert bench.rows(dataset) == [(1, "late window", 1), (2, "early window", 1)]


@pytest.mark.fault(50)
def test_an_older_window_does_not_win_over_an_equal_row_that_kept_its_first_batch_s_name(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    for day in (1, 3):
        bench.load(dataset, [item(1, "a")], day=day)
    assert counts(bench.load(dataset, [item(1, "b")], day=2)) == (0, 0, 0, 1, 0)
    assert bench.rows(dataset) == [(1, "a", 1)]


@pytest.mark.fault(50)
def test_an_older_replacement_that_comes_late_is_stale_as_a_whole(bench: Any, make_dataset: Any):
    dataset = make_dataset(Replace())
    bench.load(dataset, [item(2)], day=2)
    assert counts(bench.load(dataset, [item(1), item(3)], day=1)) == (0, 0, 0, 2, 0)
    assert bench.rows(dataset) == [(2, "a", 1)]


@pytest.mark.parametrize("write", [Upsert(key="id"), DeleteInsert(by="id")])
def test_of_several_new_batches_at_once_the_later_window_wins(bench: Any, make_dataset: Any, write: Any):
    dataset = make_dataset(write)
    bench.load(dataset, [item(1, "old"), item(2, "old"), item(4, "old")])
    monday = bench.request(dataset, [item(1, "mon"), item(2, "mon"), item(3, "mon")], day=2)
    tuesday = bench.request(dataset, [item(2, "tue"), item(3, "mon"), item(5, "tue")], day=3)
    results = bench.loader().rebuild([tuesday, monday])
    is_upsert = isinstance(write, Upsert)
    assert [counts(result) for result in results] == [
        (2, 1, 0, 0, 0) if is_upsert else (3, 0, 0, 0, 0),
        (0, 1, 1, 1, 0) if is_upsert else (1, 0, 0, 2, 0),
    ]
    assert bench.rows(dataset) == [(1, "mon", 1), (2, "tue", 1), (3, "mon", 1), (4, "old", 1), (5, "tue", 1)]


def test_delete_insert_replaces_the_groups_that_occur_and_leaves_the_others(bench: Any, make_dataset: Any):
    dataset = make_dataset(DeleteInsert(by="id"))
    bench.load(dataset, [item(1, "a"), item(1, "b"), item(2, "a")])
    result = bench.load(dataset, [item(1, "c"), item(3, "c")], day=2)
    assert counts(result) == (2, 0, 0, 0, 0)
    assert (result.entry.deleted, result.entry.table_rows) == (2, 3)
    assert bench.rows(dataset) == [(1, "c", 1), (2, "a", 1), (3, "c", 1)]


def test_an_empty_batch_of_delete_insert_deletes_nothing(bench: Any, make_dataset: Any):
    dataset = make_dataset(DeleteInsert(by="id"))
    bench.load(dataset, [item(1)])
    bench.load(dataset, day=2)
    assert bench.rows(dataset) == [(1, "a", 1)]


@pytest.mark.fault(50)
def test_a_group_that_a_later_window_holds_is_stale(bench: Any, make_dataset: Any):
    dataset = make_dataset(DeleteInsert(by="id"))
    bench.load(dataset, [item(1, "late")], day=3)
    assert counts(bench.load(dataset, [item(1, "early"), item(2, "early")], day=2)) == (1, 0, 0, 1, 0)
    assert bench.rows(dataset) == [(1, "late", 1), (2, "early", 1)]


def test_a_row_that_says_deleted_takes_its_key_out_of_the_table(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id", deleted_when=("label", "100%'s")))
    bench.load(dataset, [item(1), item(2)])
    result = bench.load(dataset, [item(1, "100%'s"), item(3, "100%'s")], day=2)
    assert counts(result) == (0, 1, 1, 0, 0)
    assert (result.entry.deleted, result.entry.table_rows) == (1, 1)
    assert bench.rows(dataset) == [(2, "a", 1)]


@pytest.mark.fault(50)
@pytest.mark.parametrize("newest_by", [None, "changed_at"])
def test_a_deleted_row_does_not_come_back_with_an_older_backfill(bench: Any, make_dataset: Any, newest_by: Any):
    dataset = make_dataset(Upsert(key="id", newest_by=newest_by, deleted_when=("label", "gone")))
    bench.load(dataset, [item(1, "a", changed_at=TUESDAY)], day=2)
    bench.load(dataset, [item(1, "gone", changed_at=WEDNESDAY)], day=3)
    assert counts(bench.load(dataset, [item(1, "old", changed_at=MONDAY)], day=1)) == (0, 0, 0, 1, 0)
    assert bench.rows(dataset) == []


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


class Words(pa.DataFrameModel):
    """Columns named as the fold might name its own."""

    id: pd.Int64Dtype = pa.Field(description="Number")
    age: pd.Int64Dtype = pa.Field(nullable=True, description="Age")
    copy: pd.Int64Dtype = pa.Field(nullable=True, description="Copy")  # type: ignore[assignment]
    place: pd.StringDtype = pa.Field(nullable=True, description="Place")
    number: pd.Int64Dtype = pa.Field(nullable=True, description="Number")
    action: pd.StringDtype = pa.Field(nullable=True, description="Action")
    is_own: pd.BooleanDtype = pa.Field(nullable=True, description="Own")
    is_gone: pd.BooleanDtype = pa.Field(nullable=True, description="Gone")
    batch_id: pd.StringDtype = pa.Field(nullable=True, description="Batch")


@pytest.mark.parametrize(
    "write",
    [Append(), Replace(), Upsert(key="id"), DeleteInsert(by="id"), Scd2(key="id")],
    ids=lambda write: type(write).__name__,
)
def test_a_contract_may_have_columns_of_any_name(bench: Any, make_dataset: Any, write: Any):
    dataset = make_dataset(write, schema=Words)
    row = {"id": 1, "age": 40, "copy": 2, "place": "here", "number": 3, "action": "a", "is_own": True, "is_gone": False}
    bench.load(dataset, [row])
    result = bench.load(dataset, [row | {"age": 41}], day=2)
    rows = bench.query(
        f"SELECT age, copy, place, number, action, is_own, is_gone FROM loads.{dataset.name} ORDER BY age"
    )
    assert rows[-1] == (41, 2, "here", 3, "a", True, False)
    assert result.entry.curated == 1
