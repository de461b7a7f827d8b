"""Refused rows of files: by the address of their cells, shown by their printed names, and tried again by reading the file."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pandera.pandas as pandera
import pyarrow.parquet as pq
import pytest

from cli.quarantine_csv import exported_lines, refused_lines, write_lines
from esteira.contract import Append, Dataset, Quality, SpreadsheetSource
from esteira.contract.columns import POSITION_COLUMN
from esteira.curate import curate
from esteira.errors import ConfigError, DataQualityError
from esteira.extraction.files import keep_file
from esteira.lake import Lake, Provenance, Seal, SealedFile
from esteira.lake.files import file_hash
from esteira.quarantine import Holding, Kept, Mask, gather, holdings
from esteira.quarantine.replay import Replay, plan, seal
from esteira.warehouse import LedgerEntry

DAY = datetime(2024, 3, 5, tzinfo=UTC)
SECRET = "João da Silva"
TEXT = f"Código;Valor (R$);Responsável;Obs\n1;10,50;{SECRET};a {SECRET}\n2;99,00;Ana;b\nx;1,00;Rui;c\n4;999,00;Eva;d\n"


class Sale(pandera.DataFrameModel):
    """Sales of an office."""

    codigo: pd.Int64Dtype = pandera.Field(description="Number")
    amount: pd.Float64Dtype = pandera.Field(le=50, description="Amount")
    responsavel: pd.StringDtype = pandera.Field(description="Who sold", metadata={"pii": True})


class Mended(Sale):
    """Sales of an office."""

    amount: pd.Float64Dtype = pandera.Field(le=500, description="Amount")


def contract(schema: type[pandera.DataFrameModel] = Sale, limit: float = 1.0, **source: Any) -> Dataset:
    made = SpreadsheetSource(**{"match": "*.csv", "columns": {"Valor (R$)": "amount"}} | source)
    return Dataset(
        name="sales", source=made, schema=schema, write=Append(), quality=Quality(max_quarantine_ratio=limit)
    )


@pytest.fixture
def raw(lake: Lake, tmp_path: Path) -> Seal:
    path = tmp_path / "sales.csv"
    path.write_text(TEXT)
    file = SealedFile("sales.csv", path.stat().st_size, file_hash(path), DAY, "inbox/sales/sales.csv?versionId=1")
    return keep_file(contract(), path, Provenance(file=file), lake)


def entry(found: Seal) -> LedgerEntry:
    facts = {"seal_hash": found.hash, "quarantined": found.quarantined, "generation": found.generation}
    return LedgerEntry(found.batch, DAY, DAY + timedelta(seconds=1), **facts)


@pytest.fixture
def base(lake: Lake, raw: Seal) -> Seal:
    return curate(contract(), raw, lake=lake)


def planned(base: Seal, lake: Lake) -> Replay:
    (found,) = plan(contract(), [entry(base)], lake)
    return found


def positions(lake: Lake, made: Seal, zone: str) -> list[int]:
    parts = made.parts if zone == "curated" else made.quarantine
    return [
        at
        for part in parts
        for at in pq.read_table(io.BytesIO(lake.read_part(part))).column(POSITION_COLUMN).to_pylist()
    ]


def shown(lake: Lake, holding: Holding) -> Kept:
    return Mask(contract()).kept(gather(contract(), holding, lake, samples=5))


def test_a_refused_row_has_the_address_of_the_cell_that_is_to_blame(lake: Lake, base: Seal):
    (holding,) = holdings(contract(), [entry(base)], lake)
    found = shown(lake, holding)
    told = {row.position: (row.where, row.reasons[0].sentence) for row in found.samples}
    assert told == {
        1: ("B3", "amount is '99.0', and must be at most 50."),
        2: (
            "A4",
            "codigo is 'x', which is not a whole number from -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807.",
        ),
        3: ("B5", "amount is '999.0', and must be at most 50."),
    }
    (row, *_) = found.samples
    assert row.place is not None
    assert (row.place.of("amount"), row.place.of("codigo")) == ("B3", "B3")


def exported(path: Path, lake: Lake, holding: Holding, rule: str | None = None) -> list[dict[str, str]]:
    write_lines(path, refused_lines(contract(), holding, lake, rule))
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def test_every_refused_cell_is_written_for_who_corrects_it(lake: Lake, base: Seal, tmp_path: Path):
    (holding,) = holdings(contract(), [entry(base)], lake)
    path = tmp_path / "refused.csv"
    found = exported(path, lake, holding)
    assert [(row["file"], row["where"], row["column"]) for row in found] == [
        ("sales.csv", "B3", "amount"), ("sales.csv", "A4", "codigo"), ("sales.csv", "B5", "amount"),
    ]  # fmt: skip
    assert (found[0]["reason"], found[0]["motivo"]) == (
        "amount is '99.0', and must be at most 50.", "amount é '99.0', e deve ser no máximo 50.",
    )  # fmt: skip
    assert not [name for name in (SECRET, "Ana", "Rui", "Eva") if name in path.read_text(encoding="utf-8")]
    assert [row["where"] for row in exported(path, lake, holding, rule="codigo")] == ["A4"]
    assert [each.name for each in tmp_path.iterdir() if "refused" in each.name] == ["refused.csv"]


@pytest.mark.fault(67)
@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_a_refused_cell_that_would_run_as_a_formula_is_written_as_text(lake: Lake, tmp_path: Path, sign: str):
    path = tmp_path / "sales.csv"
    evil = f"{sign}HYPERLINK(A1)"
    path.write_text(f"Código;Valor (R$);Responsável\n{evil};10,50;Ana\n1;1,00;Rui\n")
    file = SealedFile(f"{evil}.csv", path.stat().st_size, file_hash(path), DAY, "inbox/sales/sales.csv?versionId=2")
    base = curate(contract(), keep_file(contract(), path, Provenance(file=file), lake), lake=lake)
    (holding,) = holdings(contract(), [entry(base)], lake)
    (row,) = exported(tmp_path / "refused.csv", lake, holding)
    assert row["value"] == f"'{evil}"
    assert row["file"] == f"'{evil}.csv"
    assert not [cell for cell in row.values() if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}]


def test_a_file_that_cannot_be_read_hides_no_other_batch_from_an_export(lake: Lake, base: Seal, tmp_path: Path):
    (tmp_path / "other.csv").write_text("x;y\n1;2\n")
    told = SealedFile("other.csv", 8, file_hash(tmp_path / "other.csv"), DAY, "inbox/sales/other.csv?versionId=1")
    broken = keep_file(contract(), tmp_path / "other.csv", Provenance(file=told), lake)
    silent: dict[str, str] = {}
    found = list(holdings(contract(), [entry(base)], lake))
    lines = list(exported_lines(contract(), found[::-1], lake, None, silent))
    assert [holding.state for holding in found] == ["loaded", "stopped"]
    assert [line[2] for line in lines] == ["B3", "A4", "B5"]
    assert list(silent) == [broken.batch]
    assert "other.csv" in silent[broken.batch]


def test_an_export_that_breaks_off_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "refused.csv"
    path.write_text("old")

    def lines() -> Iterator[tuple[str, ...]]:
        yield ("a",)
        raise DataQualityError("broken")

    with pytest.raises(DataQualityError):
        write_lines(path, lines())
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("refused.csv", "old")]


def test_each_rule_is_told_with_the_address_of_its_own_column(lake: Lake, tmp_path: Path):
    path = tmp_path / "sales.csv"
    path.write_text("Código;Valor (R$);Responsável\nx;muito;Ana\n")
    file = SealedFile("sales.csv", path.stat().st_size, file_hash(path), DAY, "inbox/sales/sales.csv?versionId=3")
    base = curate(contract(), keep_file(contract(), path, Provenance(file=file), lake), lake=lake)
    (holding,) = holdings(contract(), [entry(base)], lake)
    found = gather(contract(), holding, lake)
    assert {rule.column: found.where(rule) for rule in found.rules} == {"codigo": "A2", "amount": "B2"}


def test_printed_names_lead_to_known_columns_and_the_rest_is_masked(lake: Lake, raw: Seal):
    with pytest.raises(DataQualityError):
        curate(contract(limit=0.0), raw, lake=lake)
    (holding,) = holdings(contract(), [], lake)
    assert holding.state == "stopped"
    found = shown(lake, holding)
    assert msgspec.json.decode(found.samples[0].record) == {
        "Código": "2", "Valor (R$)": "99,00", "(others)": "***",
    }  # fmt: skip
    assert SECRET not in repr(found)
    assert "Ana" not in repr(found)


def test_rows_of_a_file_that_pass_now_join_those_that_stand(lake: Lake, base: Seal):
    found = planned(base, lake)
    made, tally = seal(contract(Mended), found, lake)
    assert made is not None
    assert (tally.tried, tally.passed, made.quarantined, made.curated) == (3, 1, 2, 2)
    assert (positions(lake, made, "curated"), positions(lake, made, "quarantine")) == ([0, 1], [2, 3])
    assert made.reasons == {"amount: less_than_or_equal_to(500)": 1, "codigo: type": 1}
    (holding,) = holdings(contract(Mended), [entry(base), entry(made)], lake)
    assert [row.where for row in shown(lake, holding).samples] == ["A4", "B5"]


def test_rows_of_a_file_that_were_not_asked_for_keep_their_reasons(lake: Lake, base: Seal):
    made, tally = seal(contract(Mended), planned(base, lake), lake, "amount")
    assert made is not None
    assert (tally.tried, tally.passed) == (2, 1)
    assert sorted(positions(lake, made, "quarantine")) == [2, 3]
    assert sum(part.rows for part in made.quarantine) == sum(made.reasons.values())


def test_a_contract_that_reads_other_rows_in_the_file_is_refused(lake: Lake, base: Seal):
    with pytest.raises(ConfigError) as caught:
        seal(contract(Mended, footer=("4",)), planned(base, lake), lake)
    assert "--from raw --batch" in caught.value.hint


def test_a_contract_that_finds_another_table_of_the_same_length_is_refused(lake: Lake, base: Seal):
    """The header is looked for one row later, and the footer is a row now: the same number of rows, others than those that were refused."""
    found = planned(base, lake)
    kept = lake.read_part
    quarantine = {part.key for part in base.quarantine}

    def another(part: Any) -> bytes:
        content = kept(part)
        if part.key not in quarantine:
            return content
        table = pq.read_table(io.BytesIO(content))
        moved = table.set_column(0, POSITION_COLUMN, [[at - 1 for at in table.column(0).to_pylist()]])
        made = io.BytesIO()
        pq.write_table(moved, made)
        return made.getvalue()

    lake.read_part = another  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match="other rows"):
        seal(contract(Mended), found, lake)
