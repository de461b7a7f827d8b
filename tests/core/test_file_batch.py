"""A file is a batch: its id, its window, and which of two is newer."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pandera.pandas as pandera
import pytest

from esteira.contract import Dataset, Download, Inbox, Replace, SpreadsheetSource
from esteira.errors import ConfigError, SpreadsheetError
from esteira.file_batch import file_batch, is_about, is_file_batch
from esteira.lake import SealedFile
from esteira.warehouse import LedgerEntry

MOMENT = datetime(2024, 3, 5, 10, 30, tzinfo=UTC)
BY_MONTH = r"(?P<year>\d{4})-(?P<month>\d\d)"


class Row(pandera.DataFrameModel):
    """A row."""

    name: str


def dataset(**source: Any) -> Dataset:
    return Dataset(name="sales", source=SpreadsheetSource(**source), schema=Row, write=Replace())


def file(name: str = "sales.xlsx", sha256: str = "ab" * 32, moment: datetime = MOMENT) -> SealedFile:
    return SealedFile(name, 10, sha256, moment, "inbox/sales/sales.xlsx?versionId=1")


def newer_first(*files: SealedFile, contract: Dataset) -> list[str]:
    """As the ledger orders them."""
    windows = {each.name: file_batch(contract, each).window for each in files}
    return sorted(windows, key=lambda name: (windows[name].start, windows[name].end), reverse=True)


def test_the_id_is_made_of_the_bytes_and_the_definition_and_of_no_name_or_clock():
    contract = dataset()
    first, again = file(), file("other name.xlsx", moment=MOMENT + timedelta(days=9))
    assert file_batch(contract, first).id == f"file-abababababababab-{contract.source.definition_hash}"
    assert file_batch(contract, again).id == file_batch(contract, first).id
    assert is_file_batch(file_batch(contract, first).id)
    assert not is_file_batch("2024-03-05-0a1b2c3d")


def test_other_bytes_are_another_batch():
    assert file_batch(dataset(), file()).id != file_batch(dataset(), file(sha256="cd" * 32)).id


def test_reading_a_file_differently_keeps_its_batch():
    assert (
        dataset().source.definition_hash == dataset(sheet="Plan2", locale="en-US", match="*.ods").source.definition_hash
    )


def test_another_origin_is_another_definition():
    hashes = {
        dataset(origin=each).source.definition_hash
        for each in (Inbox(), Download("p", "/a.csv"), Download("p", "/b.csv"))
    }
    assert len(hashes) == 3


def test_without_a_period_the_file_that_came_later_is_newer():
    files = [file("first", "01" * 32), file("second", "00" * 32, MOMENT + timedelta(seconds=1))]
    assert newer_first(*files, contract=dataset()) == ["second", "first"]


def test_the_moment_is_taken_in_utc():
    local = MOMENT.astimezone(timezone(-timedelta(hours=3)))
    assert file_batch(dataset(), file(moment=local)) == file_batch(dataset(), file())


def test_a_file_about_an_earlier_period_is_older_whenever_it_came():
    march, january = file("2024-03.xlsx"), file("2024-01.xlsx", moment=MOMENT + timedelta(days=30))
    assert newer_first(january, march, contract=dataset(period=BY_MONTH)) == ["2024-03.xlsx", "2024-01.xlsx"]


def test_of_two_files_about_one_period_the_later_is_newer():
    first = file("2024-01.xlsx", "ff" * 32)
    corrected = file("2024-01 (2).xlsx", "00" * 32, MOMENT + timedelta(seconds=1))
    assert newer_first(first, corrected, contract=dataset(period=BY_MONTH))[0] == corrected.name


def test_a_budget_for_a_year_to_come_is_ordered_by_its_moment_too():
    contract = dataset(period=r"(?P<year>\d{4})")
    first, corrected = file("2030 a.xlsx", "ff" * 32), file("2030 b.xlsx", "00" * 32, MOMENT + timedelta(seconds=1))
    window = file_batch(contract, first).window
    assert window.start == datetime(2030, 1, 1, tzinfo=UTC)
    assert window.start < window.end < window.start + timedelta(hours=1)
    assert newer_first(first, corrected, contract=contract)[0] == corrected.name


@pytest.mark.parametrize("name", ["sales.xlsx", "2024-13.xlsx", "0000-01.xlsx"])
def test_a_name_that_tells_no_period_is_an_error_of_the_file(name: str):
    with pytest.raises(SpreadsheetError, match=name[:7]):
        file_batch(dataset(period=BY_MONTH), file(name))


@pytest.mark.parametrize(
    "period", ["(", r"\d{4}", r"(?P<month>\d\d)", r"(?P<year>\d{4})-(?P<day>\d\d)", r"(?P<week>\d\d)"]
)
def test_a_pattern_that_tells_no_period_is_refused(period: str):
    with pytest.raises(ConfigError, match="period="):
        dataset(period=period)


def test_the_window_fits_into_the_ledger():
    batch = file_batch(dataset(), file())
    LedgerEntry(batch.id, batch.window.start, batch.window.end)
    assert len(batch.id) < 64


def test_a_span_holds_the_files_whose_windows_begin_in_it():
    span = (MOMENT, MOMENT + timedelta(days=1))
    for moment, wanted in ((MOMENT, True), (MOMENT - timedelta(seconds=1), False), (MOMENT + timedelta(days=1), False)):
        assert is_about(dataset(), "a.csv", moment, span) is wanted
    assert is_about(dataset(), "a.csv", MOMENT - timedelta(seconds=1), None)


def test_a_span_goes_by_the_period_that_a_name_tells_and_else_by_when_the_file_came():
    march = (datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))
    contract, later = dataset(period=BY_MONTH), datetime(2024, 9, 1, tzinfo=UTC)
    assert is_about(contract, "sales 2024-03.csv", later, march)
    assert not is_about(contract, "sales 2024-02.csv", march[0], march)
    assert is_about(contract, "sales.csv", march[0], march)
    assert not is_about(contract, "sales 2024-13.csv", later, march)
