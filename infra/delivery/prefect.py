"""Telling the stage's Prefect what was delivered: `esteira deploy`, with the stacks' outputs, settings and secrets as its variables.

Until then the work pool starts the task definition before, which is what a smoke run that fails wants.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.delivery.outputs import outputs
from infra.deploy.problem import DeployError, translated
from infra.deploy.stage import Stage

COMMAND = (sys.executable, "-c", "from cli.main import main; main()", "deploy")
_VARIABLES = {
    "ESTEIRA_ECS_CLUSTER": "Cluster", "ESTEIRA_TASK_DEFINITION_ARN": "TaskDefinitionArn", "ESTEIRA_SUBNETS": "TaskSubnets",
    "ESTEIRA_SECURITY_GROUPS": "TaskSecurityGroup", "ESTEIRA_PUBLIC_IP": "TaskPublicIp", "ESTEIRA_UPKEEP_ROLE_ARN": "UpkeepRoleArn",
}  # fmt: skip
"""What `esteira deploy` calls the outputs (docs/operations/deploy.md)."""
_NEEDED = ("Cluster", "TaskDefinitionArn", "TaskSubnets", "UpkeepRoleArn")
_COMMIT = "CODEBUILD_RESOLVED_SOURCE_VERSION"
"""A build's folder is no git checkout, so the deployments' version is what CodeBuild says."""


def deploy(stage: Stage, tell: Callable[[str], None]) -> int:
    """Run `esteira deploy` for a stage; returns its exit code. A stage that names no work pool is left alone.

    Raises:
        DeployError: Not everything is deployed, or the secret with Prefect's address and key is missing.
    """
    if not stage.prefect:
        tell(f"{stage.file} says nothing under `prefect`, so no Prefect is told.")
        return 0
    session = boto3.Session(region_name=stage.region)
    with translated(f"what Prefect is told of {stage.name}"):
        variables = _variables(session, stage)
    return subprocess.run(COMMAND, env={**_clean(os.environ), **variables}, check=False).returncode  # noqa: S603


def _variables(session: boto3.Session, stage: Stage) -> dict[str, str]:
    known = outputs(session, stage, _NEEDED)
    found = {name: known[output] for name, output in _VARIABLES.items() if known.get(output)}
    commit = os.environ.get(_COMMIT)
    slack = _secret(session, stage, "slack")
    return {
        **_settings(session, stage),
        **found,
        **({"ESTEIRA_REVISION": commit} if commit else {}),
        **({"ESTEIRA_SLACK_URL": slack["url"]} if slack and "url" in slack else {}),
        **stage.prefect,
        **_address(stage, _secret(session, stage, "prefect")),
    }


def _settings(session: boto3.Session, stage: Stage) -> dict[str, str]:
    """What the stage's runs are set to, as `infra/runtime.yaml` keeps it for break-glass."""
    pages = (
        session.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=f"/esteira/{stage.name}/settings")
    )
    return {each["Name"].rpartition("/")[2]: each["Value"] for page in pages for each in page["Parameters"]}


def _address(stage: Stage, secret: Mapping[str, str] | None) -> dict[str, str]:
    if secret is None or not secret.get("api_url"):
        raise DeployError(
            f"The secret esteira/{stage.name}/prefect is missing, or has no api_url.",
            "Put a JSON object with api_url and, for Prefect Cloud, api_key into it (docs/operations/aws.md, step 5), then run this again; "
            f"or take `prefect` out of {stage.file} where no Prefect is to be told.",
        )
    key = secret.get("api_key")
    return {"PREFECT_API_URL": secret["api_url"], **({"PREFECT_API_KEY": key} if key else {})}


def _secret(session: boto3.Session, stage: Stage, name: str) -> dict[str, str] | None:
    client: Any = session.client("secretsmanager")
    try:
        text = client.get_secret_value(SecretId=f"esteira/{stage.name}/{name}")["SecretString"]
    except ClientError as exc:
        if exc.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    try:
        return {str(field): str(value) for field, value in json.loads(text).items()}
    except (ValueError, AttributeError):
        raise DeployError(
            f"The secret esteira/{stage.name}/{name} is no JSON object.",
            "Write it anew as one (docs/operations/aws.md, step 5).",
        ) from None


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what a person's shell says of another stage."""
    return {name: value for name, value in environment.items() if not name.startswith(("ESTEIRA_", "PREFECT_"))}
