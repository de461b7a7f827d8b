"""How many rows a contestant really wrote, and whether each has an id of its own: looked up where they are, not asked of it."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.place import Place
from local.postgres import SUPERUSER, find_binaries


class WrongRows(Exception):
    """A contestant wrote other rows than it was given; its time means nothing."""


def parquet_rows(place: Place, bucket: str, prefix: str) -> int:
    """Distinct ids in all Parquet files below a prefix.

    Raises:
        WrongRows: An id is there twice.
    """
    s3 = place.s3()
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", ()) if entry["Key"].endswith(".parquet")]
    bodies = (s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys)
    ids = pa.chunked_array([chunk for body in bodies for chunk in _ids(body)], pa.int64())
    return _checked(len(ids), pc.count_distinct(ids).as_py(), f"s3://{bucket}/{prefix}")


def table_rows(place: Place, table: str) -> int:
    """Distinct ids in a table of the PostgreSQL behind the warehouse.

    Raises:
        WrongRows: An id is there twice.
    """
    psql: list[str | Path] = [
        find_binaries() / "psql",
        "-X",
        "-q",
        "-A",
        "-t",
        "-F",
        ",",
        "-h",
        place.postgres_folder,
        "-U",
        SUPERUSER,
    ]
    query = f"SELECT count(*), count(DISTINCT id) FROM {table}"
    answer = subprocess.run([*psql, "-d", "dev", "-c", query], check=True, capture_output=True, text=True)
    rows, distinct = map(int, answer.stdout.split(","))
    return _checked(rows, distinct, table)


def _ids(body: bytes) -> list[pa.Array]:
    chunks: list[pa.Array] = pq.read_table(io.BytesIO(body), columns=["id"]).column("id").cast(pa.int64()).chunks
    return chunks


def _checked(rows: int, distinct: int, where: str) -> int:
    if rows != distinct:
        raise WrongRows(f"{where} holds {rows} rows with {distinct} ids")
    return rows
