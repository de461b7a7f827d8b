"""Profiles in the warehouse: written with the batch in one transaction, kept by generation, under one view; and forgotten by an erasure."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from esteira.contract import Append, Upsert
from esteira.errors import DataQualityError
from esteira.profile import ColumnProfile
from esteira.warehouse import UndoRequest, profiles
from esteira.warehouse.life import rename, retire
from esteira.warehouse.states import Act

ANA = Act("ana@laptop")
PROFILE = (
    ColumnProfile("id", 3, 0, 3, "1", "3", 2.0, (1.0,) * 10 + (3.0,), (("1", 1), ("2", 1), ("3", 1))),
    ColumnProfile("label", 3, 1, 2, 'São "Paulo"', "x" * 200, top_values=(("é" * 200, 1), ("a", 1))),
    ColumnProfile("amount", 3, 0),
)


def item(number: int) -> dict[str, Any]:
    return {"id": number, "label": "a", "amount": 1}


def profiled(bench: Any, dataset: Any, *rows: dict[str, Any], **facts: Any) -> Any:
    return replace(bench.request(dataset, list(rows), **facts), profile=PROFILE)


def kept(bench: Any, name: str) -> list[tuple[Any, ...]]:
    """Batches and generations that the view has profiles of."""
    query = f"SELECT DISTINCT batch_id, generation FROM esteira.profile WHERE dataset = '{name}' ORDER BY 1, 2"
    return [(str(batch)[:10], generation) for batch, generation in bench.query(query)]


def test_a_profile_comes_with_its_batch_and_is_read_as_it_was_written(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    request = profiled(bench, dataset, item(1), item(2), item(3))
    bench.loader().load(request)
    bench.loader().load(request)
    with bench.warehouse.session() as session:
        assert set(profiles.read_profile(session, dataset.name, request.batch.id, 1)) == set(PROFILE)
        assert profiles.read_profile(session, dataset.name, request.batch.id, 2) == ()
    query = f"SELECT column_name, value_count, null_count, distinct_count, mean, quantiles FROM esteira.profile WHERE dataset = '{dataset.name}'"
    quantiles = "[1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,3.0]"
    expected = [("amount", 3, 0, None, None, None), ("id", 3, 0, 3, 2.0, quantiles), ("label", 2, 1, 2, None, None)]
    assert sorted(bench.query(query)) == expected


def test_a_wide_profile_takes_several_statements(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    wide = tuple(ColumnProfile(f"column_{number}", 1, 0, 1) for number in range(1600))
    bench.loader().load(replace(bench.request(dataset, [item(1)]), profile=wide))
    assert bench.query(f"SELECT COUNT(*) FROM esteira.profile WHERE dataset = '{dataset.name}'") == [(1600,)]


def test_a_batch_from_before_there_were_profiles_has_none_and_is_loaded(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    assert bench.load(dataset, [item(1)]).is_new
    assert kept(bench, dataset.name) == []


def test_a_load_that_fails_leaves_no_profile(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    request = profiled(bench, dataset, item(1))
    with pytest.raises(DataQualityError):
        bench.loader().load(replace(request, seal=msgspec.structs.replace(request.seal, extracted=2)))
    assert kept(bench, dataset.name) == []


def test_profiles_of_replaced_and_undone_batches_stay_under_their_generations(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    first = profiled(bench, dataset, item(1))
    bench.loader().load(first)
    bench.loader().rebuild([profiled(bench, dataset, item(1), generation=2)])
    bench.loader().load(profiled(bench, dataset, item(2), day=2))
    bench.loader().undo(UndoRequest(dataset, first.batch.id))
    assert [generation for _, generation in kept(bench, dataset.name)] == [1, 2, 1]
    current = (
        "SELECT DISTINCT p.batch_id FROM esteira.profile p JOIN esteira.batch b ON b.dataset = p.dataset AND b.batch_id = p.batch_id "
        f"AND b.generation = p.generation WHERE b.is_current AND b.state = 'committed' AND p.dataset = '{dataset.name}'"
    )
    assert [str(batch)[:10] for (batch,) in bench.query(current)] == ["2014-01-02"]


def test_only_what_stands_is_remembered_after_an_erasure(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    first = profiled(bench, dataset, item(1))
    bench.loader().load(first)
    bench.loader().rebuild([profiled(bench, dataset, item(1), generation=2)])
    undone, lost = profiled(bench, dataset, item(2), day=2), profiled(bench, dataset, item(3), day=3)
    bench.loader().load(undone)
    bench.loader().load(lost)
    bench.loader().undo(UndoRequest(dataset, undone.batch.id))
    with bench.warehouse.session() as session, session.transaction():
        profiles.forget(session, dataset.name, lost=[lost.batch.id])
    assert kept(bench, dataset.name) == [(first.batch.id[:10], 2)]


def test_profiles_follow_a_dataset_that_is_renamed_and_go_with_its_table(bench: Any, make_dataset: Any):
    dataset, other = make_dataset(Append()), make_dataset(Append())
    bench.loader().load(profiled(bench, other, item(1)))
    bench.loader().load(profiled(bench, dataset, item(1)))
    rename(bench.warehouse, dataset.name, f"{dataset.name}_new", ANA)
    assert (kept(bench, dataset.name), len(kept(bench, f"{dataset.name}_new"))) == ([], 1)
    retire(bench.warehouse, f"{dataset.name}_new", ANA, drops_table=True)
    assert (kept(bench, f"{dataset.name}_new"), len(kept(bench, other.name))) == ([], 1)
