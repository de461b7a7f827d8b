"""Days and moments: epochs, serial numbers, locales, hours that a clock shows twice (fault 29)."""

import datetime as dt
from pathlib import Path

import openpyxl
import pandas as pd
import pandera.pandas as pa
import pytest

from esteira.contract import Timestamp
from tests.spreadsheet.offices import (
    GOOD,
    HEADER,
    TABLE,
    contract,
    read,
    refused,
    rows_of,
    workbook,
    write_csv,
    write_xlsx,
)


class Flight(pa.DataFrameModel):
    """A moment."""

    at: Timestamp = pa.Field(nullable=True)


@pytest.mark.fault(29)
def test_the_epoch_of_1904_moves_no_day(tmp_path: Path) -> None:
    book = workbook(tmp_path, TABLE)
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.save(tmp_path / "a.xlsx")
    assert rows_of(read(tmp_path / "a.xlsx")) == GOOD


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("serials", "epoch", "day"),
    [("1900", 1900, 19), ("workbook", 1900, 19), ("workbook", 1904, 19), ("1904", 1904, 19)],
)
def test_a_bare_serial_is_read_by_the_declared_epoch(tmp_path: Path, serials: str, epoch: int, day: int) -> None:
    book = workbook(tmp_path, [HEADER, ("1", 42874 if epoch == 1900 else 41412, 1)])
    if epoch == 1904:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.save(tmp_path / "a.xlsx")
    assert rows_of(read(tmp_path / "a.xlsx", contract(serials=serials)))[0][1] == dt.date(2017, 5, day)
    assert refused(read(tmp_path / "a.xlsx"))[0][0] == "Plan1!B2"


@pytest.mark.fault(29)
@pytest.mark.parametrize("serial", [60, 59, 0, -1, 3_000_000])
def test_a_serial_that_is_no_day_is_refused(tmp_path: Path, serial: int) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, ("1", serial, 1)])
    assert refused(read(path, contract(serials="1900"))) == [("Plan1!B2", "dia", "type", str(serial))]


@pytest.mark.fault(29)
@pytest.mark.parametrize("serial", [60, 0.5, 0])
def test_a_day_before_the_epoch_begins_for_good_is_refused(tmp_path: Path, serial: float) -> None:
    book = workbook(tmp_path, [HEADER, ("1", serial, 1)])
    book.active["B2"].number_format = "dd/mm/yyyy"
    book.save(tmp_path / "a.xlsx")
    assert refused(read(tmp_path / "a.xlsx"))[0][:3] == ("Plan1!B2", "dia", "type")


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("text", "locale", "day"),
    [
        ("02/03/2017", "pt-BR", dt.date(2017, 3, 2)), ("02/03/2017", "en-US", dt.date(2017, 2, 3)), ("19-mai-17", "pt-BR", dt.date(2017, 5, 19)),
        ("jan/2024", "pt-BR", dt.date(2024, 1, 1)), ("1/2/2017", "pt-BR", dt.date(2017, 2, 1)), ("MARÇO/2020", "pt-BR", dt.date(2020, 3, 1)),
        ("19/05/17", "pt-BR", dt.date(2017, 5, 19)), ("2017-05-19", "pt-BR", dt.date(2017, 5, 19)), ("3 de março de 2020", "pt-BR", dt.date(2020, 3, 3)),
    ],
)  # fmt: skip
def test_a_printed_day_is_read_by_the_declared_locale(tmp_path: Path, text: str, locale: str, day: dt.date) -> None:
    path = write_csv(tmp_path / "a.csv", [HEADER, ("1", text, "1")], delimiter=";")
    assert rows_of(read(path, contract(locale=locale, delimiter=";")))[0][1] == day


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    "text", ["31/02/2017", "05/19/2017", "00/01/2017", "19/05", "24:00", "19.05.2017", "19/05/2017 10:00", "19-may-17"]
)
def test_a_text_that_is_no_day_of_the_locale_is_refused(tmp_path: Path, text: str) -> None:
    path = write_csv(tmp_path / "a.csv", [HEADER, ("1", "19/05/2017", "1"), ("2", text, "1")])
    assert refused(read(path)) == [("B3", "dia", "type", text)]


@pytest.mark.fault(29)
def test_midnight_at_24_is_refused_or_the_next_day_as_the_contract_says(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [("At",), ("31/12/2017 24:00",), ("31/12/2017 24:01",)])
    assert [each[0] for each in refused(read(path, contract(Flight, columns={})))] == ["A2", "A3"]
    pieces = read(path, contract(Flight, columns={}, midnight="next_day"))
    assert rows_of(pieces) == [(pd.Timestamp("2018-01-01", tz="UTC"),)]
    assert [each[0] for each in refused(pieces)] == ["A3"]


@pytest.mark.fault(29)
def test_an_hour_that_the_clock_shows_twice_or_never_is_refused(tmp_path: Path) -> None:
    texts = ["17/02/2018 22:30", "17/02/2018 23:30", "04/11/2018 00:30", "04/11/2018 01:30"]
    path = write_csv(tmp_path / "a.csv", [("At",), *((text,) for text in texts)])
    pieces = read(path, contract(Flight, columns={}, timezone="America/Sao_Paulo"))
    assert [each[3] for each in refused(pieces)] == [texts[1], texts[2]]
    assert rows_of(pieces) == [(pd.Timestamp("2018-02-18T00:30Z"),), (pd.Timestamp("2018-11-04T03:30Z"),)]
