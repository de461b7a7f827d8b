"""The registry's scan stops a delivery, against moto's registry, whose findings are canned."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from infra.delivery.scan import FINDINGS, check
from infra.deploy.problem import DeployError

MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"})


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def digest(registry: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    values = {
        "AWS_ENDPOINT_URL": registry,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    client = boto3.Session().client("ecr", endpoint_url=registry)
    client.create_repository(repositoryName="esteira-dev")
    put = client.put_image(repositoryName="esteira-dev", imageManifest=MANIFEST, imageTag="abc")
    yield str(put["image"]["imageId"]["imageDigest"])
    client.delete_repository(repositoryName="esteira-dev", force=True)


def test_severe_findings_stop_the_delivery_and_are_named(digest: str) -> None:
    boto3.Session().client("ecr").start_image_scan(repositoryName="esteira-dev", imageId={"imageDigest": digest})
    told: list[str] = []
    assert check("1.dkr.ecr.us-east-1.amazonaws.com/esteira-dev:abc", digest, told.append) == FINDINGS
    assert told[0] == "HIGH 1"
    assert told[1].startswith("  HIGH CVE-")


def test_an_image_that_is_not_there_is_said(digest: str) -> None:
    with pytest.raises(DeployError, match="esteira-dev@sha256:00"):
        check("esteira-dev", "sha256:00", print)
