"""Tables from contracts, and the whole-batch rules that look at more than one row."""

from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from esteira.contract import Append, Quality, Reference, Replace, Upsert
from esteira.errors import DataQualityError, LoadError

pytestmark = pytest.mark.usefixtures("isolation")


class Note(pa.DataFrameModel):
    """Notes with a limit."""

    id: pd.Int64Dtype
    label: pd.StringDtype = pa.Field(metadata={"max_bytes": 20})


class NoteWithMore(Note):
    amount: pd.Int64Dtype = pa.Field(nullable=True)


class Retyped(pa.DataFrameModel):
    id: pd.Int64Dtype
    label: pd.Int64Dtype


class Plain(pa.DataFrameModel):
    id: pd.Int64Dtype
    label: pd.StringDtype = pa.Field(nullable=True)


def note(number: int, label: str | None = "a", **more: Any) -> dict[str, Any]:
    return {"id": number, "label": label, **more}


def length(bench: Any, dataset: Any) -> int:
    query = "SELECT character_maximum_length FROM svv_columns WHERE table_schema = 'loads' AND table_name = '{}' AND column_name = 'label'"
    return int(bench.query(query.format(dataset.name))[0][0])


@pytest.mark.fault(48)
def test_a_text_column_is_widened_in_bytes_before_the_load_that_needs_it(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append(), schema=Plain)
    bench.load(dataset, [note(1, "curto")])
    before, long = length(bench, dataset), "ção" * 300
    assert before < len(long.encode())
    bench.load(dataset, [note(2, "x")], [note(3, long)], day=2)
    assert length(bench, dataset) >= len(long.encode())
    assert bench.rows(dataset, "id, label AS amount, label") == [(1, "curto", "curto"), (2, "x", "x"), (3, long, long)]


@pytest.mark.fault(48)
def test_a_text_over_the_contract_s_limit_is_refused_by_column_before_anything_is_loaded(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append(), schema=Note)
    bench.load(dataset, [note(1, "é" * 10)])
    with pytest.raises(LoadError, match=r"'label' holds a text of 22 bytes; its limit is 20") as caught:
        bench.load(dataset, [note(2, "é" * 11)], day=2)
    assert "max_bytes" in caught.value.hint
    assert len(bench.ledger(dataset)) == 1


def test_a_column_that_the_contract_gains_is_added_and_old_rows_have_null_in_it(bench: Any, make_dataset: Any):
    old = make_dataset(Upsert(key="id"), schema=Note)
    bench.load(old, [note(1), note(2)])
    new = make_dataset(Upsert(key="id"), schema=NoteWithMore, name=old.name)
    entry = bench.load(new, [note(2, amount=5), note(3, amount=6)], day=2).entry
    assert (entry.inserted, entry.updated) == (1, 1)
    assert bench.rows(new) == [(1, "a", None), (2, "a", 5), (3, "a", 6)]


@pytest.mark.fault(47)
def test_a_column_that_the_contract_retypes_is_refused_by_name_with_both_types(bench: Any, make_dataset: Any):
    old = make_dataset(schema=Note)
    bench.load(old, [note(1)])
    with pytest.raises(LoadError, match=r"'label' .* is VARCHAR\(20\) and the contract says BIGINT"):
        bench.load(make_dataset(schema=Retyped, name=old.name), [{"id": 2, "label": 3}], day=2)
    assert bench.rows(old, "id, label AS amount, label") == [(1, "a", "a")]


def test_a_null_in_a_column_that_takes_none_is_refused_by_column(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append(), schema=Note)
    with pytest.raises(LoadError, match="label"):
        bench.load(dataset, [note(1, None)])
    assert bench.ledger(dataset) == []


def test_columns_and_tables_carry_the_contract_s_descriptions(bench: Any, make_dataset: Any):
    dataset = make_dataset()
    bench.load(dataset)
    found = bench.query(
        f"SELECT obj_description('loads.{dataset.name}'::regclass), col_description('loads.{dataset.name}'::regclass, 2)"
    )
    assert found == [("Things, one row per id; it's a table of tests.", "Text [word]")]


def test_columns_that_must_be_unique_and_repeat_are_refused_with_samples(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append(), quality=Quality(unique=("id", "label")))
    rows = [note(1, "a"), note(1, "b"), note(2, "a")]
    with pytest.raises(DataQualityError, match=r"id, label must be unique in a batch and repeats: 1/b, 2/a\."):
        bench.load(dataset, rows, [note(2, "a"), note(1, "b")])
    assert bench.ledger(dataset) == []
    assert bench.load(dataset, rows, day=2).is_new


def child_of(parent: Any, otherwise: str) -> Quality:
    return Quality(references=(Reference("label", to=f"{parent.name}.label", otherwise=otherwise),))


def test_a_reference_that_fails_names_the_orphans_and_loads_nothing(bench: Any, make_dataset: Any):
    parent = make_dataset(Replace())
    bench.load(parent, [note(1, "a"), note(2, "b")])
    child = make_dataset(Append(), quality=child_of(parent, "fail"))
    with pytest.raises(
        DataQualityError, match=rf"label: 3 rows name {parent.name}\.label that do not exist: x, y\."
    ) as caught:
        bench.load(child, [note(1, "y"), note(2, "x"), note(3, "x"), note(4, "a"), note(5, None)])
    assert parent.name in caught.value.hint
    assert (bench.rows(child), bench.ledger(child)) == ([], [])
    assert bench.load(child, [note(4, "a"), note(5, None)], day=2).entry.inserted == 2


def test_a_reference_that_warns_loads_and_leaves_the_finding_in_the_ledger(bench: Any, make_dataset: Any):
    parent = make_dataset(Replace())
    bench.load(parent, [note(1, "a")])
    child = make_dataset(Append(), quality=child_of(parent, "warn"))
    bench.load(child, [note(1, "x"), note(2, "a")])
    (entry,) = bench.ledger(child)
    assert entry.inserted == 2
    assert entry.warnings == (f"label: 1 rows name {parent.name}.label that do not exist: x.",)


def test_a_reference_to_a_table_that_was_never_loaded_says_so(bench: Any, make_dataset: Any):
    parent = make_dataset(Replace())
    child = make_dataset(Append(), quality=child_of(parent, "fail"))
    with pytest.raises(DataQualityError, match=rf"{parent.name}\.label is not in the warehouse yet") as caught:
        bench.load(child, [note(1)])
    assert f"Load {parent.name} first" in caught.value.hint
