"""Taking a batch out, loading it anew, and what the lake must still have for it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from esteira.contract import Append, Incremental, Replace, Upsert
from esteira.errors import ConfigError, LoadError, SealConflict
from esteira.warehouse import Loader, UndoRequest

WINDOWS = Incremental("changed_at", "from", "to", initial=date(2014, 1, 1))
FIRST, SECOND = "2014-01-01-0123abcd", "2014-01-02-0123abcd"


class Note(pa.DataFrameModel):
    """Notes, before they had an amount."""

    id: pd.Int64Dtype
    label: pd.StringDtype


class Wider(Note):
    amount: pd.Int64Dtype = pa.Field(nullable=True)


def item(number: int, label: str = "a") -> dict[str, Any]:
    return {"id": number, "label": label, "amount": 1}


def loader_without(bench: Any, *lost: str) -> Any:
    """A loader from whose lake the curated parts of some batches are gone."""
    loader = bench.loader()
    find = loader._history
    loader._history = lambda dataset, entry: None if entry.batch_id in lost else find(dataset, entry)
    return loader


def test_an_undone_batch_gives_back_what_it_overwrote_and_says_why(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert("id"), incremental=WINDOWS)
    bench.load(dataset, [item(1), item(2)])
    bench.load(dataset, [item(2, "b"), item(3, "b")], day=2)
    result = bench.loader().undo(UndoRequest(dataset, SECOND, "The portal sent test data.", run="by hand"))
    assert bench.rows(dataset) == [(1, "a", 1), (2, "a", 1)]
    entry = result.entry
    assert (entry.generation, entry.state, entry.reason, entry.run) == (
        2,
        "undone",
        "The portal sent test data.",
        "by hand",
    )
    assert (entry.curated, entry.deleted, entry.table_rows, result.lost) == (0, 1, 2, ())
    assert entry.window_start == datetime(2014, 1, 2, tzinfo=UTC)


def test_undoing_twice_finds_it_undone(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    first, second = (bench.loader().undo(UndoRequest(dataset, FIRST)) for _ in range(2))
    assert (first.is_new, second.is_new) == (True, False)
    assert (bench.rows(dataset), second.entry) == ([], first.entry)


def test_a_batch_that_the_ledger_does_not_know_cannot_be_undone(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    with pytest.raises(ConfigError, match="the ledger does not know it"):
        bench.loader().undo(UndoRequest(dataset, "nothing"))


def test_when_the_newest_replacement_is_undone_the_one_before_it_is_the_table(bench: Any, make_dataset: Any):
    dataset = make_dataset(Replace())
    bench.load(dataset, [item(1)])
    bench.load(dataset, [item(2), item(3)], day=2)
    bench.loader().undo(UndoRequest(dataset, SECOND))
    assert bench.rows(dataset) == [(1, "a", 1)]


def test_batches_whose_parts_are_gone_are_named_and_nothing_is_changed(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert("id"), incremental=WINDOWS)
    bench.load(dataset, [item(1), item(2)])
    bench.load(dataset, [item(2, "b")], day=2)
    with pytest.raises(LoadError, match=rf"1 committed batches are no longer in the lake: {FIRST}") as caught:
        loader_without(bench, FIRST).undo(UndoRequest(dataset, SECOND))
    assert "accept the loss" in caught.value.hint
    assert bench.rows(dataset) == [(1, "a", 1), (2, "b", 1)]


def test_with_the_loss_accepted_what_the_table_still_has_of_a_lost_batch_stays(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert("id"), incremental=WINDOWS)
    bench.load(dataset, [item(1), item(2)])
    bench.load(dataset, [item(2, "b")], day=2)
    result = loader_without(bench, FIRST).undo(UndoRequest(dataset, SECOND, accept_loss=True))
    assert bench.rows(dataset) == [(1, "a", 1)]
    assert result.lost == (FIRST,)
    assert FIRST in result.entry.warnings[0]


def test_without_a_lake_a_fold_is_refused_and_says_what_to_do(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert("id"), incremental=WINDOWS)
    bench.load(dataset, [item(1)])
    bench.load(dataset, [item(1, "b")], day=2)
    with pytest.raises(LoadError, match="no way to it"):
        Loader(bench.warehouse).undo(UndoRequest(dataset, SECOND))


def test_a_later_generation_replaces_the_rows_of_the_earlier(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert("id"), incremental=WINDOWS)
    bench.load(dataset, [item(1), item(2), item(3)])
    entry = bench.load(dataset, [item(1), item(2, "b"), item(4)], generation=2).entry
    assert bench.rows(dataset) == [(1, "a", 1), (2, "b", 1), (4, "a", 1)]
    assert (entry.inserted, entry.updated, entry.unchanged, entry.deleted, entry.table_rows) == (1, 1, 1, 1, 3)
    assert [each.generation for each in bench.ledger(dataset)] == [2]


def test_a_batch_of_an_older_contract_is_read_again_without_the_column_it_lacks(bench: Any, make_dataset: Any):
    old = make_dataset(Upsert("id"), schema=Note, incremental=WINDOWS)
    bench.load(old, [{"id": 1, "label": "a"}])
    new = make_dataset(Upsert("id"), schema=Wider, name=old.name, incremental=WINDOWS)
    bench.load(new, [item(1, "b")], day=2)
    bench.loader().undo(UndoRequest(new, SECOND))
    assert bench.rows(new) == [(1, "a", None)]


def test_a_rebuild_of_several_batches_is_one_transaction(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append(), incremental=WINDOWS)
    for day in (1, 2):
        bench.load(dataset, [item(day)], day=day)
    good = bench.request(dataset, [item(1, "b")], generation=2)
    bad = bench.request(dataset, [item(2, "b")], day=2, generation=2)
    (part,) = bad.seal.parts
    with pytest.raises(LoadError):
        bench.loader().rebuild([good, replace(bad, manifest=bad.manifest + ".gone")])
    assert (bench.rows(dataset), part.rows) == ([(1, "a", 1), (2, "a", 1)], 1)
    results = bench.loader().rebuild([good, bad])
    assert [(each.entry.generation, each.entry.table_rows) for each in results] == [(2, 2), (2, 2)]
    assert bench.rows(dataset) == [(1, "b", 1), (2, "b", 1)]


@pytest.mark.parametrize("names", [[], ["one", "other"]])
def test_a_rebuild_is_of_one_dataset(bench: Any, make_dataset: Any, names: list[str]):
    requests = [bench.request(make_dataset(name=name), [item(1)]) for name in names]
    with pytest.raises(ConfigError, match="A rebuild is of one dataset"):
        bench.loader().rebuild(requests)


def test_a_lake_that_holds_another_seal_than_the_ledger_is_an_error(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert("id"), incremental=WINDOWS)
    bench.request(dataset, [item(1, "sealed, not committed")])
    bench.load(dataset, [item(1)])
    bench.load(dataset, [item(1, "b")], day=2)
    with pytest.raises(SealConflict, match="The ledger holds seal"):
        bench.loader().undo(UndoRequest(dataset, SECOND))
