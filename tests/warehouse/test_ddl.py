"""Tables follow their contracts: what a load changes by itself, what it refuses, and that the statements it prints are enough."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pandera.pandas as pa
import pytest
from msgspec.structs import replace as replace_struct
from pyarrow import decimal128, timestamp

import blocks
import cli.environment
from cli.ddl import PERSON_NEEDED, run_ddl, run_diff
from esteira.contract import Append, Date, Replace, Scd2, Timestamp, Upsert
from esteira.errors import ConfigError, LoadError
from esteira.warehouse import Warehouse, ddl
from esteira.warehouse.live import read_live

pytestmark = pytest.mark.usefixtures("isolation")
MOMENT = datetime(2014, 1, 6, 12, 30, 0, 123456, tzinfo=UTC)
CONTRACT = '''"""Things."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, Replace


class Thing(pa.DataFrameModel):
    """Things of a folder."""

    id: pd.{dtype} = pa.Field(description="Number")


DATASET = Dataset(name="{name}", source=ApiSource(portal="none", path="/none"), schema=Thing, write=Replace())
'''


class Every(pa.DataFrameModel):
    """One column of each type, 100% of them."""

    id: pd.Int64Dtype = pa.Field(description="It's a \\ key, 50% of it")
    small: pd.Int16Dtype = pa.Field(nullable=True, description="Small", metadata={"unit": "cm", "encode": "mostly8"})
    whole: pd.Int32Dtype = pa.Field(nullable=True, description="Whole")
    single: pd.Float32Dtype = pa.Field(nullable=True, description="Single")
    double: pd.Float64Dtype = pa.Field(nullable=True, description="Double", metadata={"encode": "zstd"})
    exact: Annotated[pd.ArrowDtype, decimal128(38, 10)] = pa.Field(nullable=True, description="Exact")
    is_so: pd.BooleanDtype = pa.Field(nullable=True, description="Flag")
    day: Date = pa.Field(nullable=True, description="Day")
    at: Timestamp = pa.Field(nullable=True, description="Moment")
    local: Annotated[pd.ArrowDtype, timestamp("us")] = pa.Field(nullable=True, description="Local moment")
    label: pd.StringDtype = pa.Field(nullable=True, description="Label")
    code: pd.StringDtype = pa.Field(nullable=True, description="Code", metadata={"encode": "bytedict", "max_bytes": 12})
    doc: pd.StringDtype = pa.Field(nullable=True, description="As received", metadata={"type": "super"})


class Pair(pa.DataFrameModel):
    """Pairs."""

    id: pd.Int64Dtype = pa.Field(description="Number")
    label: pd.StringDtype = pa.Field(nullable=True, description="Label")


class Doc(pa.DataFrameModel):
    """Documents."""

    id: pd.Int64Dtype = pa.Field(description="Number")
    doc: pd.StringDtype = pa.Field(nullable=True, description="As received", metadata={"type": "super"})


class Described(pa.DataFrameModel):
    """Pairs, described better."""

    id: pd.Int64Dtype = pa.Field(description="Number", metadata={"unit": "piece"})
    label: pd.StringDtype = pa.Field(nullable=True)


class Named(pa.DataFrameModel):
    """Keys that are text."""

    id: pd.StringDtype = pa.Field(description="Key")
    label: pd.StringDtype = pa.Field(nullable=True, description="Label")


class Coded(pa.DataFrameModel):
    """Codes."""

    id: pd.Int64Dtype = pa.Field(description="Number")
    label: pd.StringDtype = pa.Field(
        nullable=True, description="Code", metadata={"encode": "bytedict", "max_bytes": 20}
    )


class Numbered(pa.DataFrameModel):
    """Labels that are numbers."""

    id: pd.Int64Dtype = pa.Field(description="Number")
    label: pd.Int64Dtype = pa.Field(nullable=True, description="Label")


class Alone(pa.DataFrameModel):
    """Numbers without labels."""

    id: pd.Int64Dtype = pa.Field(description="Number")


class Full(pa.DataFrameModel):
    """Labels without nulls."""

    id: pd.Int64Dtype = pa.Field(description="Number")
    label: pd.StringDtype = pa.Field(description="Label")


def every(number: int) -> dict[str, Any]:
    return {
        "id": number, "small": 1, "whole": 2, "single": 0.5, "double": 0.1, "exact": Decimal("1234567890123456789.0123456789"), "is_so": True,
        "day": date(2012, 2, 29), "at": MOMENT, "local": MOMENT.replace(tzinfo=None), "label": "é", "code": "c", "doc": b'{"a":[1,2.50]}',
    }  # fmt: skip


def again(bench: Any, old: Any, new: Any, rows: list[dict[str, Any]], **more: Any) -> Any:
    """Load under another contract of the same table."""
    return bench.load(replace(new, name=old.name), rows, day=2, **more)


def changes(bench: Any, dataset: Any) -> list[Any]:
    return ddl.compare(bench.warehouse, dataset)


def obey(bench: Any, dataset: Any) -> None:
    """Do what `--diff` asks a person to do."""
    asked = dict.fromkeys(
        each for change in changes(bench, dataset) if not change.is_ours for each in change.statements
    )
    with bench.warehouse.session() as session:
        for statement in asked:
            session.run(statement)


class Recorded:
    """A session that remembers what it ran."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.ran: list[str] = []

    def run(self, statement: str, parameters: Any = ()) -> int:
        self.ran.append(statement)
        return int(self._session.run(statement, parameters))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def test_every_type_is_loaded_exactly_and_the_table_is_then_as_the_contract_says(bench: Any, make_dataset: Any):
    dataset = replace(make_dataset(Upsert(key="id"), schema=Every), distkey="id", sortkey=("at", "id"))
    bench.load(dataset, [every(1), {"id": 2}])
    names = ", ".join(name for name in dataset.column_names if name != "doc")
    found = bench.query(f"SELECT {names}, JSON_SERIALIZE(doc) FROM loads.{dataset.name} ORDER BY id")
    good = [value for name, value in every(1).items() if name != "doc"]
    assert list(found[0][:-1]) == good
    assert json.loads(found[0][-1]) == {"a": [1, 2.5]}
    assert found[1] == (2, *[None] * 12)
    assert changes(bench, dataset) == []


def test_the_live_table_has_the_declared_design(bench: Any, make_dataset: Any):
    dataset = replace(make_dataset(Upsert(key="id"), schema=Every), distkey="id", sortkey=("at", "id"))
    bench.load(dataset)
    with bench.warehouse.session() as session:
        live = read_live(session, "loads", dataset.name, with_design=True)
    assert live.design is not None
    assert (live.design.distkey, live.design.sortkey) == ("id", ("at", "id"))
    assert {name: live.design.encodings[name] for name in ("id", "at", "small", "whole", "double", "label", "code", "is_so")} == {
        "id": "raw", "at": "raw", "small": "mostly8", "whole": "az64", "double": "zstd", "label": "zstd", "code": "bytedict", "is_so": "raw",
    }  # fmt: skip
    assert live.primary_key is not None
    assert live.primary_key.columns == {"id"}


@pytest.mark.parametrize("before", [None, "all", "id"])
def test_another_distribution_than_the_contract_s_is_named_with_the_statement_that_changes_it(
    bench: Any, make_dataset: Any, before: str | None
):
    """Of an empty table too, of which SVV_TABLE_INFO says nothing."""
    dataset = replace(make_dataset(schema=Pair), diststyle="even")
    is_key = before == "id"
    bench.load(replace(dataset, distkey="id" if is_key else None, diststyle=None if is_key else before))
    (change,) = changes(bench, dataset)
    found = {None: "AUTO(ALL)", "all": "ALL", "id": "by id"}[before]
    assert change.what == f"The table is distributed {found} and the contract says EVEN."
    obey(bench, dataset)
    assert changes(bench, dataset) == []


def test_a_nested_value_is_parsed_and_an_equal_one_is_no_change(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"), schema=Doc)
    bench.load(dataset, [{"id": 1, "doc": b'{"a":{"b":[1]}}'}, {"id": 2, "doc": b"[1]"}, {"id": 3, "doc": None}])
    rows = [{"id": 1, "doc": b'{"a":{"b":[1]}}'}, {"id": 2, "doc": b"[2]"}, {"id": 3, "doc": b"null"}]
    entry = bench.load(dataset, rows, day=2).entry
    assert (entry.inserted, entry.updated, entry.unchanged) == (0, 2, 1)
    found = bench.query(f"SELECT JSON_SERIALIZE(doc) FROM loads.{dataset.name} ORDER BY id")
    assert [json.loads(text) for (text,) in found] == [{"a": {"b": [1]}}, [2], None]


@pytest.mark.parametrize("mode", [Append(), Replace(), Scd2(key="id")], ids=["append", "replace", "scd2"])
def test_nested_values_arrive_in_every_write_mode(bench: Any, make_dataset: Any, mode: Any):
    dataset = make_dataset(mode, schema=Doc)
    bench.load(dataset, [{"id": 1, "doc": b'{"a":1}'}])
    bench.load(dataset, [{"id": 2, "doc": b'"text"'}], day=2)
    found = bench.query(f"SELECT JSON_SERIALIZE(doc) FROM loads.{dataset.name} WHERE id = 2")
    assert found == [('"text"',)]


def test_a_changed_description_is_applied_at_the_next_load_and_a_lost_one_removed(bench: Any, make_dataset: Any):
    old = make_dataset(Append(), schema=Pair)
    bench.load(old)
    new = make_dataset(Append(), schema=Described)
    again(bench, old, new, [])
    with bench.warehouse.session() as session:
        found = read_live(session, "loads", old.name).comments
    assert (found[""], found["id"]) == ("Pairs, described better.", "Number [piece]")
    assert "label" not in found


def test_a_table_that_is_as_it_should_be_is_not_altered_again(bench: Any, make_dataset: Any):
    dataset = replace(make_dataset(Upsert(key="id"), schema=Every), distkey="id")
    with bench.warehouse.session() as session:
        first, second = Recorded(session), Recorded(session)
        ddl.ensure_table(first, dataset, "loads", {"label": 20})
        ddl.ensure_table(second, dataset, "loads", {"label": 20})
    assert any(statement.startswith("COMMENT ON") for statement in first.ran)
    assert [
        statement for statement in second.ran if not statement.startswith("CREATE") or "IF NOT EXISTS" not in statement
    ] == []


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    ("schemas", "before", "after", "named"),
    [
        ((Pair, Numbered), {"label": "7"}, {"label": 8}, r"'label' of loads\.\w+ is VARCHAR\(16\) and the contract says BIGINT"),
        ((Numbered, Pair), {"label": 7}, {"label": "8"}, r"'label' of loads\.\w+ is BIGINT and the contract says VARCHAR"),
        ((Full, Pair), {"label": "a"}, {"label": None}, r"'label' of loads\.\w+ takes no nulls and the contract allows them"),
        ((Full, Alone), {"label": "a"}, {}, "'label' is in the table and not in the contract"),
    ],
    ids=["to number", "to text", "nullable", "dropped"],
)  # fmt: skip
def test_what_a_load_may_not_do_is_refused_with_statements_that_are_enough(
    bench: Any, make_dataset: Any, schemas: Any, before: Any, after: Any, named: str
):
    loaded = make_dataset(Append(), schema=schemas[0])
    bench.load(loaded, [{"id": 1, **before}])
    wanted = make_dataset(Append(), schema=schemas[1], name=loaded.name)
    with pytest.raises(LoadError, match=named) as caught:
        bench.load(wanted, [{"id": 2, **after}], day=2)
    blocking = [change for change in changes(bench, wanted) if change.is_blocking]
    assert all(f"{statement};" in caught.value.hint for change in blocking for statement in change.statements)
    assert len(bench.ledger(loaded)) == 1
    obey(bench, wanted)
    assert bench.load(wanted, [{"id": 2, **after}], day=2).entry.inserted == 1
    assert bench.query(f"SELECT id FROM loads.{loaded.name} ORDER BY id") == [(1,), (2,)]
    assert changes(bench, wanted) == []


@pytest.mark.fault(48)
def test_a_text_that_a_load_may_not_widen_is_widened_by_the_printed_statements(bench: Any, make_dataset: Any):
    key = make_dataset(Upsert(key="id"), schema=Named)
    code = make_dataset(Append(), schema=Coded)
    for dataset, column in ((key, "id"), (code, "label")):
        short = ddl.contract_statements(dataset, "loads")
        for statement in short[:4]:
            bench.run(
                statement.replace(f'"{column}" VARCHAR(256)', f'"{column}" VARCHAR(4)').replace(
                    "VARCHAR(20)", "VARCHAR(4)"
                )
            )
    for dataset, row in ((key, {"id": "açaí", "label": None}), (code, {"id": 1, "label": "açaí"})):
        with pytest.raises(LoadError, match=r"has 4 bytes and needs .* Redshift widens none that is"):
            bench.load(dataset, [row])
        obey(bench, dataset)
        assert bench.load(dataset, [row]).entry.inserted == 1
        assert changes(bench, dataset) == []


def test_a_primary_key_that_the_new_mode_does_not_keep_is_dropped_by_a_person_first(bench: Any, make_dataset: Any):
    loaded = make_dataset(Upsert(key="id"), schema=Pair)
    bench.load(loaded, [{"id": 1, "label": "a"}])
    wanted = replace(loaded, write=Append())
    with pytest.raises(
        LoadError, match="declares id as its primary key, and the contract's Append does not keep that unique"
    ):
        bench.load(wanted, [{"id": 1, "label": "a"}], day=2)
    obey(bench, wanted)
    assert bench.load(wanted, [{"id": 1, "label": "a"}], day=2).entry.inserted == 1


def test_a_changed_design_stops_no_load_and_is_printed_until_somebody_applies_it(bench: Any, make_dataset: Any):
    loaded = replace(make_dataset(Append(), schema=Pair), distkey="label", sortkey=("label",))
    bench.load(loaded)
    wanted = replace(loaded, schema=Coded, distkey="id", sortkey=("id", "label"))
    assert bench.load(wanted, [{"id": 1, "label": "a"}], day=2).is_new
    found = changes(bench, wanted)
    assert [(change.is_ours, change.is_blocking) for change in found] == [(False, False)] * len(found)
    assert {change.statements[0].split(" ALTER ", 1)[1] for change in found} >= {
        'DISTSTYLE KEY DISTKEY "id"', 'SORTKEY ("id", "label")', 'COLUMN "label" ENCODE bytedict',
    }  # fmt: skip
    obey(bench, wanted)
    assert changes(bench, wanted) == []


@pytest.mark.fault(47)
def test_parts_that_were_sealed_in_another_order_are_refused_before_copy(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append(), schema=Doc)
    request = bench.request(dataset, [{"id": 1, "doc": b"1"}])
    turned = replace_struct(request.seal, columns=("doc binary", "id int64"))
    with pytest.raises(
        LoadError, match="Column 1 of the sealed parts is 'doc binary' and the contract says 'id int64'"
    ):
        bench.loader().load(replace(request, seal=turned))
    assert bench.ledger(dataset) == []


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


@pytest.fixture
def folder(bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of contracts, and a command line that finds the warehouse without Prefect."""
    monkeypatch.setenv("ESTEIRA_DATASETS", str(tmp_path))
    monkeypatch.setenv("ESTEIRA_WAREHOUSE_SCHEMA", "loads")
    monkeypatch.setattr(blocks, "open_warehouse", lambda: bench.warehouse)
    monkeypatch.setattr(cli.environment, "require_prefect", lambda: None)
    return tmp_path


def write_contract(folder: Path, name: str, dtype: str) -> str:
    (folder / f"{name}.py").write_text(CONTRACT.format(name=name, dtype=dtype), encoding="utf-8")
    return name


def test_the_command_prints_a_contract_s_statements_that_a_person_can_run(bench: Any, folder: Path, capsys: Any):
    name = write_contract(folder, "things_printed", "Int64Dtype")
    assert run_ddl((name,), as_json=False) == 0
    script = capsys.readouterr().out
    for statement in script.split("\n", 1)[1].split(";\n"):
        if statement.strip():
            bench.run(statement)
    assert run_diff((name,), as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == [{"dataset": name, "changes": []}]


def test_the_command_s_exit_code_says_whether_a_person_must_act(
    folder: Path, bench: Any, make_dataset: Any, capsys: Any
):
    name = write_contract(folder, "things_changed", "Int32Dtype")
    assert run_diff((name,), as_json=False) == 0
    assert "There is no table yet." in capsys.readouterr().out
    bench.load(make_dataset(schema=Alone, name=name))
    assert run_diff((name,), as_json=False) == PERSON_NEEDED
    out = capsys.readouterr().out
    assert "Column 'id' of loads.things_changed is BIGINT and the contract says INTEGER." in out
    assert "A person does, and nothing is loaded until then:" in out
    assert 'CAST("id" AS INTEGER)' in out
    assert run_diff((), as_json=True) == PERSON_NEEDED
    (facts,) = json.loads(capsys.readouterr().out)
    assert [change["is_ours"] for change in facts["changes"]] == [False, True]
