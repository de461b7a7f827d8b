"""The ledger's own tables: their version, their migration, and the view over them."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from esteira.contract import Append, Incremental, Upsert
from esteira.errors import ConfigError, DataQualityError
from esteira.lake import Provenance
from esteira.warehouse import LoadRequest, ledger_tables
from esteira.warehouse.cursors import largest_committed

OLD_COLUMNS = ", ".join(f"{name} {column.kind}" for name, column in ledger_tables.SHAPE.items() if column.since == 1)
OLD_ROW = (
    "INSERT INTO esteira_ledger.{name} VALUES ('2013-12-31-0123abcd', '2013-12-31', '2014-01-01', 'abc', 'a1', 3, 2, 1, 2, 0, 0, 0, 0, "
    "NULL, '[]', 'old run', '0.1.0', '2014-01-01 06:00')"
)


def item(number: int) -> dict[str, Any]:
    return {"id": number, "label": "a", "amount": 1}


@pytest.fixture
def old_ledger(bench: Any, make_dataset: Any) -> Any:
    """A dataset whose ledger was made before generations existed, with one batch in it."""
    bench.load(make_dataset(Append()), [item(1)])  # makes the schemas
    dataset = make_dataset(Append())
    bench.run(f"CREATE TABLE esteira_ledger.{dataset.name} ({OLD_COLUMNS}, PRIMARY KEY (batch_id))")
    bench.run(OLD_ROW.format(name=dataset.name))
    return dataset


def test_an_older_ledger_is_read_before_any_load_has_migrated_it(bench: Any, old_ledger: Any):
    (entry,) = bench.ledger(old_ledger)
    assert (entry.batch_id, entry.curated, entry.generation, entry.state) == ("2013-12-31-0123abcd", 2, 1, "committed")


def test_an_older_ledger_is_migrated_by_the_next_load_and_keeps_its_rows(bench: Any, old_ledger: Any):
    bench.load(old_ledger, [item(1)])
    old, new = bench.ledger(old_ledger)
    assert (old.batch_id, old.generation, old.state, old.table_rows) == ("2013-12-31-0123abcd", 1, "committed", None)
    assert (new.batch_id, new.table_rows, new.sequence) == ("2014-01-01-0123abcd", 1, 1)
    found = bench.query(f"SELECT version FROM esteira.ledger_version WHERE dataset = '{old_ledger.name}'")
    assert found == [(ledger_tables.VERSION,)]


def test_the_view_unites_ledgers_of_both_versions(bench: Any, make_dataset: Any, old_ledger: Any):
    new = make_dataset(Append())
    bench.load(new, [item(1), item(2)])
    query = "SELECT dataset, curated, generation, state, is_current FROM esteira.batch WHERE dataset IN ('{}', '{}') ORDER BY curated DESC, dataset"
    assert sorted(bench.query(query.format(old_ledger.name, new.name))) == sorted(
        [(old_ledger.name, 2, 1, "committed", True), (new.name, 2, 1, "committed", True)]
    )


def test_a_ledger_that_a_newer_esteira_wrote_is_refused(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    bench.run(f"INSERT INTO esteira.ledger_version VALUES ('{dataset.name}', {ledger_tables.VERSION + 1}, GETDATE())")
    with pytest.raises(
        ConfigError, match=f"version {ledger_tables.VERSION + 1} and this Esteira knows {ledger_tables.VERSION}"
    ):
        bench.load(dataset, [item(2)], day=2)
    assert bench.rows(dataset) == [(1, "a", 1)]


def test_each_entry_holds_the_rows_of_the_table_after_it(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    bench.load(dataset, [item(2), item(3)], day=2)
    assert [(entry.sequence, entry.table_rows) for entry in bench.ledger(dataset)] == [(1, 1), (2, 3)]


def asked_with(bench: Any, request: LoadRequest, start: int, end: int | None) -> LoadRequest:
    """A batch of a cursor that is no time."""
    seal = msgspec.structs.replace(request.seal, provenance=Provenance(start, end))
    return replace(request, seal=seal, manifest=bench.lake.put_manifest(seal))


NUMBERS = Incremental("id", "since", initial=0, bounds="(]")


def test_the_values_of_a_cursor_that_is_no_time_stand_in_the_ledger_and_in_the_view(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"), incremental=NUMBERS)
    bench.loader().load(asked_with(bench, bench.request(dataset, [item(9)]), 0, 2**70))
    bench.loader().load(asked_with(bench, bench.request(dataset, [], day=2), 9, None))
    assert [(each.cursor_start, each.cursor_end) for each in bench.ledger(dataset)] == [("0", str(2**70)), ("9", None)]
    assert largest_committed(dataset, bench.ledger(dataset)) == 2**70
    found = bench.query(f"SELECT cursor_end FROM esteira.batch WHERE dataset = '{dataset.name}' ORDER BY batch_id")
    assert found == [(str(2**70),), (None,)]


def test_rows_that_another_batch_has_brought_meanwhile_are_not_appended_again(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append(), incremental=NUMBERS)
    late = asked_with(bench, bench.request(dataset, [item(1), item(2)]), 0, 2)
    bench.loader().load(asked_with(bench, bench.request(dataset, [item(1)], day=2), 0, 1))
    with pytest.raises(DataQualityError, match="above 0, and rows up to 1 are in the table by now"):
        bench.loader().load(late)
    bench.loader().load(asked_with(bench, bench.request(dataset, [item(2)], day=3), 1, 2))
    assert bench.rows(dataset) == [(1, "a", 1), (2, "a", 1)]


def test_a_generation_that_replaces_an_older_one_may_begin_before_what_is_committed(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append(), incremental=NUMBERS)
    for day in (1, 2):
        bench.loader().load(asked_with(bench, bench.request(dataset, [item(day)], day=day), day - 1, day))
    again = asked_with(bench, bench.request(dataset, [item(1)], generation=2), 0, 1)
    bench.loader().rebuild([again])
    assert bench.rows(dataset) == [(1, "a", 1), (2, "a", 1)]
