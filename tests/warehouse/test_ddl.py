"""Tables as a contract declares them: types, keys, comments; and what is altered, refused or printed when it changes."""

import json
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as replace_struct

from esteira.contract import Append, Replace, Scd2, Upsert
from esteira.errors import LoadError
from esteira.warehouse import ddl
from esteira.warehouse.live import read_live
from tests.warehouse.designs import (
    Alone,
    Coded,
    Described,
    Doc,
    Every,
    Full,
    Named,
    Numbered,
    Pair,
    Recorded,
    again,
    changes,
    every,
    obey,
)

pytestmark = pytest.mark.usefixtures("isolation")


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
