"""`esteira new --file`: a draft that reads its own file, and says what it took for what."""

from __future__ import annotations

import datetime as dt
import gzip
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from cli.main import esteira
from esteira.catalogue import load_catalogue
from tests.conventions.sources import ROOT
from tests.spreadsheet.offices import read, rows_of, workbook, write_csv, write_xls, write_xlsx

ROWS = [
    ("Relatório de vendas",), (), ("Código", "Emitido em", "Valor (R$)", "Qtde", "E-mail", None),
    ("001", dt.date(2017, 5, 19), "1.234,56", 3, "ana@example.org", "x"), ("002", dt.date(2017, 5, 20), "-8,50", 4, "rui@example.org", None),
    ("Total", None, "1.226,06", 7), ("Fonte: SAP",),
]  # fmt: skip


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ESTEIRA_LAKE_BUCKET", "none")  # no stack is asked for its variables
    monkeypatch.setenv("ESTEIRA_DATASETS", "")
    (tmp_path / "datasets").mkdir()


def new(folder: Path, path: Path, *arguments: str, name: str = "sales") -> Result:
    return CliRunner().invoke(
        esteira, ["new", name, "--file", str(path), *arguments, "--datasets", str(folder / "datasets")]
    )


def tried_on(folder: Path) -> Result:
    return CliRunner().invoke(esteira, ["test", "sales", "--datasets", str(folder / "datasets")])


def test_a_draft_reads_its_own_workbook_and_says_what_it_took_for_what(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "vendas.xlsx", ROWS)
    done = new(tmp_path, path, "--owner", "bi-team")
    assert done.exit_code == 0, done.output
    for line in (
        "banner: rows 1 to 2",
        "header: row 3",
        "data: rows 4 to 5",
        "footer: rows 6 to 7",
        "'Valor (R$)': valor_r, decimal",
        "personal",
    ):
        assert line in done.output
    dataset = load_catalogue(tmp_path / "datasets")["sales"]
    assert [row[:4] for row in rows_of(read(path, dataset))] == [
        ("001", dt.date(2017, 5, 19), Decimal("1234.56"), 3), ("002", dt.date(2017, 5, 20), Decimal("-8.50"), 4),
    ]  # fmt: skip
    assert [column.name for column in dataset.columns if column.is_pii] == ["e_mail"]


@pytest.mark.parametrize(
    ("years", "melt"),
    [
        ((2019, 2020, 2021), r'melt=Melt(r"(?P<year>\d{4})", "value")'),
        (("Valor 2019 (R$)", "Valor 2020 (R$)", "Valor 2021 (R$)"), r'melt=Melt(r"Valor\ (?P<year>\d{4})\ \(R\$\)", "value")'),
        (("jan/2019", "fev/2019", "mar/2019"), r'melt=Melt(r".*(?P<year>\d{4}).*", "value")'),
    ],
)  # fmt: skip
def test_columns_of_years_are_names_and_may_be_rows(tmp_path: Path, years: tuple[object, ...], melt: str) -> None:
    rows = [("Produção por município",), (), ("Município", "Código", *years), ("Caçu", "x1", 1.5, 2, 3), ("Bom Jesus", 12, 2, 3, 4)]  # fmt: skip
    path = write_xlsx(tmp_path / "vendas.xlsx", rows)
    done = new(tmp_path, path)
    assert done.exit_code == 0, done.output
    assert melt in " ".join(done.output.split())
    dataset = load_catalogue(tmp_path / "datasets")["sales"]
    assert [row[:3] for row in rows_of(read(path, dataset))] == [("Caçu", "x1", Decimal("1.50")), ("Bom Jesus", "12", Decimal("2.00"))]  # fmt: skip


def test_a_draft_takes_times_as_texts(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "vendas.xlsx", [("Linha", "Saída"), ("A", dt.time(13, 5)), ("B", "9:30")])
    done = new(tmp_path, path)
    assert "texts and times in one column" in " ".join(done.output.split())
    assert rows_of(read(path, load_catalogue(tmp_path / "datasets")["sales"])) == [("A", "13:05:00"), ("B", "9:30")]


def test_a_row_of_numbers_is_no_header(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "vendas.xlsx", [("a", 2019, 17), ("b", 2020, 18), ("c", 1.5, 19)])
    done = new(tmp_path, path)
    assert done.exit_code != 0
    assert "looks like names above a table" in done.output


def test_a_draft_of_two_columns_of_one_name_reads_both(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "vendas.xlsx", [("Fruta", "Valor", "Carne", "Valor"), ("maçã", 1, "boi", 2)])
    assert new(tmp_path, path).exit_code == 0
    dataset = load_catalogue(tmp_path / "datasets")["sales"]
    assert rows_of(read(path, dataset)) == [("maçã", 1, "boi", 2)]


def test_a_draft_leaves_a_fixture_without_personal_values_that_it_fits(tmp_path: Path) -> None:
    people = [
        (
            f"Rua {number}",
            f"{number:03}",
            f"p{number}@example.org",
            39_053_344_705 + number,
            "SP",
            f"Zé {number}" if number < 3 else None,
        )
        for number in range(30)
    ]
    rows = [
        ("Feito por Ana Souza",),
        (),
        ("Local", "Código", "E-mail", "Inscrição", "UF", "Obs"),
        *people,
        ("Total geral", "Ana Souza"),
    ]
    done = new(tmp_path, write_xlsx(tmp_path / "vendas.xlsx", rows))
    assert done.exit_code == 0, done.output
    assert "sample.xlsx, its first 20 rows; texts are replaced" in done.output
    left = list(
        openpyxl.load_workbook(tmp_path / "tests/fixtures/sales/sample.xlsx").active.iter_rows(values_only=True)
    )
    assert left[2] == rows[2]
    assert len(left) == 24
    assert str(left[23][0]).startswith("Total ")
    assert {row[4] for row in left[3:23]} == {"SP"}
    said = " ".join(str(cell) for row in left[:2] + left[3:] for cell in row)
    for personal in ("Ana", "Zé", "Souza", "Rua", "example", "39053344", "geral", *(row[2] for row in people)):
        assert personal not in said
    tried = tried_on(tmp_path)
    assert tried.exit_code == 0, tried.output
    assert tried.output.splitlines()[2].split() == ["sales", "1", "20", "20", "0"]


def test_days_and_numbers_that_are_personal_stay_what_they_are(tmp_path: Path) -> None:
    rows = [
        ("Nome", "Nascimento", "Salário do cliente"),
        ("Ana Lima", "19/05/1980", "1.234,56"),
        ("Rui Dias", "20/05/1981", "8,50"),
    ]
    path = write_csv(tmp_path / "a.csv", rows, "cp1252", ";")
    assert new(tmp_path, path).exit_code == 0
    text = (tmp_path / "tests/fixtures/sales/sample.csv").read_text(encoding="cp1252")
    assert "01/01/2001" in text
    for personal in ("Ana", "Rui", "1980", "1981", "1.234,56"):
        assert personal not in text
    assert tried_on(tmp_path).exit_code == 0


def test_a_fixture_that_cannot_be_written_is_asked_of_the_person(tmp_path: Path) -> None:
    done = new(tmp_path, write_xls(tmp_path / "a.xls", ROWS))
    assert done.exit_code == 0
    assert "read here and not written. `esteira test sales` wants a small one" in done.output


def test_a_file_that_no_longer_fits_ends_with_65_and_says_where(tmp_path: Path) -> None:
    assert new(tmp_path, write_xlsx(tmp_path / "vendas.xlsx", ROWS)).exit_code == 0
    folder = tmp_path / "tests/fixtures/sales"
    write_xlsx(folder / "sample.xlsx", [("Código", "Outra"), ("001", 1)])
    assert tried_on(tmp_path).exit_code == 65
    (folder / "sample.xlsx").rename(folder / "sample.ods")
    done = tried_on(tmp_path)
    assert done.exit_code == 78
    assert "'sample.ods' does not match" in done.output
    (folder / "sample.ods").unlink()
    assert "There is no recorded file" in tried_on(tmp_path).output


def test_bad_rows_of_a_fixture_are_counted_and_refused_above_the_limit(tmp_path: Path) -> None:
    assert new(tmp_path, write_xlsx(tmp_path / "vendas.xlsx", ROWS)).exit_code == 0
    bad = [(*row[:3], "muitos", *row[4:]) if row[:1] == ("001",) else row for row in ROWS]
    write_xlsx(tmp_path / "tests/fixtures/sales/sample.xlsx", bad)
    done = tried_on(tmp_path)
    assert done.exit_code == 65
    assert "1 of 2 recorded rows break their rules" in done.output


def test_grouped_header_rows_are_recognised(tmp_path: Path) -> None:
    book = workbook(tmp_path, [("Código", "Vendas", None), (None, "Dia", "Valor"), ("001", dt.date(2017, 5, 19), 1.5)])
    book.active.merge_cells("B1:C1")
    book.active.merge_cells("A1:A2")
    book.save(tmp_path / "a.xlsx")
    done = new(tmp_path, tmp_path / "a.xlsx")
    assert done.exit_code == 0, done.output
    assert "header: rows 1 to 2" in done.output
    dataset = load_catalogue(tmp_path / "datasets")["sales"]
    assert dataset.column_names == ("codigo", "vendas_dia", "vendas_valor")


def test_names_that_are_merged_downwards_are_recognised(tmp_path: Path) -> None:
    rows = [("Região", "Valor", "Variação"), (None, None, "sobre o"), (None, "(R$)", "mês anterior"), ("Norte", 1.5, 2)]
    book = workbook(tmp_path, rows)
    book.active.merge_cells("A1:A3")
    book.active.merge_cells("B1:B2")
    book.save(tmp_path / "a.xlsx")
    done = new(tmp_path, tmp_path / "a.xlsx")
    assert "header: rows 1 to 3" in done.output
    dataset = load_catalogue(tmp_path / "datasets")["sales"]
    assert dataset.column_names == ("regiao", "valor_r", "variacao_sobre_o_mes_anterior")
    assert [row[:3] for row in rows_of(read(tmp_path / "a.xlsx", dataset))] == [("Norte", Decimal("1.50"), 2)]


def test_a_row_above_with_merged_cells_and_numbers_is_no_row_of_groups(tmp_path: Path) -> None:
    rows = [(2016, "Nacional", None, 567), ("Ano", "Nível", "Lugar", "Média"), (2016, "DRE", "Lima", 532)]
    book = workbook(tmp_path, rows)
    book.active.merge_cells("B1:C1")
    book.save(tmp_path / "a.xlsx")
    done = new(tmp_path, tmp_path / "a.xlsx")
    assert "banner: row 1\n  header: row 2" in done.output, done.output


@pytest.mark.parametrize(("encoding", "delimiter"), [("cp1252", ";"), ("utf-8-sig", ","), ("utf-16", "\t")])
def test_encoding_and_delimiter_of_a_text_are_recognised(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [("Código", "Região", "Valor"), ("001", "São Paulo", "1.234,5"), ("002", "Pará", "7")]
    done = new(tmp_path, write_csv(tmp_path / "a.csv", rows, encoding, delimiter))
    assert done.exit_code == 0, done.output
    dataset = load_catalogue(tmp_path / "datasets")["sales"]
    assert len(rows_of(read(tmp_path / "a.csv", dataset))) == 2


@pytest.mark.parametrize("ending", ["csv.gz", "zip"])
@pytest.mark.parametrize("encoding", ["cp1252", "utf-8-sig", "utf-16"])
def test_a_packed_text_is_drafted_like_another_and_its_fixture_is_packed_too(
    tmp_path: Path, encoding: str, ending: str
) -> None:
    plain = write_csv(tmp_path / "a.csv", [("Código", "Região"), ("001", "São Paulo"), ("002", "Pará")], encoding, ";")
    path = tmp_path / f"vendas.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(plain, "a.csv")
    else:
        path.write_bytes(gzip.compress(plain.read_bytes()))
    done = new(tmp_path, path)
    assert done.exit_code == 0, done.output
    dataset = load_catalogue(tmp_path / "datasets")["sales"]
    assert rows_of(read(path, dataset))[0] == ("001", "São Paulo")
    assert [each.name for each in (tmp_path / "tests/fixtures/sales").iterdir()] == [f"sample.{ending}"]
    assert tried_on(tmp_path).exit_code == 0


def test_a_packed_workbook_is_drafted_with_a_fixture(tmp_path: Path) -> None:
    path = tmp_path / "vendas.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(write_xlsx(tmp_path / "vendas.xlsx", ROWS), "vendas.xlsx")
    assert new(tmp_path, path).exit_code == 0
    assert tried_on(tmp_path).exit_code == 0


@pytest.mark.slow
def test_a_draft_passes_the_linter_the_formatter_and_the_type_checker(tmp_path: Path) -> None:
    assert new(tmp_path, write_xlsx(tmp_path / "vendas.xlsx", ROWS)).exit_code == 0
    folder = str(tmp_path / "datasets")
    for tool in (
        ("ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--ignore", "INP001", folder),
        ("ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), folder),
        ("mypy", "--config-file", str(ROOT / "pyproject.toml"), "--allow-subclassing-any", folder),
    ):
        done = subprocess.run([sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{tool}: {done.stdout}{done.stderr}"


def test_nothing_is_overwritten_and_a_file_without_a_table_is_told(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "vendas.xlsx", ROWS)
    assert new(tmp_path, path).exit_code == 0
    assert "overwrites nothing" in new(tmp_path, path).output
    nothing = new(tmp_path, write_xlsx(tmp_path / "b.xlsx", [(1, 2), (3, 4)]), name="others")
    assert nothing.exit_code == 65
    assert "no row of the first 50 looks like names" in nothing.output


def test_a_file_and_a_portal_exclude_each_other(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "vendas.xlsx", ROWS)
    assert "Give --file alone" in new(tmp_path, path, "--url", "https://example.org/").output


def test_a_row_that_counts_the_columns_belongs_to_the_header(tmp_path: Path) -> None:
    rows = [("Item", "Descrição", "Valor"), ("(1)", "(2)", "(3)"), ("a", "b", 1.5), ("c", "d", 2.5)]
    path = write_xlsx(tmp_path / "a.xlsx", rows)
    assert "header: rows 1 to 2" in new(tmp_path, path).output
    dataset = load_catalogue(tmp_path / "datasets")["sales"]
    assert rows_of(read(path, dataset)) == [("a", "b", Decimal("1.50")), ("c", "d", Decimal("2.50"))]


def test_a_row_of_units_belongs_to_the_header(tmp_path: Path) -> None:
    rows = [("Produto", "Preço", "Volume"), (None, "R$/kg", "t"), ("soja", 1.5, 100), ("milho", 2.5, 200)]
    path = write_xlsx(tmp_path / "a.xlsx", rows)
    assert new(tmp_path, path).exit_code == 0
    dataset = load_catalogue(tmp_path / "datasets")["sales"]
    assert dataset.column_names == ("produto", "preco_r_kg", "volume_t")
    assert rows_of(read(path, dataset))[0] == ("soja", Decimal("1.50"), 100)


def test_a_note_of_two_cells_above_an_empty_row_is_no_header(tmp_path: Path) -> None:
    rows = [("Portal da Transparência",), ("Gerado em", "01/02/2024"), (), ("Código", "Nome", "Valor"), ("1", "a", "2,50"), ("2", "b", "3,10")]  # fmt: skip
    assert "header: row 4" in new(tmp_path, write_csv(tmp_path / "a.csv", rows, "utf-8", ";")).output


def test_names_that_are_merged_over_empty_rows_are_a_header(tmp_path: Path) -> None:
    book = workbook(tmp_path, [("Região", "Parte (%)", None), (), (), ("A", "B", "C")])
    for area in ("A1:A3", "B1:B3", "C1:C3"):
        book.active.merge_cells(area)
    book.save(tmp_path / "a.xlsx")
    assert "header: rows 1 to 3" in new(tmp_path, tmp_path / "a.xlsx").output


def test_numbers_of_more_digits_than_a_float_keeps_stay_texts(tmp_path: Path) -> None:
    keys = [f"352401123456780001955500100000123410000123{end}" for end in (45, 46)]
    path = write_csv(tmp_path / "a.csv", [("Chave", "Valor"), *((key, "1") for key in keys)], "utf-8", ";")
    assert "numbers of more digits than a float keeps" in " ".join(new(tmp_path, path).output.split())
    assert rows_of(read(path, load_catalogue(tmp_path / "datasets")["sales"])) == [(key, 1) for key in keys]
