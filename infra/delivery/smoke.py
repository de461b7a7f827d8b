"""A smoke run: the deployed image, once, as a task of the stage's cluster, with everything that a run has. Without Prefect."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.delivery.outputs import outputs
from infra.deploy.problem import LATER, DeployError, translated
from infra.deploy.stage import Stage

DEFAULT_COMMAND = ("esteira", "break-glass", "airlines")
"""One dataset from its portal to its table, under the task's own role; what is loaded already is not loaded again."""
CONTAINER = "esteira"
FAILED = 65
_WAIT_SECONDS, _PAUSE_SECONDS = 900.0, 2.0
_NEEDED = ("Cluster", "TaskDefinitionArn", "TaskSubnets", "TaskSecurityGroup", "RunLogGroup")
_SHOWN_LINES = 60


def run(stage: Stage, command: Sequence[str], tell: Callable[[str], None]) -> int:
    """Run a command in the stage's image; returns 0, or 65 when it failed.

    Raises:
        DeployError: Nothing is deployed, or the task does not start or end.
    """
    session = boto3.Session(region_name=stage.region)
    with translated(f"the smoke run in {stage.name}"):
        known = outputs(session, stage, _NEEDED)
        client: Any = session.client("ecs")
        task = _ended(client, known["Cluster"], _start(client, known, command))
        _tell_log(session.client("logs"), known["RunLogGroup"], task, tell)
    (container,) = task["containers"]
    tell(f"{' '.join(command)}: exit code {container.get('exitCode')}, {task.get('stoppedReason', 'no reason')}")
    return 0 if container.get("exitCode") == 0 else FAILED


def _start(client: Any, known: dict[str, str], command: Sequence[str]) -> str:
    answer = client.run_task(
        cluster=known["Cluster"],
        taskDefinition=known["TaskDefinitionArn"],
        launchType="FARGATE",
        overrides={"containerOverrides": [{"name": CONTAINER, "command": list(command)}]},
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": known["TaskSubnets"].split(","),
                "securityGroups": [known["TaskSecurityGroup"]],
                "assignPublicIp": "ENABLED" if known.get("TaskPublicIp") == "true" else "DISABLED",
            }
        },
    )
    if not answer["tasks"]:
        raise DeployError(
            f"ECS starts no task: {answer['failures']}", "Mend what the reason names, then run it again.", LATER
        )
    return str(answer["tasks"][0]["taskArn"])


def _ended(client: Any, cluster: str, arn: str) -> dict[str, Any]:
    until = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < until:
        (task,) = client.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
        if task["lastStatus"] == "STOPPED":
            return dict(task)
        time.sleep(_PAUSE_SECONDS)
    client.stop_task(cluster=cluster, task=arn, reason="the smoke run took too long")
    raise DeployError(
        f"The task did not end in {_WAIT_SECONDS / 60:.0f} minutes: {arn}", "Read its log; it was stopped.", LATER
    )


def _tell_log(client: Any, group: str, task: dict[str, Any], tell: Callable[[str], None]) -> None:
    stream = f"run/{CONTAINER}/{task['taskArn'].rpartition('/')[2]}"
    try:
        events = client.get_log_events(
            logGroupName=group, logStreamName=stream, startFromHead=False, limit=_SHOWN_LINES
        )["events"]
    except ClientError as exc:
        if exc.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        tell(f"(no log in {group} {stream})")
        return
    for event in events:
        tell(event["message"].rstrip())
