"""One local Redshift and one ministack per session, on free ports, in temporary folders."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redshift_connector
import trustme

from local.redshift import Gateway

USER, PASSWORD, DATABASE, BUCKET = "service", "s3cret'", "dev", "lake"
ACCOUNT = "000000000000"
LOADER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/loader"
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/other"
STACK_START_SECONDS = 20.0


@dataclass(frozen=True)
class Certificates:
    ca: Path
    server: Path


@pytest.fixture(scope="session")
def environment() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory, environment: pytest.MonkeyPatch) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    environment.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    return Certificates(folder / "ca.pem", folder / "server.pem")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, environment: pytest.MonkeyPatch) -> Iterator[str]:
    """A ministack whose S3 really refuses; yields its endpoint. The environment then holds the gateway's own user."""
    folder = tmp_path_factory.mktemp("ministack")
    port = _free_port()
    settings = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "EDGE_PORT": str(port),
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
    }
    paths = {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
    }
    with (folder / "log").open("wb") as log:
        program = [str(Path(sys.executable).parent / "ministack")]
        process = subprocess.Popen(program, env=os.environ | settings | paths, stdout=log, stderr=log, cwd=folder)
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _await(endpoint, process, folder / "log")
        _prepare(endpoint, environment)
        yield endpoint
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@dataclass
class Hook:
    """What the gateway does when PostgreSQL has answered COMMIT; tests replace `action`."""

    action: Callable[[int], None] | None = None

    def __call__(self, pid: int) -> None:
        if self.action is not None:
            self.action(pid)


@pytest.fixture(scope="session")
def hook() -> Hook:
    return Hook()


@pytest.fixture(scope="session")
def gateway(
    certificates: Certificates, stack: str, hook: Hook, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    server = Gateway(
        tmp_path_factory.mktemp("redshift"),
        certificate=certificates.server,
        key=certificates.server,
        users={USER: PASSWORD},
        database=DATABASE,
        s3_endpoint=stack,
        on_commit_done=hook,
        ephemeral=True,
    )
    server.start()
    yield server
    server.stop()


Connect = Callable[..., Any]


@pytest.fixture
def connect(gateway: Gateway) -> Iterator[Connect]:
    opened = []

    def open_one(**changes: Any) -> Any:
        where = {"host": "localhost", "port": gateway.port, "database": DATABASE, "user": USER, "password": PASSWORD}
        opened.append(redshift_connector.connect(**(where | {"sslmode": "verify-full"} | changes)))
        return opened[-1]

    yield open_one
    for connection in opened:
        try:
            connection.close()
        except (redshift_connector.Error, OSError):
            continue


@pytest.fixture
def connection(connect: Connect) -> Any:
    return connect()


@pytest.fixture
def cursor(connection: Any) -> Any:
    return connection.cursor()


@pytest.fixture
def schema(connect: Connect) -> Iterator[str]:
    """An empty schema, dropped afterwards."""
    admin = connect()
    admin.autocommit = True
    name = f"s{time.monotonic_ns()}"
    admin.cursor().execute(f"CREATE SCHEMA {name}")
    yield name
    # A test may have left a transaction open on purpose: its connections are closed after this fixture.
    admin.cursor().execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid() AND state <> 'active'"
    )
    admin.cursor().execute(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture(scope="session")
def s3(stack: str) -> Any:
    return boto3.client(
        "s3", endpoint_url=stack, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


@pytest.fixture
def put_manifest(s3: Any, tmp_path: Path) -> Callable[..., str]:
    """Store tables as Parquet parts and a manifest; return the manifest's URL."""

    def put(*tables: pa.Table, prefix: str = "curated", row_group_size: int | None = None, **changes: Any) -> str:
        run = f"{prefix}/{time.monotonic_ns()}"
        entries = []
        for number, table in enumerate(tables):
            path = tmp_path / "part.parquet"
            pq.write_table(table, path, row_group_size=row_group_size)
            s3.put_object(Bucket=BUCKET, Key=f"{run}/part-{number}.parquet", Body=path.read_bytes())
            entry = {
                "url": f"s3://{BUCKET}/{run}/part-{number}.parquet",
                "mandatory": True,
                "meta": {"content_length": path.stat().st_size},
            }
            entries.append(entry | changes)
        return put_entries(s3, f"{run}/manifest.json", entries)

    return put


def put_entries(s3: Any, key: str, entries: list[dict[str, Any]]) -> str:
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps({"entries": entries}).encode())
    return f"s3://{BUCKET}/{key}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STACK_START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"ministack did not start: {log.read_text()[-2000:]}")


def _prepare(endpoint: str, environment: pytest.MonkeyPatch) -> None:
    root = {
        "endpoint_url": endpoint,
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    boto3.client("s3", **root).create_bucket(Bucket=BUCKET)
    iam = boto3.client("iam", **root)
    iam.create_user(UserName="redshift")
    keys = iam.create_access_key(UserName="redshift")["AccessKey"]
    user_arn = f"arn:aws:iam::{ACCOUNT}:user/redshift"
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    iam.put_user_policy(
        UserName="redshift", PolicyName="assume", PolicyDocument=_policy(allow | {"Resource": LOADER_ROLE})
    )
    iam.create_role(RoleName="loader", AssumeRolePolicyDocument=_policy(allow | {"Principal": {"AWS": user_arn}}))
    iam.create_role(
        RoleName="other",
        AssumeRolePolicyDocument=_policy(allow | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/nobody"}}),
    )
    read = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": [f"arn:aws:s3:::{BUCKET}/{prefix}/*" for prefix in ("curated", "unload")],
    }
    listing = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"}
    write = {
        "Effect": "Allow",
        "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
        "Resource": f"arn:aws:s3:::{BUCKET}/unload/*",
    }
    iam.put_role_policy(RoleName="loader", PolicyName="read", PolicyDocument=_policy(read, listing, write))
    environment.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
    environment.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
    environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
    environment.delenv("AWS_SESSION_TOKEN", raising=False)


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
