"""Who may read what a load makes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from esteira.errors import ConfigError
from esteira.warehouse import Warehouse, ddl
from tests.warehouse.designs import Pair, Recorded, changes

pytestmark = pytest.mark.usefixtures("isolation")


@pytest.fixture
def readers(bench: Any, warehouse: Warehouse) -> Iterator[str]:
    """A group with one member, who reads; the group outlives the test, as its grants do."""
    group = f"readers_{datetime.now(UTC):%H%M%S%f}"
    bench.run(f"CREATE GROUP {group}")
    bench.warehouse = Warehouse(replace(warehouse.config, reader_group=group), warehouse._credentials)
    yield group
    bench.warehouse = warehouse


def may(bench: Any, group: str, relation: str) -> bool:
    return bool(bench.query(f"SELECT has_table_privilege('{group}', '{relation}', 'SELECT')")[0][0])


def test_readers_may_read_the_tables_and_the_two_views_and_nothing_else(bench: Any, make_dataset: Any, readers: str):
    first, second = make_dataset(schema=Pair), make_dataset(schema=Pair)
    bench.load(first)
    assert may(bench, readers, f"loads.{first.name}")
    assert may(bench, readers, "esteira.batch")
    assert may(bench, readers, "esteira.profile")
    assert not may(bench, readers, f"esteira_ledger.{first.name}")
    assert not may(bench, readers, f"esteira_profile.{first.name}")
    bench.load(second)  # the views are made anew
    assert may(bench, readers, "esteira.batch")
    assert may(bench, readers, "esteira.profile")
    assert changes(bench, second) == []


def test_a_grant_that_stands_is_not_given_again_and_one_that_was_taken_is(bench: Any, make_dataset: Any, readers: str):
    dataset = make_dataset(schema=Pair)
    bench.load(dataset)
    with bench.warehouse.session() as session:
        recorded = Recorded(session)
        ddl.ensure_table(recorded, dataset, "loads", {}, readers)
    assert not [statement for statement in recorded.ran if "GRANT" in statement]
    bench.run(f"REVOKE SELECT ON loads.{dataset.name} FROM GROUP {readers}")
    (change,) = changes(bench, dataset)
    assert change.statements == (f'GRANT SELECT ON "loads"."{dataset.name}" TO GROUP "{readers}"',)
    bench.load(dataset, day=2)
    assert may(bench, readers, f"loads.{dataset.name}")


def test_a_reader_group_that_does_not_exist_is_refused_by_name(bench: Any, make_dataset: Any, warehouse: Warehouse):
    bench.warehouse = Warehouse(replace(warehouse.config, reader_group="nobody_here"), warehouse._credentials)
    with pytest.raises(ConfigError, match="no group nobody_here") as caught:
        bench.load(make_dataset(schema=Pair))
    assert 'CREATE GROUP "nobody_here"' in caught.value.hint
