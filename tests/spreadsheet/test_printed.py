"""Numbers, codes, words for nothing and times as offices print them (faults 24 and 25)."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esteira.contract import Locale
from esteira.errors import ConfigError
from tests.spreadsheet.offices import HEADER, contract, read, refused, rows_of, write_csv, write_ods, write_xlsx


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,56", 1234.56), ("(1.234,56)", -1234.56), ("12,5%", 0.125), ("R$ 1.234,56", 1234.56), ("R$\u00a01.234,56", 1234.56), ("-R$ 7", -7.0),
        (",8", 0.8), ("1234,5", 1234.5), ("12.345.678", 12345678.0), ("-1,5", -1.5), ("+2", 2.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("write", [write_xlsx, write_csv])
def test_a_printed_number_is_read_by_the_declared_locale(
    tmp_path: Path, write: Callable[..., Path], text: str, value: float
) -> None:
    path = write(tmp_path / f"a.{'xlsx' if write is write_xlsx else 'csv'}", [HEADER, ("1", "19/05/2017", text)])
    assert rows_of(read(path)) == [("1", dt.date(2017, 5, 19), value)]


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    "text",
    ["1,234.56", "1.23,4", "12.34", "1..234", "5-", "(-5)", "--5", "1e5x", "abc", "%", ",", "R$", "NaN", "inf", "٣"],
)
def test_a_text_that_the_locale_does_not_print_is_refused_with_its_cell(tmp_path: Path, text: str) -> None:
    rows = [HEADER, ("1", "19/05/2017", "1.234,56"), ("2", "19/05/2017", text)]
    pieces = read(write_xlsx(tmp_path / "a.xlsx", rows))
    assert refused(pieces) == [("Plan1!C3", "amount", "type", text)]
    assert len(rows_of(pieces)) == 1


@pytest.mark.fault(24)
def test_the_same_text_means_another_number_in_another_locale(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, ("1", dt.date(2017, 5, 19), "1.234")])
    assert rows_of(read(path))[0][2] == 1234.0
    assert rows_of(read(path, contract(locale="en-US")))[0][2] == 1.234


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    ("locale", "text", "value"),
    [
        (Locale(decimal=",", thousands="\u00a0"), "1\u202f234,5", 1234.5), (Locale(decimal=",", thousands=" "), "1 234 567", 1234567.0),
        (Locale(decimal=".", thousands="'", currency=("CHF",)), "CHF 1'234.5", 1234.5), (Locale(decimal=",", percent="number"), "12,5 %", 12.5),
        (Locale(decimal=",", currency=("kr", "kr.")), "5,5 kr.", 5.5),
    ],
)  # fmt: skip
def test_a_locale_of_ones_own_is_read_like_the_others(tmp_path: Path, locale: Locale, text: str, value: float) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, ("1", dt.date(2017, 5, 19), text)])
    assert rows_of(read(path, contract(locale=locale)))[0][2] == value


@pytest.mark.fault(25)
def test_codes_words_and_blanks_are_what_the_contract_says(tmp_path: Path) -> None:
    rows = [
        HEADER,
        ("007", "19/05/2017", "-"),
        ("NA", "19/05/2017", "..."),
        (" a\u00a0", "19/05/2017", "X"),
        ("null", "19/05/2017", None),
    ]
    for path in (write_xlsx(tmp_path / "a.xlsx", rows), write_csv(tmp_path / "a.csv", rows)):
        found = rows_of(read(path, contract(nulls=("-", "...", "X"))))
        assert [(row[0], row[2]) for row in found] == [("007", None), ("NA", None), ("a", None), ("null", None)]
        kept = rows_of(read(path, contract(nulls=("-", "...", "X"), blanks="keep")))
        assert kept[2][0] == " a\u00a0"


@pytest.mark.fault(25)
def test_a_word_that_is_no_declared_null_is_refused_in_a_column_of_numbers(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [HEADER, ("007", "19/05/2017", "NA")])
    assert refused(read(path)) == [("C2", "amount", "type", "NA")]


@pytest.mark.fault(25)
def test_a_number_in_a_column_of_codes_is_refused_unless_the_contract_counts_its_digits(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, (7, dt.date(2017, 5, 19), 1), (7.5, dt.date(2017, 5, 19), 1)])
    assert [each[0] for each in refused(read(path))] == ["Plan1!A2", "Plan1!A3"]
    pieces = read(path, contract(codes={"codigo": 3}))
    assert rows_of(pieces)[0][0] == "007"
    assert refused(pieces) == [("Plan1!A3", "codigo", "type", "7.5")]


@pytest.mark.fault(25)
def test_a_day_in_a_column_of_codes_is_refused(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, (dt.date(2017, 3, 1), dt.date(2017, 5, 19), 1)])
    assert refused(read(path)) == [("Plan1!A2", "codigo", "type", "2017-03-01")]


@pytest.mark.fault(25)
@pytest.mark.parametrize("writer", [write_xlsx, write_ods])
def test_times_and_durations_are_refused_in_a_text_that_does_not_ask_for_them(tmp_path: Path, writer: Any) -> None:
    times = [dt.time(13, 5), dt.timedelta(hours=26, minutes=30, seconds=7), dt.timedelta(0)]
    rows = [HEADER, *((each, dt.date(2017, 5, 19), 1) for each in times), ("13:05", dt.date(2017, 5, 19), 1)]
    path = writer(tmp_path / f"a.{writer.__name__[6:]}", rows)
    assert [each[:3] for each in refused(read(path))] == [(f"Plan1!A{row}", "codigo", "type") for row in (2, 3, 4)]
    assert [row[0] for row in rows_of(read(path, contract(clocks=("codigo",))))] == [
        "13:05:00", "26:30:07", "00:00:00", "13:05",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="'dia' has type date32"):
        contract(clocks=("dia",))
