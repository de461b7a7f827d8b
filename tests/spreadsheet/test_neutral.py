"""Fault 67: what a spreadsheet program would run is made harmless, and numbers keep their signs."""

import csv
import io
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteira.spreadsheet.neutral import neutral, neutral_table

HOSTILE = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    '=HYPERLINK("http://x")',
    "\uff1d1+1",
    "-",
    "+",
    "--1",
    "+55 11 9",
    "-1\n",
]
HARMLESS = ["-1,5", "+7", "-1.234,56", "-12%", "1-1", "a=b", "", "São Paulo", "007", " =1"]


@pytest.mark.fault(67)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_that_would_run_is_shown_instead(text: str) -> None:
    assert neutral(text) == f"'{text}"


@pytest.mark.fault(67)
@pytest.mark.parametrize("text", HARMLESS)
def test_a_text_that_cannot_run_stays(text: str) -> None:
    assert neutral(text) == text


@pytest.mark.fault(67)
def test_a_column_of_numbers_keeps_its_minus_whatever_the_texts_beside_it_are() -> None:
    table = pa.table(
        {
            "text": [*HOSTILE, None],
            "price": pa.array([Decimal(-1)] * len(HOSTILE) + [None], pa.decimal128(5, 2)),
            "count": [-1] * (len(HOSTILE) + 1),
        }
    )
    made = neutral_table(table)
    assert made["text"].to_pylist() == [*(f"'{text}" for text in HOSTILE), None]
    assert made.drop_columns("text").equals(table.drop_columns("text"))
    assert made.schema == table.schema


@pytest.mark.fault(67)
@given(st.lists(st.text("=+-@\t\r\n1,.%'a\uff1d", max_size=6)))
def test_a_whole_column_and_one_text_are_judged_alike(texts: list[str]) -> None:
    assert neutral_table(pa.table({"text": pa.array(texts, pa.string())}))["text"].to_pylist() == [
        neutral(text) for text in texts
    ]


@pytest.mark.fault(67)
def test_what_people_open_holds_no_formula() -> None:
    text = io.StringIO()
    csv.writer(text).writerows([[neutral(each)] for each in HOSTILE])
    assert not [row for row in csv.reader(io.StringIO(text.getvalue(), newline="")) if row[0][0] in "=+-@\t\r"]
    sheet = openpyxl.Workbook().active
    for each in HOSTILE[:4]:
        sheet.append([neutral(each)])
    assert {row[0].data_type for row in sheet.iter_rows()} == {"s"}
