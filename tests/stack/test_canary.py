"""The whole demo at DEBUG, and then everything that it left is searched for the stack's tokens, passwords and keys."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.ports import Ports
from local.postgres import SUPERUSER, find_binaries
from local.stack import StackConfig, running
from tests.prefect_state import kept_by_prefect, secrets_of

ROOT = Path(__file__).parents[2]
THEIRS = (
    "secrets/",
    "aws/credentials",
    "portal/metadata.json",
    "aws-data/state/secretsmanager.json",
    "aws-data/state/iam.json",
    "aws-data/state/sts.json",
)
"""Where secrets are kept: the folder that makes them, the client's profile, the portal itself, Secrets Manager, and AWS' own list of keys."""
ZSTD, PARQUET, ZIP = b"\x28\xb5\x2f\xfd", b"PAR1", b"PK\x03\x04"
CLUSTERS = ("warehouse/cluster/", "prefect/database/cluster/")
"""Of PostgreSQL, which compresses: dumped instead."""
pytestmark = [pytest.mark.long, pytest.mark.fault(64), pytest.mark.timeout(480)]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a demo at DEBUG says and leaves, by where it is."""
    folder = tmp_path_factory.mktemp("canary")
    folder.chmod(0o755)  # the database's own user must reach its folder
    ports = Ports.free().resolved()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ESTEIRA_"))}
    environment |= {f"ESTEIRA_PORT_{name.upper()}": str(port) for name, port in vars(ports).items()}
    environment |= {
        "ESTEIRA_STATE": str(folder), "PREFECT_LOGGING_LEVEL": "DEBUG", "PREFECT_LOGGING_ROOT_LEVEL": "DEBUG", "ESTEIRA_LOG_FORMAT": "json",
    }  # fmt: skip
    command = [
        sys.executable,
        "-c",
        "from cli.main import main; main()",
        "--debug",
        "demo",
        "--report",
        folder / "report.json",
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:].decode()
    state = folder / "demo"
    found = {
        "what it printed": done.stdout,
        "what it logged": done.stderr,
        "report": (folder / "report.json").read_bytes(),
    }
    for path in sorted(path for path in state.rglob("*") if path.is_file()):
        name = path.relative_to(state).as_posix()
        if not name.startswith((*THEIRS, *CLUSTERS)):
            found[name] = path.read_bytes()
    with running(StackConfig(state=state, ports=ports, with_portal=False)):
        found["Prefect's database"] = kept_by_prefect(state).encode()
        found["the warehouse"] = _dumped(state / "warehouse" / "cluster", "dev")
    return found


@pytest.fixture(scope="module")
def secrets(left: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> set[bytes]:
    folder = next(tmp_path_factory.getbasetemp().glob("canary*"))
    return {one.encode() for one in secrets_of(folder / "demo")}


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
