"""What is found of drift, and between which batches it is said to have come."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from esteira import curation
from esteira.curate import curate
from esteira.drift.finding import Finding, guess_of
from esteira.drift.history import Since, is_past, last_seal, seals_before, since
from esteira.drift.report import find_drift
from esteira.drift.watch import Watch
from esteira.errors import ContractError
from esteira.extraction.ahead import extract_ahead
from esteira.lake import Lake, Provenance, Seal, SealedFile, Seen
from esteira.quality import curate_records
from esteira.spreadsheet.reading import read_pieces
from tests.core.drift.drifting import Loaded, Ran, batch_of, refused, rows
from tests.core.test_extract import Opened
from tests.extract.hostile import Asked, Say, hostile, page


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
