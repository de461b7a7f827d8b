"""What is found of drift, between which batches it is said to have come, and the patch that takes it over."""

import json
import pickle
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import esteira.curate as curation
from esteira.batch import Batch, Known, plan
from esteira.catalogue import find_dataset, load_catalogue
from esteira.contract import Dataset
from esteira.curate import curate
from esteira.drift.finding import Finding, guess_of
from esteira.drift.history import Since, is_past, last_seal, seals_before, since
from esteira.drift.patch import suggested_patch
from esteira.drift.report import find_drift
from esteira.drift.watch import Watch
from esteira.errors import ContractError
from esteira.extraction.ahead import extract_ahead
from esteira.extraction.extract import extract
from esteira.lake import Lake, Provenance, Seal, SealedFile, Seen
from esteira.quality import curate_records, decode
from esteira.redaction import printable
from esteira.spreadsheet.reading import read_pieces
from tests.core.test_extract import Opened
from tests.extract.hostile import Asked, Say, hostile, page

HEAD = '''"""Rows."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, Quality, Replace, Timestamp


'''
CONTRACT = (
    HEAD
    + '''class Row(pa.DataFrameModel):
    """Rows, one per id."""

    id: pd.Int64Dtype = pa.Field(description="Key")
    delay: pd.Int16Dtype = pa.Field(nullable=True, ge=-120, description="Delay", metadata={"unit": "minute", "pii": True})
    at: Timestamp = pa.Field(nullable=True, description="Moment")  # kept


DATASET = Dataset(
    name="rows",
    source=ApiSource(
        portal="small", path="/rows", records="rows",
    ),
    schema=Row,
    write=Replace(),
    quality=Quality(max_quarantine_ratio=1, unique=("id",)),
)  # fmt: skip
'''
)
Rows = list[dict[str, Any]]
Loaded = Callable[..., Dataset]
Ran = Callable[..., Seal]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one contract."""
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "rows.py").write_text(CONTRACT)
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Loaded:
    """The contract as its file says it now, some of its text replaced first."""

    def loaded(*changes: tuple[str, str]) -> Dataset:
        path = folder / "datasets" / "rows.py"
        for old, new in changes:
            assert old in path.read_text()
            path.write_text(path.read_text().replace(old, new))
        load_catalogue.cache_clear()
        return find_dataset(folder / "datasets", "rows")

    return loaded


@pytest.fixture
def run(lake: Lake, open_portal: Opened) -> Ran:
    """Bring the batch of a day of January 2013 and curate it."""

    def ran(contract: Dataset, day: int, records: Rows, generation: int = 1) -> Seal:
        with hostile(lambda _: page({"rows": records})) as up:
            raw = extract(contract, batch_of(contract, day), portal=open_portal(up.url), lake=lake)
        return curate(contract, raw, lake=lake, generation=generation)

    return ran


def batch_of(contract: Dataset, day: int) -> Batch:
    return plan(contract, datetime(2013, 1, day, 9, tzinfo=UTC), Known())[0]


def rows(count: int = 12, **values: Any) -> Rows:
    """Good records; `...` takes a column out."""
    made = {"delay": 1, "at": "2013-01-01T00:00:00Z"} | values
    kept = {name: value for name, value in made.items() if value is not ...}
    return [{"id": number, **kept} for number in range(count)]


def applied(patch: str, folder: Path) -> None:
    """By the tool that the message names."""
    for tool in (["git", "apply", "--check"], ["patch", "-p1"]):
        done = subprocess.run(tool, input=patch, cwd=folder, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{patch}"


def refused(run: Ran, contract: Dataset, day: int, records: Rows) -> ContractError:
    with pytest.raises(ContractError) as caught:
        run(contract, day, records)
    assert (caught.value.dataset, caught.value.batch) == ("rows", batch_of(contract, day).id)
    return caught.value


@pytest.mark.fault(20)
def test_a_new_column_is_named_with_its_type_and_the_batches_between_which_it_came(run: Ran, load: Loaded, lake: Lake):
    contract = load()
    first, second, third = (run(contract, day, rows(**({"gate": "B"} if day > 1 else {}))) for day in (1, 2, 3))
    assert first.warnings == ()
    assert second.warnings == third.warnings == ("New columns at the source, kept in raw only: gate (text).",)
    found = find_drift(contract, lake)
    assert found
    assert (found.batch, found.is_blocking) == (third.batch, False)
    came = f"it came with batch {second.batch} and batch {first.batch} did not have it yet"
    assert list(found.sentences()) == [f"The portal delivers gate (text), which the contract does not know; {came}."]


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
def test_few_bad_values_or_values_of_several_types_are_no_retyped_column(run: Ran, load: Loaded):
    for day, broken in enumerate((["x"] * 9, ["x"] * 10 + [1] * 2, ["x", 1.5] * 6), start=1):
        records = [{**each, "delay": value} for each, value in zip(rows(len(broken)), broken, strict=True)]
        seal = run(load(), day, records)
        assert seal.reasons == {"delay: type": len([value for value in broken if value != 1])}


def test_text_numbers_that_a_type_may_hold_and_nulls_are_no_drift(run: Ran, load: Loaded, lake: Lake):
    contract = load()
    run(contract, 1, rows(delay="7"))
    run(contract, 2, rows(delay=None))
    assert run(contract, 3, []).seen is not None
    assert find_drift(contract, lake) is None


def test_a_batch_that_is_curated_again_is_compared_with_those_before_it_and_not_with_itself(
    run: Ran, load: Loaded, lake: Lake
):
    contract = load()
    first, second = run(contract, 1, rows()), run(contract, 2, rows(gate="B"))
    again = run(contract, 2, rows(gate="B"), generation=2)
    assert (again.generation, again.warnings) == (2, second.warnings)
    found = find_drift(contract, lake)
    assert found
    assert f"batch {first.batch} did not have it yet" in next(found.sentences())


@pytest.mark.fault(20)
def test_the_last_of_several_pages_has_the_new_column_and_what_arrived_is_kept(
    load: Loaded, lake: Lake, open_portal: Opened, monkeypatch: pytest.MonkeyPatch
):
    """Each page is a chunk; the portal has twelve pages, and the third has drifted."""
    monkeypatch.setattr(curation, "CHUNK_BYTES", 1)
    paged = ('records="rows",', 'records="rows", paginator=Offset(limit=1), pages_per_part=1, total="total",')
    contract = load(paged, ("schema=Row,", 'schema=Row, new_columns="fail",'), ("Dataset, ", "Dataset, Offset, "))
    asked, first = list[int](), 0

    def answer(request: Asked) -> Say:
        asked.append(int(request.query["offset"]))
        return page(
            {
                "rows": [each | ({"gate": "B"} if each["id"] == 2 else {}) for each in rows()[asked[-1] :][:1]],
                "total": 12,
            }
        )

    with hostile(answer) as up:
        for _ in range(2):
            with pytest.raises(ContractError, match="gate"):
                extract_ahead(contract, batch_of(contract, 1), portal=open_portal(up.url), lake=lake)
            first = first or len(asked)
        assert len(asked) == first < 12, "a second attempt finds it in what is stored, and asks for no page"
        mended = load(('schema=Row, new_columns="fail",', "schema=Row,"))
        found = extract_ahead(mended, batch_of(mended, 1), portal=open_portal(up.url), lake=lake)
    assert found
    assert set(asked) == set(range(13))
    assert curate(mended, found.raw, lake=lake, ahead=found.ahead).curated == 12


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


@pytest.mark.fault(20)
def test_a_derived_column_is_not_asked_of_the_portal_and_an_input_is(run: Ran, load: Loaded):
    contract = load(
        ("schema=Row,", 'schema=Row, transform=lambda frame: frame.assign(twice=frame["size"].str.len()), derived=("twice",),'),
        ('records="rows",', 'records="rows", inputs=("size",),'),
        ("    at: Timestamp", '    twice: pd.Int64Dtype = pa.Field(description="Length")\n    at: Timestamp'),
    )  # fmt: skip
    assert run(contract, 1, rows(size="ab")).curated == 12
    error = refused(run, contract, 2, rows())
    assert error.message.startswith("Column size is in none")
    assert error.patch == ""
    assert "size is string in the contract and holds integer now" in refused(run, contract, 3, rows(size=3)).message


def test_a_key_that_is_missing_has_no_patch_since_nothing_can_stand_for_it(run: Ran, load: Loaded):
    contract = load(("write=Replace()", 'write=Upsert(key="id")'), ("Replace,", "Upsert,"))
    error = refused(run, contract, 1, [{"at": None, "delay": 1}])
    assert (error.patch, "git apply" in error.hint) == ("", False)


def test_an_error_with_a_patch_survives_the_way_through_a_process(run: Ran, load: Loaded):
    error = refused(run, load(), 1, rows(delay=...))
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.message, copy.patch, copy.hint, copy.batch) == (error.message, error.patch, error.hint, error.batch)
    assert error.patch


def test_names_are_bounded_in_number_and_length_and_printable(run: Ran, load: Loaded):
    records = rows()
    records[0] |= {f"k{number}": number for number in range(1_200)}
    seal = run(load(), 1, [*records, {**rows(1)[0], "x\u001b" * 200: 1}])
    assert seal.seen
    assert len(seal.seen.new) == 1_000
    assert "990 more" in seal.warnings[0]
    long = run(load(), 2, [{**rows(1)[0], "x\u001b" * 200: 1}])
    assert long.seen
    assert all(name.isprintable() and len(name) <= 129 for name in long.seen.new)


def test_no_value_of_a_record_is_in_the_message_the_note_or_the_seal(run: Ran, load: Loaded, lake: Lake):
    error = refused(run, load(), 1, rows(delay="canary", mail="canary@example.com"))
    notes = b"".join(lake.get(key) or b"" for key in lake.sizes("report/"))
    assert notes
    assert b"canary" not in notes
    assert "canary" not in error.paragraph() + error.patch


@pytest.mark.fault(20)
def test_a_new_and_a_retyped_column_of_a_file_are_found_as_they_are_printed(load: Loaded, tmp_path: Path):
    contract = load(
        ('source=ApiSource(\n        portal="small", path="/rows", records="rows",\n    )', 'source=SpreadsheetSource(match="*.csv")'),
        ("ApiSource", "SpreadsheetSource"), ('    at: Timestamp = pa.Field(nullable=True, description="Moment")  # kept\n', ""),
        (", Timestamp", ""),
    )  # fmt: skip
    (tmp_path / "rows.csv").write_text("id;delay;Portão\n" + "".join(f"{number};atrasado;B\n" for number in range(12)))
    watch = Watch(contract)
    for piece in read_pieces(tmp_path / "rows.csv", "rows.csv", contract):
        watch.see(piece.decoded, piece.rows)
    assert [(each.source, each.column, each.holds) for each in watch.new()] == [("Portão", "portao", "text")]
    assert [(each.column, each.was, each.holds, each.broken) for each in watch.retyped()] == [
        ("delay", "int16", "text", 12)
    ]
    assert list(watch.missing()) == []


@pytest.mark.parametrize("key", [r"A\u00e7\u00e3o/x", r"A\u00E7\u00E3o\/x", "Ação/x", r"Ação\/x"])
def test_a_column_of_nulls_is_there_however_the_portal_escapes_its_name(load: Loaded, key: str):
    contract = load(('records="rows",\n', 'records="rows",\n        rename={"Ação/x": "delay"},\n'))
    record = msgspec.Raw(f'{{"id": 1, "{key}": null, "at": null}}'.encode())
    assert curate_records([record], contract).absent == ()


def test_drift_that_passed_by_itself_is_told_no_more(run: Ran, load: Loaded, lake: Lake):
    refused(run, load(), 1, rows(delay=...))
    assert find_drift(load(), lake)
    run(load(), 2, rows())
    assert find_drift(load(), lake) is None


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


def test_files_are_compared_by_their_moments_and_not_by_their_names(lake: Lake):
    for name, day, new in (("c0ffee", 1, {}), ("0ff1ce", 2, {"gate": "text"}), ("beef00", 3, {"gate": "text"})):
        file = SealedFile("a.csv", 1, name * 10, datetime(2013, 1, day, tzinfo=UTC))
        for zone in ("raw", "curated"):
            seen = Seen(new) if zone == "curated" else None
            seal = Seal("rows", f"{name}-aaaaaaaa", "a", (), 1, provenance=Provenance(file=file), seen=seen)
            lake.put_seal(zone, seal)
    gate = Finding("new", "gate", "gate", guess=guess_of("gate", "gate", "text"))
    before = list(seals_before(lake, "rows", "beef00-aaaaaaaa"))
    assert [seal.batch[:6] for seal in before] == ["0ff1ce", "c0ffee"]
    assert since(gate, before) == Since("c0ffee-aaaaaaaa", "0ff1ce-aaaaaaaa")
    newest = last_seal(lake, "rows")
    assert newest
    assert newest.batch == "beef00-aaaaaaaa"
    assert is_past(lake, "rows", "c0ffee-aaaaaaaa", newest)


def test_a_column_that_holds_something_else_than_when_it_came_says_so(run: Ran, load: Loaded, lake: Lake):
    first, second = run(load(), 1, rows()), run(load(), 2, rows(gate="B"))
    run(load(), 3, rows(gate=7))
    found = find_drift(load(), lake)
    assert found
    told = f"gate (integer), which the contract does not know; it came with batch {second.batch}, as text and batch {first.batch} did not"
    assert told in next(found.sentences())


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
