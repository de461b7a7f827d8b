"""The whole demo at DEBUG, and then everything that it left is searched for the stack's tokens, passwords and keys."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.postgres import SUPERUSER, find_binaries
from local.stack import Stack
from tests.prefect_state import kept_by_prefect, secrets_of
from tests.stack.demo import Demo

ZSTD, PARQUET, ZIP = b"\x28\xb5\x2f\xfd", b"PAR1", b"PK\x03\x04"
pytestmark = [pytest.mark.long, pytest.mark.fault(64), pytest.mark.timeout(480)]


@pytest.fixture(scope="module")
def left(demo: Demo, after_demo: Stack) -> dict[str, bytes]:
    """What a demo at DEBUG says and leaves, by where it is."""
    state = Path(after_demo.state)
    found = dict(demo.found)
    found["Prefect's database"] = kept_by_prefect(state).encode()
    found["the warehouse"] = _dumped(state / "warehouse" / "cluster", "dev")
    return found


@pytest.fixture(scope="module")
def secrets(demo: Demo) -> set[bytes]:
    return {one.encode() for one in secrets_of(demo.state)}


def test_there_is_something_to_look_at_of_each_kind(left: dict[str, bytes], secrets: set[bytes]) -> None:
    assert len(secrets) >= 5
    assert b'"level": "DEBUG"' in left["what it printed"]
    assert b"AuthError" in left["what it printed"]
    assert b"COPY public.log" in left["Prefect's database"]
    assert b"esteira_ledger" in left["the warehouse"]
    names = " ".join(left)
    for kind in (
        ".parquet",
        ".json.zst",
        ".html",
        "report/latest",
        "log/portal.log",
        "slack/",
        "cloudwatch_logs.json",
        "cloudwatch.json",
    ):
        assert kind in names, f"{kind}: nothing of the kind was left: this test would look at nothing"
    curated = next(name for name in left if "curated/flights" in name and name.endswith(".parquet"))
    assert b"UA" in b"".join(_plain(left[curated]))


def test_no_token_password_or_key_is_anywhere_but_where_it_is_kept(left: dict[str, bytes], secrets: set[bytes]) -> None:
    found = [
        f"{name}: {secret[:4].decode()}…"
        for name, body in left.items()
        for text in _plain(body)
        for secret in secrets
        if secret in text
    ]
    assert found == []


def _plain(body: bytes) -> Iterator[bytes]:
    """A file as it is, and what it holds where it is compressed."""
    yield body
    if body.startswith(ZSTD):
        yield pa.input_stream(pa.py_buffer(body), compression="zstd").read()
    elif body.startswith(PARQUET):
        table = pq.read_table(io.BytesIO(body))
        for column in table.columns:
            yield "\n".join(map(str, column.unique().to_pylist())).encode()
    elif body.startswith(ZIP):
        with zipfile.ZipFile(io.BytesIO(body)) as package:
            yield from map(package.read, package.namelist())


def _dumped(cluster: Path, database: str) -> bytes:
    command = [find_binaries() / "pg_dump", "--host", cluster, "--username", SUPERUSER, database]
    return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout
