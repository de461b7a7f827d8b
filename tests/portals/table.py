"""One table with what tables have in the wild, the database file that each server serves, and what SQL says is in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa

from esteira.contract import Timestamp

ROWS = 230
BIG = 2**53
CODES = ("007", "NA", "", "null", "1.234,56", " 7 ", "São Tomé")
NOTES = (None, "", "-", "two\nlines")
BEGIN = datetime(2024, 2, 1, 1, 30, tzinfo=UTC)
_COLUMNS = ("id", "code", "big", "amount", "note", "created")


class Reading(pandera.DataFrameModel):
    """Readings, one per id."""

    id: pd.Int64Dtype = pandera.Field(description="Key")
    code: pd.StringDtype = pandera.Field(description="Code, leading zeros and blanks included")
    big: pd.Int64Dtype = pandera.Field(description="A number beyond 2^53")
    amount: Annotated[pd.ArrowDtype, pa.decimal128(15, 2)] = pandera.Field(description="Amount")
    note: pd.StringDtype = pandera.Field(nullable=True, description="Note, which may be empty or null")
    created: Timestamp = pandera.Field(description="When it was taken; many share a moment")


def build(path: Path, moment: str) -> None:
    """Write the database file.

    Args:
        path: Where.
        moment: strftime format of a UTC moment, as the server that will read it wants to find it.
    """
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE readings (id INTEGER PRIMARY KEY, code VARCHAR(20) NOT NULL, big BIGINT NOT NULL, "
            "amount DECIMAL(15, 2) NOT NULL, note VARCHAR(20), created DATETIME NOT NULL)"
        )
    fill(path, moment)


def fill(path: Path, moment: str) -> None:
    """Write the rows into an empty table."""
    rows = ((number, *_values(number, moment)) for number in range(1, ROWS + 1))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?)", rows)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """What SQL finds in a server's own database, as values of the contract's types."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        found = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM readings ORDER BY id").fetchall()
    return [_typed(dict(zip(_COLUMNS, row, strict=True))) for row in found]


def _values(number: int, moment: str) -> Iterator[Any]:
    """Seven rows share a moment, so that no page of any server ends where a moment does."""
    yield CODES[number % len(CODES)]
    yield BIG + 2 * number + 1
    yield f"{number * 1_234_567.89:.2f}"
    yield NOTES[number % len(NOTES)]
    yield (BEGIN + timedelta(minutes=13 * (number // 7))).strftime(moment)


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    moment = datetime.fromisoformat(row["created"])
    amount = Decimal(repr(row["amount"])).quantize(Decimal("0.01"))
    return row | {"amount": amount, "created": moment if moment.tzinfo else moment.replace(tzinfo=UTC)}
