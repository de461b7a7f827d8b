"""The data dictionary says what the contracts say, all of it, in both forms."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner

from cli.main import esteira
from esteira.catalogue import load_catalogue
from esteira.contract import Dataset
from esteira.export.titles import title_of
from esteira.warehouse.statements import table_columns
from tests.core.reported import read

FOLDER = Path(__file__).parents[2] / "datasets"
CATALOGUE = load_catalogue(FOLDER)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dictionary")
    for language in ("en", "pt"):
        files = ["--html", str(folder / f"{language}.html"), "--xlsx", str(folder / f"{language}.xlsx")]
        done = CliRunner().invoke(esteira, ["dictionary", *files, "--lang", language, "--datasets", str(FOLDER)])
        assert done.exit_code == 0, done.output
        assert f"{len(CATALOGUE)} datasets" in done.output
    return folder


def sheet(path: Path, name: str) -> list[dict[str, Any]]:
    header, *lines = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))[name].iter_rows(values_only=True)
    return [dict(zip(header, line, strict=True)) for line in lines]


def facts(dataset: Dataset, yes: str, no: str, language: Any) -> list[tuple[Any, ...]]:
    return [
        (
            dataset.name, title_of(column, language), column.name, column.unit or "", column.description, yes if column.name in dataset.key else no,
            yes if column.is_nullable else no, yes if column.is_pii else no,
        )
        for column in table_columns(dataset)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "names", "words"),
    [
        ("en", ("Dictionary", "Dataset", "Title", "Column", "Unit", "Description", "Key", "May be empty", "Personal"), ("yes", "no")),
        ("pt", ("Dicionário", "Conjunto de dados", "Título", "Coluna", "Unidade", "Descrição", "Chave", "Pode ficar vazia", "Pessoal"), ("sim", "não")),
    ],
)  # fmt: skip
def test_the_workbook_has_every_column_of_every_contract(
    made: Path, language: str, names: tuple[str, ...], words: tuple[str, str]
) -> None:
    found = [tuple(line[name] for name in names[1:]) for line in sheet(made / f"{language}.xlsx", names[0])]
    wanted = [fact for name in sorted(CATALOGUE) for fact in facts(CATALOGUE[name], *words, language)]
    assert found == wanted


def test_the_workbook_says_whom_to_ask_how_fresh_it_should_be_and_where_it_comes_from(made: Path) -> None:
    (flights,) = [line for line in sheet(made / "en.xlsx", "Datasets") if line["Dataset"] == "flights"]
    assert flights["Whom to ask"] == CATALOGUE["flights"].owner
    assert flights["Freshness promise"] == "26 h after the window's end"
    assert flights["Source"] == "flights-portal /flights/flights.json"
    assert "carrier → airlines.carrier (fail)" in flights["Rules"]
    assert "NullRate(column='dep_time', at_most=0)" in flights["Rules"]


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_the_page_has_every_column_of_every_contract_in_both_languages(made: Path, language: str) -> None:
    page = read((made / "en.html").read_bytes(), language)
    for dataset in CATALOGUE.values():
        for column in table_columns(dataset):
            short = "pt" if language == "pt-BR" else "en"
            assert title_of(column, short) in page.text
            assert column.name in page.text
            assert column.description in page.text
    rule = "deve ser um de" if language == "pt-BR" else "must be one of"
    assert f"{rule} 'EWR', 'JFK', 'LGA'" in page.text.replace("\u2068", "").replace("\u2069", "")


def test_the_page_needs_no_network_and_says_so_to_the_browser(made: Path) -> None:
    text = (made / "en.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not [address for address in read(text.encode()).addresses if address.startswith(("http", "//"))]


def test_it_is_written_in_the_place_of_the_old_one_or_not_at_all(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(esteira, ["dictionary", "--datasets", str(FOLDER)]).exit_code == 2
    wrong = runner.invoke(esteira, ["dictionary", "--html", str(tmp_path / "no" / "x.html"), "--datasets", str(FOLDER)])
    assert wrong.exit_code == 78
    assert list(tmp_path.iterdir()) == []
