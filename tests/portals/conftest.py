"""The servers of this group, started once, and a lake on a socket that other processes reach too."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from esteira.lake import Lake
from tests.portals.known import MOMENTS
from tests.portals.running import Server, servers

REGION = "us-east-1"


@pytest.fixture(scope="session")
def running_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    with servers(tmp_path_factory.mktemp("portals"), MOMENTS) as made:
        yield made


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request would bury what a test says
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def nobodys_credentials(monkeypatch: pytest.MonkeyPatch, s3_url: str) -> None:
    values = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
    for name, value in (values | {"AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": s3_url}).items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    return boto3.Session("testing", "testing", region_name=REGION)


@pytest.fixture
def new_lake(nobodys_credentials: None, session: boto3.Session) -> Callable[[], Lake]:
    """The same bucket as often as it is asked for, as another process would see it."""
    bucket = f"lake-{uuid4()}"
    session.client("s3").create_bucket(Bucket=bucket)
    return lambda: Lake(bucket, session)


@pytest.fixture
def lake(new_lake: Callable[[], Any]) -> Any:
    return new_lake()
