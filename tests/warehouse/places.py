"""Where the tests of this folder run: on the laptop stack, or on a real Redshift and a real bucket that `ESTEIRA_REDSHIFT_LIVE` names.

A live run makes a database of its own with a random name, since Esteira's own schemas have fixed ones, and drops it at the end; the names
of its datasets carry the same random suffix, so that their prefixes in the bucket are its own too, and are emptied at the end.
docs/reference/live.md says what it proves.
"""

import json
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import boto3
import pytest

from esteira.errors import EsteiraError
from esteira.settings import read_settings
from esteira.vault import read_secret
from esteira.warehouse import Credentials, Warehouse, WarehouseConfig
from local.stack import Stack
from local.state import StateFolder

VARIABLE = "ESTEIRA_REDSHIFT_LIVE"
"""For tests only: a JSON object that names a real Redshift and a real bucket for them (docs/reference/live.md); by default they take the laptop stack."""
SCHEMA = "loads"
KEYS = ("host", "port", "database", "secret", "workgroup", "cluster", "copy_role_arn", "bucket")
CONNECT_SECONDS = 10
PREFIXES = ("raw/", "curated/", "quarantine/", "report/attempts/")


@dataclass(frozen=True)
class Place:
    """A warehouse, a bucket, and what a client of theirs has in its environment.

    Attributes:
        config, credentials: The warehouse.
        bucket: The lake.
        env: Variables of the client; empty when it is this process's own.
        suffix: What the names of datasets end with.
        admin: The warehouse as seen from another database, from which this one can be altered.
    """

    config: WarehouseConfig
    credentials: Credentials | None
    bucket: str
    admin: Warehouse
    env: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


def is_live() -> bool:
    return bool(os.environ.get(VARIABLE))


def on_stack(stack: Stack) -> Place:
    env = stack.env
    credentials = Credentials("esteira", StateFolder(Path(stack.state)).secret("warehouse-password").read_text())
    config = WarehouseConfig(
        env["ESTEIRA_WAREHOUSE_HOST"], int(env["ESTEIRA_WAREHOUSE_PORT"]), env["ESTEIRA_WAREHOUSE_DATABASE"],
        env["ESTEIRA_WAREHOUSE_SECRET"], env["ESTEIRA_COPY_ROLE_ARN"], SCHEMA, 60,
    )  # fmt: skip
    return Place(config, credentials, env["ESTEIRA_LAKE_BUCKET"], Warehouse(config, credentials), env)


@contextmanager
def on_live() -> Iterator[Place]:
    """A database of this run's own. Whatever is wrong with the place ends the whole run with one message, not each test with its own."""
    suffix = f"_{secrets.token_hex(3)}"
    with _or_end_the_run():
        asked = _asked()
        socket.create_connection((asked["host"], asked["port"]), timeout=CONNECT_SECONDS).close()
        admin = _warehouse(asked)
        name = f"esteira_test{suffix}"
        _run(admin, f"CREATE DATABASE {name}")
        boto3.client("s3").list_objects_v2(Bucket=asked["bucket"], Prefix="raw/", MaxKeys=1)
    try:
        config = replace(admin.config, database=name)
        yield Place(config, admin._credentials, asked["bucket"], admin, suffix=suffix)
    finally:
        _run(admin, f"DROP DATABASE {name}")
        _empty(asked["bucket"], suffix)


def _asked() -> dict[str, Any]:
    """`env` takes Esteira's own settings, anything else is JSON; no password stands in either."""
    text = os.environ[VARIABLE]
    if text == "env":
        settings = read_settings()
        found = {key: getattr(settings, f"warehouse_{key}") for key in KEYS[:6]}
        return found | {"copy_role_arn": settings.copy_role_arn, "bucket": settings.lake_bucket}
    try:
        given = json.loads(text)
        missing = {"host", "copy_role_arn", "bucket"} - set(given)
        unknown = set(given) - set(KEYS)
    except (ValueError, TypeError):
        _end_the_run(f"it is neither `env` nor a JSON object with {', '.join(KEYS)}")
    if missing or unknown:
        _end_the_run(f"missing {sorted(missing)}, unknown {sorted(unknown)}; it takes {', '.join(KEYS)}")
    return {"port": 5439, "database": "dev"} | given


def _warehouse(asked: Mapping[str, Any]) -> Warehouse:
    config = WarehouseConfig(
        asked["host"], int(asked["port"]), asked["database"], asked.get("secret"), asked["copy_role_arn"], SCHEMA, 300,
        workgroup=asked.get("workgroup"), cluster=asked.get("cluster"),
    )  # fmt: skip
    if config.is_iam:
        return Warehouse(config)
    fields = read_secret(str(config.secret))
    return Warehouse(config, Credentials(fields["username"], fields["password"]))


def _run(warehouse: Warehouse, statement: str) -> None:
    with warehouse.session("esteira tests") as session:
        session.run(statement)


def _empty(bucket: str, suffix: str) -> None:
    """What this run put there; in a lake with our bucket policy the seals stay."""
    s3 = boto3.client("s3")
    for prefix in PREFIXES:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}t"):
            for entry in page.get("Contents", ()):
                if suffix in entry["Key"].removeprefix(prefix).split("/")[0]:
                    with suppress(s3.exceptions.ClientError):
                        s3.delete_object(Bucket=bucket, Key=entry["Key"])


@contextmanager
def _or_end_the_run() -> Iterator[None]:
    """A session's fixture that fails would fail again for each test."""
    try:
        yield
    except EsteiraError as exc:
        _end_the_run(exc.paragraph())
    except Exception as exc:  # noqa: BLE001 - boto3, sockets, a secret without a field: all of it is the place's fault
        _end_the_run(f"{os.environ[VARIABLE]} does not answer: {type(exc).__name__}: {exc}")


def _end_the_run(why: str) -> NoReturn:
    pytest.exit(f"{VARIABLE}: {why}", returncode=pytest.ExitCode.USAGE_ERROR)
