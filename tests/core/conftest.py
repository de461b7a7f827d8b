"""The lake of these tests: moto's S3 in this process, with nobody's credentials."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from esteira.lake import Lake
from esteira.portal import Portal, PortalConfig

REGION = "us-east-1"


@pytest.fixture(autouse=True)
def nobodys_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
    for name, value in (values | {"AWS_EC2_METADATA_DISABLED": "true"}).items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def aws(nobodys_credentials: None) -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """One for all tests: each session reads the megabytes of S3's service model again."""
    return boto3.Session("testing", "testing", region_name=REGION)


@pytest.fixture
def s3(aws: None, session: boto3.Session) -> Any:
    client = session.client("s3")
    client.create_bucket(Bucket="lake")
    return client


@pytest.fixture
def new_lake(s3: Any, session: boto3.Session) -> Callable[[], Lake]:
    """The bucket as another process sees it."""
    return lambda: Lake("lake", session)


@pytest.fixture
def lake(new_lake: Callable[[], Lake]) -> Lake:
    return new_lake()


@pytest.fixture
def open_portal() -> Callable[[str], Portal]:
    def opened(base_url: str) -> Portal:
        quick = {"backoff_base_seconds": 0.01, "backoff_cap_seconds": 0.02, "max_attempts": 2}
        return Portal(PortalConfig(name="small", base_url=base_url, allow_private_hosts=True, **quick), {})

    return opened
