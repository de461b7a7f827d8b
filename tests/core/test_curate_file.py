"""A sealed file becomes curated and quarantined rows: from the lake, by today's contract, and the counts agree."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow.parquet as pq
import pytest

from esteira.contract import Dataset, HeaderRows, Lineage, Quality, Replace, SpreadsheetSource
from esteira.curate import curate
from esteira.errors import ConfigError, DataQualityError, SealConflict, SpreadsheetError
from esteira.extraction.files import keep_file, sealed_file
from esteira.file_batch import file_batch
from esteira.lake import Lake, Provenance, Seal, SealedFile
from esteira.lake.files import file_hash
from esteira.quarantine.read import gather, holdings
from esteira.rebuild import require_askable
from esteira.reconcile import reconcile
from esteira.warehouse import LedgerEntry

CONTENT = "Relatório;\r\ncódigo;valor\r\n007;1.234,56\r\n008;muito\r\n009;2,00\r\n;3,00\r\nTotal;1.236,56\r\n"
GOOD = [{"code": "007", "amount": 1234.56, "row": 3}, {"code": "009", "amount": 2.0, "row": 5}]


class Sale(pandera.DataFrameModel):
    """Sales by code."""

    code: pd.StringDtype
    amount: pd.Float64Dtype
    row: pd.Int32Dtype


SOURCE = SpreadsheetSource(
    match="*.csv", columns={"código": "code", "valor": "amount"}, footer=("Total",), lineage=Lineage(row="row")
)
SALES = Dataset(
    name="sales", source=SOURCE, schema=Sale, write=Replace(), quality=Quality(max_quarantine_ratio=0.5, min_rows=1)
)


@pytest.fixture
def raw(tmp_path: Path, lake: Lake) -> Seal:
    return kept(tmp_path, lake, CONTENT)


def kept(folder: Path, lake: Lake, content: str, name: str = "vendas.csv") -> Seal:
    path = folder / "file"
    path.write_text(content, newline="", encoding="utf-8")
    moment = datetime(2024, 3, 5, tzinfo=UTC)
    file = SealedFile(name, path.stat().st_size, file_hash(path), moment, "inbox/sales/vendas.csv?versionId=1")
    return keep_file(SALES, path, Provenance(file=file), lake)


def rows_of(seal: Seal, lake: Lake) -> list[dict[str, Any]]:
    tables = [pq.read_table(io.BytesIO(lake.read_part(part))) for part in seal.parts]
    return [row for table in tables for row in table.select(["code", "amount", "row"]).to_pylist()]


def entry_of(raw: Seal, seal: Seal) -> LedgerEntry:
    batch = file_batch(SALES, sealed_file(raw))
    counts = {"extracted": seal.extracted, "curated": seal.curated, "quarantined": seal.quarantined}
    facts = {"seal_hash": seal.hash, "table_rows": seal.curated, "inserted": seal.curated, "sequence": 1}
    return LedgerEntry(batch.id, batch.window.start, batch.window.end, **counts, **facts)  # type: ignore[arg-type]


def test_the_rows_between_header_and_footer_are_extracted_and_each_is_on_one_side(raw: Seal, lake: Lake):
    seal = curate(SALES, raw, lake=lake)
    assert (seal.extracted, seal.curated, seal.quarantined) == (4, 2, 2)
    assert rows_of(seal, lake) == GOOD
    assert seal.provenance.file == sealed_file(raw)


def test_lake_and_ledger_tell_the_same_story_of_a_file(raw: Seal, lake: Lake):
    seal = curate(SALES, raw, lake=lake)
    told = reconcile("sales", [entry_of(raw, seal)], {seal.batch: 2}, lake)
    assert (told.raw, told.curated, told.quarantined, told.differences) == (4, 2, 2, ())
    wrong = replace(entry_of(raw, seal), extracted=5)
    assert reconcile("sales", [wrong], {seal.batch: 2}, lake).differences == (
        f"{seal.batch}, generation 1: rows read: 4 against 5.",
    )


def test_refused_rows_have_the_place_of_their_cell(raw: Seal, lake: Lake):
    seal = curate(SALES, raw, lake=lake)
    (holding,) = holdings(SALES, [entry_of(raw, seal)], lake)
    rows = gather(SALES, holding, lake, samples=5).samples
    assert [row.where for row in rows] == ["B4", "A6"]


def test_another_contract_reads_the_same_file_again_as_another_generation(raw: Seal, lake: Lake):
    curate(SALES, raw, lake=lake)
    whole = replace(
        SALES, source=replace(SOURCE, footer=(), header=HeaderRows(skip=1)), quality=Quality(max_quarantine_ratio=1)
    )
    again = curate(whole, raw, lake=lake, generation=2)
    assert (again.generation, again.extracted) == (2, 5)
    assert reconcile("sales", [replace(entry_of(raw, again), generation=2)], {again.batch: again.curated}, lake).agrees


def test_a_file_that_is_too_short_or_too_bad_is_not_sealed(tmp_path: Path, lake: Lake, raw: Seal):
    strict = replace(SALES, quality=Quality(max_quarantine_ratio=0.1))
    with pytest.raises(DataQualityError, match=r"2 of 4 rows break their rules \(50\.00%") as caught:
        curate(strict, raw, lake=lake)
    assert "At: B4 (amount: type), A6 (code: " in caught.value.message
    assert "muito" not in caught.value.message
    empty = kept(tmp_path, lake, "código;valor\r\n")
    with pytest.raises(DataQualityError, match="0 rows"):
        curate(SALES, empty, lake=lake)
    assert lake.find_seal("curated", "sales", raw.batch) is None


@pytest.mark.fault(30)
@pytest.mark.parametrize(
    ("name", "content"), [("vendas.xlsx", CONTENT), ("vendas.csv", "x;y\r\n1;2\r\n"), ("vendas.csv", "")]
)
def test_what_is_no_such_file_is_named_with_dataset_and_batch(tmp_path: Path, lake: Lake, name: str, content: str):
    raw = kept(tmp_path, lake, content, name)
    with pytest.raises(SpreadsheetError, match="vendas") as caught:
        curate(SALES, raw, lake=lake)
    assert (caught.value.dataset, caught.value.batch) == ("sales", raw.batch)


@pytest.mark.fault(35)
def test_a_file_that_changed_in_the_lake_is_not_read(raw: Seal, lake: Lake, s3: Any):
    s3.put_object(Bucket="lake", Key=raw.parts[0].key, Body=b"other")
    with pytest.raises(SealConflict, match=r"part-00001\.bin"):
        curate(SALES, raw, lake=lake)


def test_nothing_is_left_on_the_disk(raw: Seal, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    curate(SALES, raw, lake=lake)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_file_is_not_asked_for_again():
    with pytest.raises(ConfigError, match="nothing to ask for again"):
        require_askable(SALES)
