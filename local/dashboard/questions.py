"""What the page asks the warehouse: the views of the `bi` schemas by their business names, with an analyst's login and rights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import redshift_connector

STAR, ALONE = "bi_flights_star", "bi"
_VIEWS = (
    "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    f"WHERE n.nspname IN ('{STAR}', '{ALONE}') AND c.relname IN ('flights', 'airlines') GROUP BY 1 HAVING COUNT(*) = 2"
)
_FRESHNESS = """
SELECT title_en AS "table", owner, data_as_of AS "data as of", loaded_at AS "loaded at", age_hours AS "age, hours",
       expected_hours AS "expected, hours", is_fresh AS "fresh", row_count AS "rows"
FROM bi.freshness WHERE kind = 'dataset' ORDER BY 1"""
_QUALITY = """
SELECT title_en AS "table", extracted, quarantined, completeness, missing_batches AS "missing batches"
FROM bi.freshness WHERE kind = 'dataset' ORDER BY 1"""
_TOTALS = """
SELECT COUNT(*) AS flights, COUNT("departure delay") AS flown, AVG(CAST("departure delay" AS FLOAT)) AS delay,
       AVG(CASE WHEN "departure delay" <= 15 THEN 1.0 WHEN "departure delay" > 15 THEN 0.0 END) AS on_time
FROM {schema}.flights"""
_BY_DAY = """
SELECT CAST("scheduled at" AS DATE) AS day, COUNT(*) AS flights,
       SUM(CASE WHEN "departure delay" IS NULL THEN 1 ELSE 0 END) AS cancelled
FROM {schema}.flights GROUP BY 1 ORDER BY 1"""
_BY_AIRLINE = """
SELECT a."airline name" AS airline, AVG(CAST(f."departure delay" AS FLOAT)) AS delay, COUNT(*) AS flights
FROM {schema}.flights f JOIN {schema}.airlines a ON a.carrier = f.carrier
WHERE f."departure delay" IS NOT NULL GROUP BY 1 ORDER BY 2 DESC"""
_BY_HOUR = """
SELECT "scheduled hour" AS hour, origin, AVG(CAST("departure delay" AS FLOAT)) AS delay, COUNT(*) AS flights
FROM {schema}.flights WHERE "departure delay" IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"""


@dataclass(frozen=True)
class Look:
    """How the tables are now.

    Attributes:
        schema: Where flights are read: the star, whose tables are of one moment, or else the tables one by one.
        batches: Each table's and group's last batch: the charts are as they were while these are.
        freshness, quality: One row for each table.
    """

    schema: str
    batches: tuple[tuple[str, ...], ...]
    freshness: pd.DataFrame
    quality: pd.DataFrame


@dataclass(frozen=True)
class Charts:
    """What the charts draw, a row for each point.

    Attributes:
        totals: One row: flights, flown, delay (minutes), on_time (0 to 1).
        by_day: day, flights, cancelled.
        by_airline: airline, delay (minutes), flights.
        by_hour: hour, origin, delay (minutes), flights.
    """

    totals: pd.DataFrame
    by_day: pd.DataFrame
    by_airline: pd.DataFrame
    by_hour: pd.DataFrame


@contextmanager
def connected() -> Iterator[Any]:
    """A connection of the analyst, by the driver that any tool would use."""
    env = os.environ
    connection = redshift_connector.connect(
        host=env["ESTEIRA_WAREHOUSE_HOST"], port=int(env["ESTEIRA_WAREHOUSE_PORT"]), database=env["ESTEIRA_WAREHOUSE_DATABASE"],
        user=env["DASHBOARD_USER"], password=Path(env["DASHBOARD_PASSWORD_FILE"]).read_text(), ssl=True, sslmode="verify-full",
        application_name="dashboard",
    )  # fmt: skip
    try:
        yield connection
    finally:
        connection.close()


def look() -> Look | None:
    """How the tables are now; None while nothing at all is published."""
    with connected() as connection:
        schemas = {str(name) for (name,) in _rows(connection, _VIEWS)[1]}
        if not schemas:
            return None
        batches = _rows(connection, "SELECT kind, dataset, last_batch, loaded_at FROM bi.freshness ORDER BY 1, 2")[1]
        return Look(
            STAR if STAR in schemas else ALONE, tuple(tuple(map(str, row)) for row in batches), _frame(connection, _FRESHNESS),
            _frame(connection, _QUALITY),
        )  # fmt: skip


def charts(schema: str) -> Charts:
    """What the charts draw, from one connection."""
    with connected() as connection:
        asked = (_TOTALS, _BY_DAY, _BY_AIRLINE, _BY_HOUR)
        return Charts(*(_frame(connection, query.format(schema=schema)) for query in asked))


def _frame(connection: Any, query: str) -> pd.DataFrame:
    columns, rows = _rows(connection, query)
    return pd.DataFrame(rows, columns=columns)


def _rows(connection: Any, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [column[0] for column in cursor.description], [tuple(row) for row in cursor.fetchall()]
