"""The patch that takes drift over into the contract, and when there is none."""

import json
import pickle
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esteira.curate import curate
from esteira.drift.finding import Finding, guess_of
from esteira.drift.patch import suggested_patch
from esteira.drift.report import find_drift
from esteira.drift.watch import Watch
from esteira.lake import Lake
from esteira.quality import curate_records, decode
from esteira.redaction import printable
from tests.core.drift.drifting import CONTRACT, Loaded, Ran, applied, refused, rows


@pytest.mark.fault(20)
def test_the_patch_of_a_new_column_is_applied_and_the_batch_from_raw_has_it(
    run: Ran, load: Loaded, lake: Lake, folder: Path
):
    sealed = run(load(), 1, rows(gate="B", cpf="1", price_brl=1.5, seenAt="2013-01-01T00:00:00", code=7))
    found = find_drift(load(), lake)
    assert found
    applied(found.patch, folder)
    mended = load()
    raw = lake.find_seal("raw", "rows", sealed.batch)
    assert raw
    again = curate(mended, raw, lake=lake, generation=2)
    assert (again.curated, again.warnings) == (12, ())
    declared = ("code int64", "cpf string", "gate string", "price_brl decimal128(18, 2)", "seen_at timestamp[us]")
    assert again.columns[3:] == declared
    assert {each.name for each in mended.columns if each.is_pii} == {"delay", "cpf"}
    assert find_drift(mended, lake) is None


@pytest.mark.fault(20)
def test_a_new_column_that_the_contract_refuses_names_the_batch_without_it_and_has_a_patch(
    run: Ran, load: Loaded, folder: Path
):
    contract = load(("schema=Row,", 'schema=Row, new_columns="fail",'))
    before = run(contract, 1, rows())
    error = refused(run, contract, 2, rows(gate="B"))
    assert error.message == (
        f"The portal delivers gate (text), which the contract does not know; batch {before.batch} did not have it yet. new_columns is 'fail'."
    )
    assert "esteira drift rows --patch | git apply" in error.hint
    applied(error.patch, folder)
    assert run(load(), 2, rows(gate="B")).curated == 12


@pytest.mark.fault(20)
def test_a_removed_column_names_the_last_batch_that_had_it_and_the_patch_makes_it_optional(
    run: Ran, load: Loaded, lake: Lake, folder: Path
):
    before = run(load(), 1, rows())
    error = refused(run, load(), 2, rows(delay=...))
    assert error.message == f"Column delay is in none of the 12 records of this batch; batch {before.batch} had it."
    standing = find_drift(load(), lake)
    assert standing
    assert (standing.is_blocking, standing.patch) == (True, error.patch)
    applied(error.patch, folder)
    after = run(load(), 2, rows(delay=...))
    assert (after.curated, after.seen and after.seen.absent) == (12, ("delay",))
    assert find_drift(load(), lake) is None
    error = refused(run, load(), 3, rows(delay=..., at=...))
    assert f"Column at is in none of the 12 records of this batch; batch {after.batch} had it." == error.message


@pytest.mark.fault(20)
@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("delay", "late", ("text", 'delay: pd.StringDtype = pa.Field(nullable=True, description="Delay", metadata={"pii": True})')),
        ("delay", 40_000, ("integer", 'delay: pd.Int64Dtype = pa.Field(nullable=True, ge=-120, description="Delay", metadata={"unit": "minute", "pii": True})')),
        ("delay", 1.5, ("float", "delay: pd.Float64Dtype = pa.Field(")),
        ("delay", {"a": 1}, ("nested", 'metadata={"pii": True, "type": "super"}')),
        ("at", "01/02/2013", ("text", 'at: pd.StringDtype = pa.Field(nullable=True, description="Moment")  # kept')),
        ("at", 1_356_998_400, ("integer", 'at: pd.Int64Dtype = pa.Field(nullable=True, description="Moment")  # kept')),
        ("id", "A1", ("text", 'id: pd.StringDtype = pa.Field(description="Key")')),
    ],
)  # fmt: skip
def test_a_retyped_column_says_what_it_holds_and_the_patch_declares_it(
    run: Ran, load: Loaded, folder: Path, column: str, value: Any, told: tuple[str, str]
):
    holds, declared = told
    before = run(load(), 1, rows())
    changed = [{**each, column: f"A{each['id']}" if column == "id" else value} for each in rows()]
    error = refused(run, load(), 2, changed)
    was = {"delay": "int16", "at": "timestamp[us, tz=UTC]", "id": "int64"}[column]
    assert error.message == (
        f"Column {column} is {was} in the contract and holds {holds} now: 12 of its 12 values break its type; batch {before.batch} had it as that."
    )
    applied(error.patch, folder)
    assert declared in (folder / "datasets" / "rows.py").read_text().replace("\n        ", "").replace("\n    )", ")")
    assert run(load(), 2, changed).curated == 12


@pytest.mark.fault(20)
def test_renamed_and_lifted_columns_are_told_by_the_portals_names(run: Ran, load: Loaded, folder: Path):
    contract = load(
        ('records="rows",\n', 'records="rows",\n        rename={"user.age": "age"},\n'),
        ("    at: Timestamp", '    age: pd.Int16Dtype = pa.Field(description="Age")\n    at: Timestamp'),
    )
    run(contract, 1, rows(user={"age": 7}))
    error = refused(run, contract, 2, rows(user={"age": "old"}))
    assert "Column age is int16 in the contract and holds text now" in error.message
    applied(error.patch, folder)
    assert run(load(), 2, rows(user={"age": "old"})).curated == 12
    assert "Column age is in none" in refused(run, load(), 3, rows(user={})).message


@pytest.mark.fault(20)
def test_a_portals_name_that_is_no_column_gets_a_rename(run: Ran, load: Loaded, lake: Lake, folder: Path):
    records = [each | {"Gate Número": "B", "a.b": 1, "id_": 2} for each in rows()]
    run(load(), 1, records)
    found = find_drift(load(), lake)
    assert found
    applied(found.patch, folder)
    assert dict(load().source.rename) == {"Gate Número": "gate_numero", '"a.b"': "a_b", "id_": "id_2"}
    after = run(load(), 2, records)
    assert (after.curated, after.warnings) == (12, ())


def test_a_key_that_is_missing_has_no_patch_since_nothing_can_stand_for_it(run: Ran, load: Loaded):
    contract = load(("write=Replace()", 'write=Upsert(key="id")'), ("Replace,", "Upsert,"))
    error = refused(run, contract, 1, [{"at": None, "delay": 1}])
    assert (error.patch, "git apply" in error.hint) == ("", False)


def test_an_error_with_a_patch_survives_the_way_through_a_process(run: Ran, load: Loaded):
    error = refused(run, load(), 1, rows(delay=...))
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.message, copy.patch, copy.hint, copy.batch) == (error.message, error.patch, error.hint, error.batch)
    assert error.patch


NAMES = st.one_of(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,12}", fullmatch=True),
    st.sampled_from(
        [
            "id",
            "ID",
            "class",
            "Ação",
            "a b",
            'a"b',
            "a'b",
            "a\\b",
            "",
            "…",
            " x",
            "config",
            "_esteira_position",
            "pa",
            "PA",
            "pd",
            "timestamp",
            "decimal128",
            "{x}",
            "%s",
        ]
    ),
    st.text(max_size=6),
)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**25), 10**25), st.decimals(-(10**9), 10**9, places=3).map(float), st.text(max_size=5),
    st.sampled_from(["2013-01-01", "2013-01-01T00:00:00Z", "2013-01-01 00:00", "1.50", {"a": 1}, [1], "joao@example.com"]),
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    new=st.dictionaries(NAMES.filter(lambda name: name not in {"id", "delay", "at"}), VALUES, min_size=1, max_size=4)
)
def test_a_patch_of_any_new_columns_applies_and_reads_them(load: Loaded, folder: Path, new: dict[str, Any]):
    path = folder / "datasets" / "rows.py"
    path.write_text(CONTRACT)
    records = [msgspec.Raw(json.dumps(each | new).encode()) for each in rows(3)]
    contract = load()
    watch = Watch(contract)
    watch.see(decode(records, contract), records)
    found = list(watch.new())
    patch = suggested_patch(contract, found)
    if patch:
        applied(patch, folder)
    mended = load()
    curated = curate_records(records, mended)
    assert (curated.good.num_rows, curated.absent) == (3, ())
    left = {name for name in new if not name or '"' in name or name != printable(name, limit=128) or name.endswith("…")}
    assert set(curated.new_columns) == {name for name in left if name not in {each.name for each in mended.columns}}


def test_a_new_column_with_the_name_of_a_module_of_the_file_is_left_to_a_person(load: Loaded, folder: Path):
    contract = load(("import pandera.pandas as pa", "import pandera.pandas as gate"), ("pa.", "gate."))
    assert suggested_patch(contract, [Finding("new", "gate", "gate", guess=guess_of("gate", "gate", "text"))]) == ""
    other = suggested_patch(contract, [Finding("new", "pier", "pier", guess=guess_of("pier", "pier", "text"))])
    applied(other, folder)
    assert "pier" in load().column_names


@pytest.mark.fault(20)
def test_a_column_under_a_new_name_is_told_as_a_pair(run: Ran, load: Loaded, lake: Lake, folder: Path):
    before = run(load(), 1, rows())
    error = refused(run, load(), 2, rows(delay=..., atraso=3))
    assert error.message == (
        f"Column delay is in none of the 12 records of this batch; batch {before.batch} had it. "
        f"The portal delivers atraso (integer), which the contract does not know; batch {before.batch} did not have it yet."
    )
    half = load(("    delay: pd.Int16Dtype", "    delay: pd.Int16Dtype | None"))
    beside = find_drift(half, lake)
    assert beside
    assert (beside.is_blocking, [each.column for each in beside.findings]) == (False, ["atraso"])
    load(("    delay: pd.Int16Dtype | None", "    delay: pd.Int16Dtype"))
    assert "If atraso is what delay is called now, write rename={'atraso': 'delay'} instead." in error.hint
    applied(error.patch, folder)
    assert run(load(), 2, rows(delay=..., atraso=3)).warnings == ()
