"""Files that offices and agencies really made: each needs only a contract. They lie beside the checkout, and where they do not there is nothing to try."""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from esteira.contract import Date, HeaderRows, Locale, Melt, Timestamp
from esteira.errors import SpreadsheetError
from tests.spreadsheet.offices import contract, read, refused, rows_of

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "sheets"
TEXT, WHOLE, FLOAT = pd.StringDtype, pd.Int64Dtype, pd.Float64Dtype
UTC = dt.UTC
GERMAN = Locale(decimal=",", thousands=".", delimiter=";")
NEEDS = "Cumulative impact of changes on cost of food basket"
LEVELS = {"Año": "year", "Resultados": "kind", "[E]": "name", "Medida promedio": "mean", "Nivel de logro Previo al inicio": "lowest"}  # fmt: skip


@pytest.fixture(autouse=True)
def folder() -> None:
    if not FOLDER.is_dir():
        pytest.skip(f"no {FOLDER.parent.name}/{FOLDER.name} beside this checkout")


@dataclass(frozen=True)
class Case:
    """A file, what its contract says, and what comes of it: the first row, how many, and what is refused."""

    file: str
    columns: dict[str, Any]
    first: tuple[Any, ...]
    rows: int
    options: dict[str, Any]
    refused: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def schema(self) -> Any:
        fields = {name: pa.Field(nullable=True) for name in self.columns}
        body = {"__annotations__": self.columns, "__module__": __name__} | fields
        return type("Real", (pa.DataFrameModel,), body)


CASES = [
    Case(
        "frictionless_encoding-issue-274.csv", {"id": TEXT, "name": TEXT},
        ("nz/a2f", "Asia New Zealand Foundation"), 507, {"locale": "iso", "columns": {}},
    ),
    Case(
        "frictionless_ints-floats-dates.ods", {"int": WHOLE, "float": FLOAT, "date": Date, "datetime": Timestamp},
        (2013, 3.3, dt.date(2009, 8, 16), dt.datetime(2009, 8, 16, 5, 43, 21, tzinfo=UTC)), 3, {"columns": {}},
    ),
    Case("frictionless_merged-cells.xls", {"word": TEXT}, ("data",), 1, {"header": None, "columns": ("word",), "merged": "fill"}),
    Case(
        "frictionless_multiline-headers.xlsx", {"region": TEXT, "calories": TEXT, "quarter": TEXT, "baseline": TEXT}, ("A", "B", "C", "D"), 1,
        {"header": HeaderRows(rows=5), "columns": {"Caloric contribution (%)": "calories", f"{NEEDS} from previous quarter": "quarter", f"{NEEDS} from baseline (%)": "baseline"}},
    ),
    Case(
        "messytables_utf16le.csv", {"code": TEXT, "patients": WHOLE}, ("5C1", 2), 327,
        {"locale": "en-US", "encoding": "utf-16", "columns": {"Organisation_code": "code", "Part_II_patients": "patients"}},
    ),
    Case(
        "messytables_weird_head_padding.csv", {"kind": TEXT, "year": TEXT, "doctors": WHOLE}, ("Gefäßchirurgie", "1993", 379), 343,
        {"locale": GERMAN, "columns": {"[A]": "kind"}, "nulls": (".", "..."), "footer": ("[*][*][*]*",), "melt": Melt(r"(?P<year>\d{4})", "doctors")},
    ),
    Case("tidyxl_1904.xlsx", {"day": Date}, (dt.date(1998, 7, 5),), 2, {"header": None, "columns": ("day",), "serials": "workbook"}),
    Case(
        "unpivotr_worked-examples.xlsx", {"name": TEXT, "subject": TEXT, "score": WHOLE}, ("Matilda", "Music", 7), 3,
        {"sheet": "sentinels", "columns": {}, "nulls": ("…", "..C")}, [("sentinels!C3", "score", "type", "NA")],
    ),
    Case(
        "unpivotr_worked-examples.xlsx", {"name": TEXT, "score": WHOLE}, ("Matilda", 10), 1,
        {"sheet": "superscript symbols", "columns": {}}, [("'superscript symbols'!B2", "score", "raised", "91")],
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file} {case.options.get('sheet', '')}".strip())
def test_a_real_file_needs_only_a_contract(case: Case) -> None:
    pieces = read(FOLDER / case.file, contract(case.schema, **case.options))
    found = rows_of(pieces)
    assert (found[0], len(found)) == (case.first, case.rows)
    assert refused(pieces) == case.refused


def test_hidden_rows_and_headers_that_repeat_are_what_the_contract_says_of_them() -> None:
    """924 merged cells, two header rows, and rows that somebody hid: a year's own line stays visible, its regions do not."""
    case = Case(
        "tidyxl_pe_evaluacion_censal.xlsx",
        dict(zip(LEVELS.values(), (WHOLE, TEXT, TEXT, WHOLE, FLOAT), strict=True)),
        (),
        0,
        {},
    )
    options = {
        "sheet": "NACIONAL",
        "merged": "fill",
        "locale": "en-US",
        "header": HeaderRows(rows=2),
        "columns": LEVELS,
    }
    path = FOLDER / case.file
    with pytest.raises(SpreadsheetError, match=r"row NACIONAL!11 is hidden"):
        read(path, contract(case.schema, **options))
    skipped, whole = (read(path, contract(case.schema, hidden=hidden, **options)) for hidden in ("skip", "read"))
    assert rows_of(skipped)[0] == (2016, "NACIONAL", "NACIONAL", 567, 0.205)
    assert (2016, "DRE", "Amazonas", 532, 0.387) in rows_of(whole)
    assert ("NACIONAL!C11", "year", "type", "Año") in refused(whole)  # a header again, which no number is
    assert len(rows_of(whole)) > len(rows_of(skipped)) > 0
