"""UNLOAD of a dataset's table below the lake's `export/`: under the COPY role, of one moment, in the key's order."""

from typing import Any

import pytest

from esteira.contract import Upsert
from esteira.errors import ConfigError
from esteira.export.snapshot import Rows
from esteira.warehouse.unloading import unloading


def rows_of(count: int) -> list[dict[str, Any]]:
    return [{"id": number, "label": f"=x{number}", "amount": None if number % 2 else number} for number in range(count)]


def test_rows_are_unloaded_in_the_order_of_the_key_and_read_back_in_the_contracts_types(
    bench: Any, make_dataset: Any, tmp_path: Any
) -> None:
    dataset = make_dataset(Upsert("id"))
    bench.load(dataset, list(reversed(rows_of(1_000))))
    target = f"export/{dataset.name}/one/rows/"
    with unloading(bench.warehouse, dataset) as moment:
        assert moment.entry.inserted == 1_000
        count = moment.unload(moment.columns, bench.lake.uri(target), is_ordered=True)
    source = Rows(bench.lake, target, moment.columns, tmp_path)
    (table,) = source.tables()
    assert (count, table.column("id").to_pylist()) == (1_000, list(range(1_000)))
    assert [field.type for field in table.schema] == [column.arrow for column in dataset.columns]


def test_what_was_never_loaded_is_named_with_a_next_step(bench: Any, make_dataset: Any) -> None:
    dataset = make_dataset(Upsert("id"))
    with (
        pytest.raises(ConfigError, match="Nothing of it is in the warehouse") as raised,
        unloading(bench.warehouse, dataset),
    ):
        pass
    assert f"esteira ingest {dataset.name}" in raised.value.hint
