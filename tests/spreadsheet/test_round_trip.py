"""Random tables, written by the writers of other people as numbers and days or as texts of each locale, are read back equal."""

import datetime as dt
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esteira.contract import Date
from tests.spreadsheet.offices import (
    contract,
    read,
    refused,
    rows_of,
    with_shared_texts,
    write_csv,
    write_ods,
    write_xls,
    write_xlsx,
)

HEADER = ("code", "count", "share", "price", "day", "at", "is ok")
EASY = settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
pytestmark = pytest.mark.slow


class Row(pandera.DataFrameModel):
    """A value of every kind that a cell holds."""

    code: pd.StringDtype = pandera.Field(nullable=True)
    count_: pd.Int64Dtype = pandera.Field(nullable=True, alias="count")
    share: pd.Float64Dtype = pandera.Field(nullable=True)
    price: pd.ArrowDtype = pandera.Field(nullable=True, dtype_kwargs={"pyarrow_dtype": pa.decimal128(12, 2)})
    day: Date = pandera.Field(nullable=True)
    at: pd.ArrowDtype = pandera.Field(nullable=True, dtype_kwargs={"pyarrow_dtype": pa.timestamp("us")})
    is_ok: pd.BooleanDtype = pandera.Field(nullable=True)


LETTERS = "aB0çã€ª,.;'/\\<&>-%()+@"
CODES = st.one_of(
    st.text(LETTERS, min_size=1, max_size=8),
    st.from_regex(r"[0-9]{1,7}", fullmatch=True),
    st.sampled_from(["NA", "null", "-", "1.234,56"]),
)
DAYS = st.dates(dt.date(1900, 3, 1), dt.date(2199, 12, 31))
MOMENTS = st.builds(dt.datetime.combine, DAYS, st.times().map(lambda time: time.replace(microsecond=0)))
CENTS = st.integers(-(10**11), 10**11)


def rows(codes: st.SearchStrategy[str] = CODES) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    share = st.integers(-(10**14), 10**14).map(lambda each: each / 10**6)  # 15 digits: openpyxl writes no more
    cells = (
        codes,
        st.integers(-(10**14), 10**14),
        share,
        CENTS.map(lambda cents: Decimal(cents) / 100),
        DAYS,
        MOMENTS,
        st.booleans(),
    )
    row = st.tuples(*(st.none() | cell for cell in cells)).filter(
        lambda values: any(value is not None for value in values)
    )
    return st.lists(row, min_size=1, max_size=12)


def read_back(
    write: Callable[..., Path], ending: str, cells: list[tuple[Any, ...]], **options: Any
) -> list[tuple[Any, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / f"a.{ending}", [HEADER, *cells])
        pieces = read(path, contract(Row, columns={}, **options))
        assert refused(pieces) == []
        return rows_of(pieces)


def shared(path: Path, table: list[tuple[Any, ...]]) -> Path:
    return with_shared_texts(write_xlsx(path, table))


def stored(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A decimal as a workbook stores it: a double."""
    return tuple(float(cell) if isinstance(cell, Decimal) else cell for cell in row)


@pytest.mark.parametrize(
    ("write", "ending"), [(write_xlsx, "xlsx"), (shared, "xlsx"), (write_xls, "xls"), (write_ods, "ods")]
)
@EASY
@given(table=rows())
def test_a_workbook_of_typed_cells_is_read_back_equal(
    write: Callable[..., Path], ending: str, table: list[tuple[Any, ...]]
) -> None:
    assert read_back(write, ending, [stored(row) for row in table]) == table


def printed_br(row: tuple[Any, ...], *, is_grouped: bool) -> tuple[Any, ...]:
    code, count, share, price, day, at, is_ok = row
    group = "," if is_grouped else ""
    words = {True: "Sim", False: "Não", None: None}
    numbers = (
        None if each is None else f"{each:{group}{form}}".translate(str.maketrans(",.", ".,"))
        for each, form in ((count, "d"), (share, ".6f"), (price, ".2f"))
    )  # fmt: skip
    return (
        code,
        *numbers,
        day and f"{day:%d/%m/}{day.year:04}",
        at and f"{at:%d/%m/}{at.year:04}{at:%H:%M:%S}"[:10] + f"{at: %H:%M:%S}",
        words[is_ok],
    )


def printed_us(row: tuple[Any, ...], *, is_grouped: bool) -> tuple[Any, ...]:
    code, count, share, price, day, at, is_ok = row
    group = "," if is_grouped else ""
    words = {True: "Yes", False: "no", None: None}
    numbers = (
        None if each is None else f"{each:{group}{form}}"
        for each, form in ((count, "d"), (share, ".6f"), (price, ".2f"))
    )
    return (
        code,
        *numbers,
        day and f"{day:%m/%d/}{day.year:04}",
        at and f"{at:%m/%d/}{at.year:04}{at: %H:%M:%S}",
        words[is_ok],
    )


def printed_iso(row: tuple[Any, ...], *, is_grouped: bool) -> tuple[Any, ...]:
    code, count, share, price, day, at, is_ok = row
    return (
        code,
        count,
        share if share is None else f"{share:.6f}",
        price,
        day and day.isoformat(),
        at and at.isoformat(),
        is_ok if is_ok is None else str(is_ok),
    )


PRINTERS = {"pt-BR": printed_br, "en-US": printed_us, "iso": printed_iso}


@pytest.mark.parametrize("grouped", ["grouped", "plain"])
@pytest.mark.parametrize("locale", list(PRINTERS))
@pytest.mark.parametrize(
    ("write", "ending"), [(write_csv, "csv"), (write_xlsx, "xlsx"), (write_xls, "xls"), (write_ods, "ods")]
)
@EASY
@given(table=rows())
def test_a_table_of_printed_texts_is_read_back_equal(
    write: Callable[..., Path], ending: str, locale: str, grouped: str, table: list[tuple[Any, ...]]
) -> None:
    cells = [PRINTERS[locale](row, is_grouped=grouped == "grouped") for row in table]
    if ending == "csv":
        delimiter = {"pt-BR": ";", "en-US": ",", "iso": ","}[locale]
        assert (
            read_back(
                lambda path, lines: write_csv(path, lines, "cp1252", delimiter),
                ending,
                cells,
                locale=locale,
                encoding="cp1252",
            )
            == table
        )
    else:
        assert (
            read_back(
                write,
                ending,
                [tuple(None if cell is None else str(cell) for cell in row) for row in cells],
                locale=locale,
            )
            == table
        )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16"])
@EASY
@given(
    codes=st.lists(
        st.text(st.characters(codec="latin-1", exclude_categories=["Cc", "Cs", "Zs"]), min_size=1),
        min_size=1,
        max_size=20,
    )
)
def test_any_text_survives_its_encoding(encoding: str, codes: list[str]) -> None:
    def encodable(code: str) -> bool:
        try:
            return code.encode(encoding) is not None
        except UnicodeEncodeError:
            return False

    kept = [code for code in codes if encodable(code)]
    table = [(code, *[None] * 6) for code in kept]
    if table:
        declared = "utf-8" if encoding == "utf-8-sig" else encoding
        assert [
            row[0]
            for row in read_back(lambda path, lines: write_csv(path, lines, encoding), "csv", table, encoding=declared)
        ] == kept
