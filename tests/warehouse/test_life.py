"""The life of a dataset in the warehouse: paused, retired with and without its table, renamed; nothing of it is lost or made twice."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from esteira.contract import Append, Upsert
from esteira.errors import ConfigError, LoadError, WarehouseBusy
from esteira.rebuild import Selection, curated_again, plan_rebuild
from esteira.reconcile import reconcile
from esteira.renaming import rename_everywhere, require_nothing_open, require_same_source
from esteira.warehouse import UndoRequest, states
from esteira.warehouse.life import orphans, remains, rename, retire
from esteira.warehouse.reads import history, read_status, settled_batches, standing, table_counts
from esteira.warehouse.states import Act, pause, read_hold, resume
from tests.warehouse.conftest import FIRST_DAY

ANA = Act("ana@laptop", "the portal moves")


def item(number: int, label: str = "a") -> dict[str, Any]:
    return {"id": number, "label": label, "amount": 1}


def graves_contract(make_dataset: Any, name: str | None = None) -> Any:
    return make_dataset(Upsert(key="id", newest_by="changed_at", deleted_when=("label", "gone")), name=name)


def dated(number: int, label: str = "a", day: int = 1) -> dict[str, Any]:
    return item(number, label) | {"changed_at": FIRST_DAY + timedelta(days=day)}


def tables(bench: Any, name: str) -> set[str]:
    return {schema for schema, _ in remains(bench.warehouse, name).tables}


def test_a_pause_stands_in_the_warehouse_with_who_when_and_why_until_somebody_resumes(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    assert read_hold(bench.warehouse, dataset) is None
    pause(bench.warehouse, dataset.name, ANA)
    held = read_hold(bench.warehouse, dataset)
    assert str(held).startswith("paused since 20")
    assert str(held).endswith("Z by ana@laptop: the portal moves")
    assert read_status(bench.warehouse, [dataset])[0].state == held
    resume(bench.warehouse, dataset.name, ANA)
    assert read_hold(bench.warehouse, dataset) is None
    query = f"SELECT event FROM esteira.dataset_state WHERE dataset = '{dataset.name}' ORDER BY sequence"
    assert bench.query(query) == [("paused",), ("resumed",)]


def test_a_paused_dataset_still_takes_a_batch_that_a_person_asks_for(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    pause(bench.warehouse, dataset.name, ANA)
    assert bench.load(dataset, [item(1)]).is_new


def test_what_is_left_without_a_contract_is_found_until_it_is_retired(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    schemas = "table_schema IN ('esteira_lock', 'esteira_ledger')"
    others = {name for (name,) in bench.query(f"SELECT table_name FROM svv_tables WHERE {schemas}")} - {dataset.name}
    (left,) = orphans(bench.warehouse, others)
    assert (left.dataset, left.rows, left.batches) == (dataset.name, 1, 1)
    assert left.watermark == FIRST_DAY + timedelta(days=1)
    assert orphans(bench.warehouse, [*others, dataset.name]) == []
    retire(bench.warehouse, dataset.name, ANA, drops_table=False)
    assert orphans(bench.warehouse, others) == []
    assert bench.rows(dataset) == [(1, "a", 1)]


def test_a_retired_dataset_loses_its_table_lock_and_graves_and_keeps_its_history(bench: Any, make_dataset: Any):
    dataset = graves_contract(make_dataset)
    bench.load(dataset, [dated(1), dated(2)])
    assert tables(bench, dataset.name) == {
        "loads",
        "esteira_lock",
        "esteira_deleted",
        "esteira_ledger",
        "esteira_profile",
    }
    retire(bench.warehouse, dataset.name, ANA, drops_table=True)
    assert tables(bench, dataset.name) == {"esteira_ledger"}
    assert len(history(bench.warehouse, dataset.name)) == 1
    assert bench.query(f"SELECT COUNT(*) FROM esteira.batch WHERE dataset = '{dataset.name}'") == [(1,)]
    status = read_status(bench.warehouse, [dataset])[0]
    assert (status.rows, status.state and status.state.event) == (None, "dropped")


def test_a_runner_with_an_old_contract_does_not_make_a_retired_dataset_anew(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    request = bench.request(dataset, [item(2)], day=2)
    retire(bench.warehouse, dataset.name, ANA, drops_table=True)
    with pytest.raises(ConfigError, match=f"{dataset.name} is dropped since .* by ana@laptop: the portal moves"):
        bench.loader().load(request)
    assert tables(bench, dataset.name) == {"esteira_ledger"}


def test_a_dataset_that_is_retired_while_a_load_waits_for_its_lock_is_not_loaded(
    bench: Any, make_dataset: Any, monkeypatch: Any
):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    request, real, asked = bench.request(dataset, [item(2)], day=2), states.require_alive, []

    def meanwhile(session: Any, name: str) -> None:
        real(session, name)
        if not asked:
            asked.append(name)
            retire(bench.warehouse, name, ANA, drops_table=True)

    monkeypatch.setattr(states, "require_alive", meanwhile)
    with pytest.raises(ConfigError, match="is dropped"):
        bench.loader().load(request)
    assert len(history(bench.warehouse, dataset.name)) == 1


def test_a_dropped_dataset_comes_back_paused_until_its_batches_are_in_the_table_again(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    bench.load(dataset, [item(2)], day=2)
    retire(bench.warehouse, dataset.name, ANA, drops_table=True)
    assert resume(bench.warehouse, dataset.name, ANA).event == "paused"
    again = plan_rebuild(dataset, settled_batches(bench.warehouse, dataset.name), Selection(), bench.lake)
    bench.loader().rebuild([request_of(bench, dataset, each, curated_again(each, bench.lake)) for each in again])
    assert bench.rows(dataset) == [(1, "a", 1), (2, "a", 1)]
    assert resume(bench.warehouse, dataset.name, ANA).event == "resumed"


def test_a_view_bound_to_the_table_keeps_it_from_being_dropped_and_is_named(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    bench.run(f"CREATE VIEW loads.report_{dataset.name} AS SELECT id FROM loads.{dataset.name}")
    assert remains(bench.warehouse, dataset.name).views == (f"loads.report_{dataset.name}",)
    with pytest.raises((LoadError, WarehouseBusy), match="depend"):
        retire(bench.warehouse, dataset.name, ANA, drops_table=True)
    assert (bench.rows(dataset), read_hold(bench.warehouse, dataset)) == ([(1, "a", 1)], None)


def test_nothing_is_decided_about_a_name_that_the_warehouse_does_not_know(bench: Any, make_dataset: Any):
    name = make_dataset().name
    with pytest.raises(ConfigError, match=f"holds nothing of {name}"):
        retire(bench.warehouse, name, ANA, drops_table=True)
    assert tables(bench, name) == set()


def request_of(bench: Any, dataset: Any, again: Any, seal: Any) -> Any:
    request = bench.request(dataset, day=again.batch.window.start.day, batch_id="unused-" + again.batch.id)
    return replace(request, batch=again.batch, seal=seal, manifest=bench.lake.put_manifest(seal))


@pytest.fixture
def renamed(bench: Any, make_dataset: Any) -> Any:
    """Three batches with a deletion under the old name; then the contract and the warehouse have the new one."""
    old = graves_contract(make_dataset)
    new = replace(old, name=f"{old.name}_new", formerly=(old.name,))
    bench.load(old, [dated(1), dated(2)])
    bench.load(old, [dated(1, "b", 2)], day=2)
    bench.load(old, [dated(2, "gone", 3)], day=3)
    before = standing(bench.warehouse, old.name), history(bench.warehouse, old.name), bench.rows(old)
    rename_everywhere(bench.warehouse, bench.lake, (old.name, new.name), ANA)
    return old, new, before


def agrees(bench: Any, name: str) -> tuple[str, ...]:
    entries, counts = settled_batches(bench.warehouse, name), table_counts(bench.warehouse, name)
    found = reconcile(name, entries, counts, bench.lake)
    return tuple(sentence for sentence in found.differences if "raw seal is missing" not in sentence)


def test_the_new_name_has_everything_of_the_old_one_and_goes_on_from_its_watermark(bench: Any, renamed: Any):
    old, new, (stand, entries, rows) = renamed
    assert tables(bench, old.name) == set()
    assert tables(bench, new.name) == {"loads", "esteira_lock", "esteira_deleted", "esteira_ledger", "esteira_profile"}
    assert (standing(bench.warehouse, new.name), history(bench.warehouse, new.name)) == (stand, entries)
    assert bench.rows(new) == rows
    assert new.source.definition_hash == old.source.definition_hash
    view = f"SELECT dataset, COUNT(*) FROM esteira.batch WHERE dataset IN ('{old.name}', '{new.name}') GROUP BY dataset"
    assert bench.query(view) == [(new.name, 3)]


def test_a_renamed_dataset_loads_on_and_its_graves_still_hold(bench: Any, renamed: Any):
    _, new, _ = renamed
    assert bench.load(new, [dated(2, "late", 1), dated(3, "c", 4)], day=4).is_new
    assert bench.rows(new) == [(1, "b", 1), (3, "c", 1)]


def test_a_batch_from_before_the_rename_is_undone_and_comes_back(bench: Any, renamed: Any):
    _, new, _ = renamed
    second = settled_batches(bench.warehouse, new.name)[1].batch_id
    assert bench.loader().undo(UndoRequest(new, second)).entry.state == "undone"
    assert bench.rows(new) == [(1, "a", 1)]
    (again,) = plan_rebuild(new, settled_batches(bench.warehouse, new.name), Selection((second,)), bench.lake)
    assert again.generation == 3
    bench.loader().rebuild([request_of(bench, new, again, curated_again(again, bench.lake))])
    assert bench.rows(new) == [(1, "b", 1)]
    assert agrees(bench, new.name) == ()


def test_the_parts_of_a_batch_from_before_the_rename_are_found_by_reconcile(bench: Any, renamed: Any):
    _, new, _ = renamed
    assert agrees(bench, new.name) == ()


def test_a_dataset_may_be_renamed_twice(bench: Any, renamed: Any):
    old, new, _ = renamed
    third = replace(new, name=f"{new.name}er", formerly=(new.name, old.name))
    bench.load(new, [dated(3, "c", 4)], day=4)
    rename_everywhere(bench.warehouse, bench.lake, (new.name, third.name), ANA)
    assert bench.lake.names(third.name) == (third.name, new.name, old.name)
    first = settled_batches(bench.warehouse, third.name)[0].batch_id
    assert bench.loader().undo(UndoRequest(third, first)).entry.state == "undone"
    assert agrees(bench, third.name) == ()


def test_a_runner_with_the_old_contract_does_not_make_the_old_name_anew(bench: Any, renamed: Any):
    old, new, _ = renamed
    with pytest.raises(ConfigError, match=f"{old.name} is renamed to {new.name}"):
        bench.loader().load(bench.request(old, [dated(9)], day=5))
    assert tables(bench, old.name) == set()


def test_a_renamed_contract_waits_for_the_rename_instead_of_loading_everything_again(bench: Any, make_dataset: Any):
    old = make_dataset(Append())
    bench.load(old, [item(1)])
    new = replace(old, name=f"{old.name}_new", formerly=(old.name,))
    with pytest.raises(ConfigError, match=r"was .* before") as caught:
        read_hold(bench.warehouse, new)
    assert f"esteira rename {old.name} {new.name}" in caught.value.hint
    rename(bench.warehouse, old.name, new.name, ANA)
    assert read_hold(bench.warehouse, new) is None


def test_a_pause_holds_under_the_new_name(bench: Any, make_dataset: Any):
    old = make_dataset(Append())
    bench.load(old, [item(1)])
    pause(bench.warehouse, old.name, ANA)
    new = replace(old, name=f"{old.name}_new")
    rename(bench.warehouse, old.name, new.name, Act("bo"))
    assert read_hold(bench.warehouse, new).actor == "ana@laptop"


def test_a_name_that_has_tables_of_its_own_is_not_overwritten(bench: Any, make_dataset: Any):
    old, new = make_dataset(Append()), make_dataset(Append())
    bench.load(old, [item(1)])
    bench.load(new, [item(2)])
    with pytest.raises(ConfigError, match=f"{new.name} has tables of its own already"):
        rename(bench.warehouse, old.name, new.name, ANA)
    assert (bench.rows(old), bench.rows(new)) == ([(1, "a", 1)], [(2, "a", 1)])


def test_a_rename_waits_for_nobody_for_ever_and_changes_nothing_then(
    bench: Any, make_dataset: Any, open_warehouse: Any
):
    old = make_dataset(Append())
    bench.load(old, [item(1)])
    warehouse = open_warehouse()
    warehouse.config = replace(warehouse.config, ddl_wait_seconds=1)
    with bench.warehouse.session() as reader, reader.transaction():
        reader.rows(f"SELECT * FROM loads.{old.name}")
        with pytest.raises(WarehouseBusy):
            rename(warehouse, old.name, f"{old.name}_new", ANA)
    assert bench.rows(old) == [(1, "a", 1)]
    assert bench.load(old, [item(2)], day=2).is_new


def test_another_source_or_an_open_batch_must_be_settled_before_a_rename(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    own = f"2014-01-01-{dataset.source.definition_hash}"
    request = bench.request(dataset, [item(1)], batch_id=own)
    bench.lake.put_seal("raw", msgspec.structs.replace(request.seal, curated=0, parts=()))
    with pytest.raises(ConfigError, match="begun and not loaded"):
        require_nothing_open(dataset, dataset.name, (), bench.lake)
    bench.loader().load(request)
    require_nothing_open(dataset, dataset.name, [own], bench.lake)
    require_same_source(dataset, history(bench.warehouse, dataset.name))
    moved = replace(dataset, source=replace(dataset.source, path="/elsewhere"))
    with pytest.raises(ConfigError, match="definition changed together with the name"):
        require_same_source(moved, history(bench.warehouse, dataset.name))


@pytest.fixture
def hold(bench: Any, monkeypatch: Any) -> Any:
    """The step that a run asks first, without Prefect."""
    from tasks import plan

    monkeypatch.setattr(plan, "open_warehouse", lambda: bench.warehouse)
    monkeypatch.setattr(plan, "get_run_logger", logging.getLogger)
    return lambda dataset, by_name: plan.find_hold.fn(dataset, is_asked_by_name=by_name)


def test_what_is_due_of_a_paused_or_retired_dataset_waits_and_a_range_by_name_runs_only_if_it_is_paused(
    bench: Any, make_dataset: Any, hold: Any
):
    dataset = make_dataset(Append())
    bench.load(dataset)
    pause(bench.warehouse, dataset.name, ANA)
    assert (hold(dataset, False).event, hold(dataset, True)) == ("paused", None)
    retire(bench.warehouse, dataset.name, ANA, drops_table=False)
    assert hold(dataset, False).event == "retired"
    with pytest.raises(ConfigError, match="is retired since"):
        hold(dataset, True)
    with pytest.raises(ConfigError, match="is retired since"):
        pause(bench.warehouse, dataset.name, ANA)


def test_a_contract_that_says_retired_is_not_run(make_dataset: Any, hold: Any):
    with pytest.raises(ConfigError, match="says retired=True"):
        hold(replace(make_dataset(), retired=True), False)
