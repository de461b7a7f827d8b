"""Prefect hears of each delivery: `esteira deploy`, with what the stage's stacks, settings and secrets say, against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.deploy.problem import DeployError
from infra.deploy.stage import read_stage
from local import prefect_server
from local.ports import free_ports
from tests.conventions.sources import ROOT
from tests.delivery.conftest import DIGEST, Aws, Clone, Deploy
from tests.delivery.test_buildspecs import deployer, phases
from tests.own_prefect import prefect

_LOGIN = "from prefect_aws import AwsCredentials; AwsCredentials().save('esteira-dev')"
"""What a person makes once, in the UI: what the push pool logs in to AWS with."""
NEXT_DIGEST = f"sha256:{'ef' * 32}"
_POOL = """
import json
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    pool = client.read_work_pool("esteira")
    names = sorted(each.name for each in client.read_deployments(limit=100))
    versions = sorted({each.version for each in client.read_deployments(limit=100)})
print(json.dumps({"type": pool.type, "template": pool.base_job_template, "deployments": names, "versions": versions}))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server that only this file deploys to."""
    (port,) = free_ports(1)
    with prefect(tmp_path_factory.mktemp("prefect"), port):
        asked(prefect_server.api_url(port), _LOGIN)
        yield prefect_server.api_url(port)


def asked(address: str, code: str) -> str:
    with tempfile.TemporaryDirectory() as home:
        environment = {"PREFECT_API_URL": address, "PREFECT_HOME": home, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


def put_secret(aws: Aws, name: str, **fields: str) -> None:
    client = aws.client("secretsmanager")
    try:
        client.create_secret(Name=name, SecretString=json.dumps(fields))
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=name, SecretString=json.dumps(fields))


def deployed(deploy: Deploy, digest: str) -> None:
    done = deploy("apply", "--stage", "dev", "--yes", "--set", f"ImageDigest={digest}")
    assert done.returncode == 0, done.stderr


def on_server(address: str) -> dict[str, Any]:
    return dict(json.loads(asked(address, _POOL)))


def task_definition(aws: Aws) -> str:
    return str(
        aws.client("ecs").describe_task_definition(taskDefinition="esteira-dev")["taskDefinition"]["taskDefinitionArn"]
    )


def test_a_delivery_makes_the_pool_start_the_new_image_and_says_nothing_twice(
    aws: Aws, deploy: Deploy, address: str
) -> None:
    put_secret(aws, "esteira/dev/prefect", api_url=address)
    for digest in (DIGEST, NEXT_DIGEST):
        deployed(deploy, digest)
        done = aws.run("infra.delivery", "prefect", "--stage", "dev")
        assert done.returncode == 0, done.stdout + done.stderr
        found = on_server(address)
        assert task_definition(aws) in json.dumps(found["template"])
    assert found["type"] == "ecs:push"
    assert {"daily", "ingest", "backfill", "inbox", "maintenance"} <= set(found["deployments"])
    again = aws.run("infra.delivery", "prefect", "--stage", "dev")
    assert "Nothing changed" in again.stdout, again.stdout + again.stderr


def test_the_step_of_the_pipeline_becomes_the_deployer_and_names_the_commit(
    aws: Aws, clone: Clone, deploy: Deploy, address: str
) -> None:
    put_secret(aws, "esteira/dev/prefect", api_url=address)
    deployed(deploy, DIGEST)
    said = phases("buildspec-deploy.yml")
    step = {**aws.environment, "STAGE": "dev", "STEP": "prefect", "ROLE": deployer(aws, "teller")}
    step |= {"IMAGE_DIGEST": DIGEST, "CODEBUILD_RESOLVED_SOURCE_VERSION": "0a1b2c3d"}
    step.pop("PATH")
    done = clone.run([*said["install"], *said["build"]], step)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert on_server(address)["versions"] == ["0a1b2c3d"]


def test_without_the_secret_the_step_fails_and_says_what_to_write(aws: Aws, deploy: Deploy) -> None:
    deployed(deploy, DIGEST)
    put_secret(aws, "esteira/dev/prefect", api_key="pnu_0")
    done = aws.run("infra.delivery", "prefect", "--stage", "dev")
    assert done.returncode == 78, done.stdout
    assert "esteira/dev/prefect is missing, or has no api_url" in done.stderr
    assert "api_url and, for Prefect Cloud, api_key" in done.stderr
    assert "pnu_0" not in done.stdout + done.stderr


def stage_file(folder: Path, text: str) -> Path:
    (folder / "stages").mkdir(parents=True)
    (folder / "stages/small.yaml").write_text(f"region: us-east-1\ntemplates: []\n{text}")
    return folder


def test_a_stage_that_names_no_pool_tells_no_prefect(tmp_path: Path) -> None:
    assert not read_stage("small", {}, stage_file(tmp_path, "")).prefect


@pytest.mark.parametrize("name", ["PREFECT_API_KEY", "ESTEIRA_SLACK_URL", "AWS_PROFILE"])
def test_a_stage_file_is_no_place_for_secrets(tmp_path: Path, name: str) -> None:
    with pytest.raises(DeployError, match=f"{name} does not belong under `prefect`"):
        read_stage("small", {}, stage_file(tmp_path, f"prefect: {{{name}: x}}\n"))


def test_both_stages_name_a_push_pool() -> None:
    for stage in ("dev", "prod"):
        assert read_stage(stage, {}).prefect["ESTEIRA_WORK_POOL_TYPE"] == "ecs:push"
