"""Where a table stands on a sheet: sheets, banners, header rows, footers, columns side by side, archives, lineage."""

import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
import pytest

from esteira.contract import HeaderRows, Lineage, Melt, Sheets
from esteira.errors import ConfigError, SpreadsheetError
from esteira.spreadsheet.reading import read_pieces
from tests.core.small import dataset
from tests.spreadsheet.offices import (
    GOOD,
    HEADER,
    ROWS,
    contract,
    gzipped,
    read,
    refused,
    rows_of,
    workbook,
    write_csv,
    write_ods,
    write_xls,
    write_xlsx,
    zipped,
)

OFFICE = [
    ("Relatório de vendas",),
    (),
    ("Emitido em", "20/05/2017"),
    HEADER,
    *ROWS,
    (),
    ("Total", None, 1226.06),
    ("Fonte: SAP",),
]
WRITERS = {"xlsx": write_xlsx, "xls": write_xls, "ods": write_ods}


@pytest.mark.parametrize("ending", list(WRITERS))
def test_banner_and_footer_are_no_data(tmp_path: Path, ending: str) -> None:
    path = WRITERS[ending](tmp_path / f"a.{ending}", OFFICE)
    for footer, blank in ((("total*",), False), ((), True)):
        pieces = read(path, contract(footer=footer, ends_at_blank=blank))
        assert rows_of(pieces) == GOOD
        assert pieces[0].rows.place(1, "amount") == "Plan1!C6"


def test_banner_and_footer_of_delimited_text_are_no_data(tmp_path: Path) -> None:
    text = "Relatório;\n\nCódigo;Dia;Valor (R$)\n001;19/05/2017;1.234,56\n\n002;20/05/2017;-8,5\nTotal\n1;2\n003;20/05/2017;1\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    pieces = read(tmp_path / "a.csv", contract(footer=("Total",)))
    assert rows_of(pieces) == GOOD
    assert refused(pieces) == []
    assert pieces[0].rows.place(1, "amount") == "C6"
    assert rows_of(read(tmp_path / "a.csv", contract(ends_at_blank=True))) == GOOD[:1]


@pytest.mark.parametrize("footer", ["Total geral*", "*GERAL*", "[*] Não é*", "soma?"])
@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_a_footer_is_told_by_its_first_text_in_any_case(tmp_path: Path, ending: str, footer: str) -> None:
    line = {"*": "* não é final", "s": "Soma:"}.get(footer.strip("[")[0], "TOTAL GERAL (2)")
    rows = [
        HEADER,
        ("001", "19/05/2017", "1.234,56"),
        ("002", "20/05/2017", "-8,5"),
        (None, line, 9),
        ("003", "20/05/2017", 1),
    ]
    line = "total geral de tudo" if footer == "*GERAL*" else line
    rows[3] = (None, line, 9)
    path = (write_xlsx if ending == "xlsx" else write_csv)(tmp_path / f"a.{ending}", rows)
    assert rows_of(read(path, contract(footer=(footer,)))) == GOOD


def test_a_quoted_line_break_is_one_row(tmp_path: Path) -> None:
    text = '"Relatório\nde vendas";\nCódigo;Dia;Valor (R$)\n"a\nb";19/05/2017;1\n002;20/05/2017;x\n'
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    pieces = read(tmp_path / "a.csv")
    assert rows_of(pieces) == [("a\nb", dt.date(2017, 5, 19), 1.0)]
    assert refused(pieces)[0][0] == "C4"


def test_a_table_that_begins_in_the_middle_of_a_sheet_keeps_its_addresses(tmp_path: Path) -> None:
    rows = [(), (), *((None, None, *row) for row in (HEADER, *ROWS, ("003", "x", 1)))]
    for ending, write in WRITERS.items():
        pieces = read(write(tmp_path / f"a.{ending}", rows))
        assert rows_of(pieces) == GOOD
        assert refused(pieces) == [("Plan1!D6", "dia", "type", "x")]


def test_the_header_stands_where_the_contract_says(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", OFFICE)
    assert rows_of(read(path, contract(header=HeaderRows(skip=3), footer=("Total",)))) == GOOD
    with pytest.raises(SpreadsheetError, match=r"row 3 of sheet 'Plan1' does not name 'codigo'"):
        read(path, contract(header=HeaderRows(skip=2)))


class TwoYears(pa.DataFrameModel):
    """This year's amount beside the last one's, under one name."""

    codigo: pd.StringDtype
    amount: pd.Float64Dtype
    before: pd.Float64Dtype


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_the_second_column_of_a_name_is_named_by_its_number(tmp_path: Path, ending: str) -> None:
    rows = [("Código", "Valor", "VALOR", "Obs", "Obs"), ("001", 1, 2, "a", "b"), ("x", "?", 3, "c", "d")]
    path = (write_xlsx if ending == "xlsx" else write_csv)(tmp_path / f"a.{ending}", rows)
    named = contract(TwoYears, columns={"Valor": "amount", "Valor (2)": "before"}, delimiter=";")
    pieces = read(path, named)
    assert rows_of(pieces) == [("001", 1.0, 2.0)]
    assert json.loads(bytes(pieces[0].rows[1])) == {
        "Código": "x", "Valor": "?", "VALOR (2)": 3 if ending == "xlsx" else "3", "Obs": "c", "Obs (2)": "d",
    }  # fmt: skip
    with pytest.raises(SpreadsheetError, match="two columns are called 'Valor'") as caught:
        read(path, contract(TwoYears, columns={"Valor": "amount", "Código": "codigo", "Obs (2)": "before"}))
    assert "columns={'VALOR (2)': ...}" in caught.value.hint


def test_a_header_that_nobody_finds_is_told_with_the_closest_row(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [("Relatório",), ("Código", "Dia", "Valor"), *ROWS])
    with pytest.raises(
        SpreadsheetError,
        match=r"row 2 of sheet 'Plan1' comes closest and lacks 'Valor \(R\$\)'; it names 'Código', 'Dia', 'Valor'",
    ):
        read(path)


@pytest.mark.parametrize("printed", ["valor  (r$)", "VALOR\u00a0(R$)", " Valor (R$) ", "Valor\n(R$)"])
def test_names_are_the_same_that_differ_by_case_and_blanks(tmp_path: Path, printed: str) -> None:
    assert rows_of(read(write_xlsx(tmp_path / "a.xlsx", [("CÓDIGO", "dia", printed), *ROWS]))) == GOOD


def test_columns_without_names_are_named_in_order(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [("001", "x", "19/05/2017", "1.234,56"), ("002", "y", "20/05/2017", "-8,5")])
    assert rows_of(read(path, contract(header=None, columns=("codigo", "", "dia", "amount")))) == GOOD


def test_grouped_header_rows_are_joined_over_their_merged_cells(tmp_path: Path) -> None:
    book = workbook(
        tmp_path,
        [("Código", "Vendas", None, "Nota"), (None, "Dia", "Valor (R$)", None), *((*row, "x") for row in ROWS)],
    )
    book.active.merge_cells("B1:C1")
    book.active.merge_cells("A1:A2")
    book.save(tmp_path / "a.xlsx")
    columns = {"Vendas Dia": "dia", "Vendas Valor (R$)": "amount"}
    pieces = read(tmp_path / "a.xlsx", contract(columns=columns, header=HeaderRows(rows=2)))
    assert rows_of(pieces) == GOOD
    assert pieces[0].decoded.new_columns == ("Nota",)


def test_grouped_header_rows_of_text_are_filled_to_the_right(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "a.csv",
        [
            ("", "Vendas", ""),
            ("Código", "Dia", "Valor"),
            *[("001", "19/05/2017", "1.234,56"), ("002", "20/05/2017", "-8,5")],
        ],
    )
    header = HeaderRows(rows=2, joined=" / ", fill="right")
    assert (
        rows_of(read(path, contract(columns={"Vendas / Dia": "dia", "Vendas / Valor": "amount"}, header=header)))
        == GOOD
    )


class Monthly(pa.DataFrameModel):
    """Sales by product and month."""

    produto: pd.StringDtype
    year: pd.Int16Dtype
    month: pd.StringDtype
    amount: pd.Float64Dtype


MELT = Melt(r"(?P<year>\d{4}) (?P<month>\w{3})", "amount")


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_months_side_by_side_become_rows(tmp_path: Path, ending: str) -> None:
    rows = [("Produto", "2023 dez", "2024 jan", "Nota"), ("Lápis", "1,5", "2", "a"), ("Caneta", None, "x", "b")]
    path = (write_xlsx if ending == "xlsx" else write_csv)(tmp_path / f"a.{ending}", rows)
    pieces = read(path, contract(Monthly, columns={}, melt=MELT))
    assert rows_of(pieces) == [("Lápis", 2023, "dez", 1.5), ("Lápis", 2024, "jan", 2.0)]
    sheet = "Plan1!" if ending == "xlsx" else ""
    assert refused(pieces) == [(f"{sheet}C3", "amount", "type", "x")]
    (piece,) = pieces
    assert bytes(piece.rows[2]).decode() == '{"Produto":"Caneta","2024 jan":"x","Nota":"b"}'
    assert len(read(path, contract(Monthly, columns={}, melt=Melt(MELT.like, "amount", keep_empty=True)))[0].rows) == 4


def test_every_sheet_with_its_name_as_a_column(tmp_path: Path) -> None:
    class Sale(pa.DataFrameModel):
        """With lineage."""

        codigo: pd.StringDtype
        file_name: pd.StringDtype
        month: pd.StringDtype
        line: pd.Int64Dtype

    book = workbook(tmp_path, [("Código",), ("1",)], "Janeiro")
    for name in ("Fevereiro", "Notas"):
        sheet = book.create_sheet(name)
        sheet.append(["Código"])
        sheet.append(["2"])
    book.save(tmp_path / "a.xlsx")
    options = {"columns": {}, "lineage": Lineage("file_name", "month", "line")}
    assert rows_of(read(tmp_path / "a.xlsx", contract(Sale, sheet=Sheets("*eiro"), **options))) == [
        ("1", "a.xlsx", "Janeiro", 2),
        ("2", "a.xlsx", "Fevereiro", 2),
    ]
    for which in ("Fevereiro", 1):
        assert rows_of(read(tmp_path / "a.xlsx", contract(Sale, sheet=which, **options))) == [
            ("2", "a.xlsx", "Fevereiro", 2)
        ]
    with pytest.raises(SpreadsheetError, match="there is no sheet 'Março'; it has 'Janeiro', 'Fevereiro', 'Notas'"):
        read(tmp_path / "a.xlsx", contract(Sale, sheet="Março", **options))


def test_a_file_may_come_zipped_or_gzipped(tmp_path: Path) -> None:
    inner = write_xlsx(tmp_path / "x.xlsx", [HEADER, *ROWS]).read_bytes()
    assert rows_of(read(gzipped(tmp_path / "a.xlsx.gz", inner))) == GOOD
    assert rows_of(read(zipped(tmp_path / "a.zip", {"pasta/Vendas.xlsx": inner, "leia-me.pdf": b"x"}))) == GOOD
    assert (
        rows_of(read(zipped(tmp_path / "b.zip", {"2024.xlsx": inner, "2023.xlsx": inner}), contract(member="2024*")))
        == GOOD
    )
    with pytest.raises(
        SpreadsheetError, match=r"2 files in the archive are tables, and one is needed; it holds 2023\.xlsx, 2024\.xlsx"
    ):
        read(tmp_path / "b.zip")


def test_tabs_separate_a_tsv_and_the_contract_may_name_another_sign(tmp_path: Path) -> None:
    printed = [HEADER, ("001", "19/05/2017", "1.234,56"), ("002", "20/05/2017", "-8,5")]
    assert rows_of(read(write_csv(tmp_path / "a.tsv", printed, delimiter="\t"))) == GOOD
    assert rows_of(read(write_csv(tmp_path / "a.txt", printed, delimiter="|"), contract(delimiter="|"))) == GOOD


@pytest.mark.parametrize("ending", ["xlsx", "xls", "ods", "csv"])
def test_a_table_without_rows_gives_none(tmp_path: Path, ending: str) -> None:
    path = {**WRITERS, "csv": write_csv}[ending](tmp_path / f"a.{ending}", [HEADER])
    assert rows_of(read(path)) == []


def test_columns_that_only_the_transform_needs_come_as_text(tmp_path: Path) -> None:
    path = write_xlsx(
        tmp_path / "a.xlsx", [(*HEADER, "Extra"), *((*row, extra) for row, extra in zip(ROWS, (7, 7.5), strict=True))]
    )
    assert [row[3] for row in rows_of(read(path, contract(inputs=("extra",))))] == ["7", "7.5"]


def test_a_contract_of_a_portal_reads_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not from files"):
        next(read_pieces(tmp_path, "a.csv", dataset()))


def test_the_folder_of_what_is_unpacked_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "unpacked"))
    (tmp_path / "unpacked").mkdir()
    path = gzipped(tmp_path / "a.csv.gz", "Código;Dia;Valor (R$)\n1;19/05/2017;1\n".encode())
    assert len(rows_of(read(path))) == 1
    assert not list((tmp_path / "unpacked").iterdir())
