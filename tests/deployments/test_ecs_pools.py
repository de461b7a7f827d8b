"""Deployments on pools of the kinds `ecs` and `ecs:push`: the real worker submits to the emulated ECS, whose tasks run as processes.

Prefect Cloud serves a push pool by itself; here the worker stands in for it, on the template that both have. IAM is not what is tried: the worker has the root key.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.aws.bootstrap import REGION
from local.stack import Stack
from local.state import StateFolder
from tests.deployments.stage import Stage
from tests.main_job.world import World

CLUSTER, FAMILY, LOG_GROUP = "esteira-test", "esteira-test", "/esteira/test"
EVENTS_QUEUE = "prefect-ecs-tasks-events"
"""Where prefect-aws' worker looks for ECS' events; on AWS a rule of EventBridge puts them there."""
GIVE_CREDENTIALS = (
    "from prefect_aws import AwsCredentials; AwsCredentials().save('push', overwrite=True); print('null')"
)
KINDS = ("ecs", "ecs:push")
WINDOWS = {"start": "2012-10-01T00:00:00Z", "end": "2012-10-29T00:00:00Z", "chunk": "7d"}
"""Before the portal's first row."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]


@dataclass(frozen=True)
class Cloud:
    """The emulated AWS as its owner sees it."""

    stack: Stack

    @property
    def keys(self) -> dict[str, str]:
        _, key = StateFolder(Path(self.stack.state)).root_key()
        found = {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret_access_key}
        return found | {"AWS_ENDPOINT_URL": self.stack.env["AWS_ENDPOINT_URL"], "AWS_DEFAULT_REGION": REGION}

    def client(self, service: str) -> Any:
        key = self.keys
        session = boto3.Session(key["AWS_ACCESS_KEY_ID"], key["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
        return closing(session.client(service, endpoint_url=key["AWS_ENDPOINT_URL"]))

    def tasks(self) -> list[dict[str, Any]]:
        with self.client("ecs") as ecs:
            # A set: a task that ends between the two lists is in both.
            arns = {
                arn
                for status in ("RUNNING", "STOPPED")
                for arn in ecs.list_tasks(cluster=CLUSTER, desiredStatus=status)["taskArns"]
            }
            found: list[dict[str, Any]] = (
                ecs.describe_tasks(cluster=CLUSTER, tasks=sorted(arns), include=["TAGS"])["tasks"] if arns else []
            )
        return found

    def tasks_of(self, run: str) -> list[dict[str, Any]]:
        mine = {"key": "prefect.io/flow-run-id", "value": run}
        return [each for each in self.tasks() if mine in each["tags"]]


@pytest.fixture(scope="module")
def cloud(stack: Stack) -> Cloud:
    """A cluster, and what delivery registers for an image: where it logs, and the stage's environment."""
    cloud = Cloud(stack)
    logs = {"awslogs-group": LOG_GROUP, "awslogs-region": REGION, "awslogs-stream-prefix": "flows"}
    container = {
        "name": "esteira",
        "image": "esteira@sha256:0123",
        "memory": 1024,
        "environment": [{"name": name, "value": value} for name, value in stack.env.items()],
        "logConfiguration": {"logDriver": "awslogs", "options": logs | {"awslogs-create-group": "true"}},
    }
    with cloud.client("ecs") as ecs, cloud.client("sqs") as sqs:
        ecs.create_cluster(clusterName=CLUSTER)
        ecs.register_task_definition(
            family=FAMILY, networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="512", memory="1024",
            containerDefinitions=[container],
        )  # fmt: skip
        sqs.create_queue(QueueName=EVENTS_QUEUE)
    return cloud


@pytest.fixture(scope="module")
def pool(request: pytest.FixtureRequest, stage: Stage, cloud: Cloud, tmp_path_factory: Any) -> Iterator[Stage]:
    """Everything deployed to a pool of the kind, a worker that polls it, and a rule that tells it of tasks that ended."""
    kind = request.param
    stage.python(GIVE_CREDENTIALS)
    name, log = f"pool-{kind.replace(':', '-')}", tmp_path_factory.mktemp("pool") / "worker.log"
    deployed = stage.varied(
        ESTEIRA_WORK_POOL=name, ESTEIRA_WORK_POOL_TYPE=kind, ESTEIRA_ECS_CLUSTER=CLUSTER, ESTEIRA_SUBNETS="subnet-1",
        ESTEIRA_TASK_DEFINITION_ARN=f"arn:aws:ecs:{REGION}:000000000000:task-definition/{FAMILY}:1", ESTEIRA_HOME=str(Path.cwd()),
        ESTEIRA_AWS_CREDENTIALS_BLOCK="push", ESTEIRA_UPKEEP_ROLE_ARN="arn:aws:iam::000000000000:role/upkeep",
    )  # fmt: skip
    deployed.esteira("deploy")
    stop = threading.Event()
    rule = threading.Thread(target=_tell_of_ended_tasks, args=(cloud, stop))
    rule.start()
    with stage.working(log, pool=name, kind="ecs", **cloud.keys):
        yield deployed
    stop.set()
    rule.join()
    stage.esteira("deploy")
    print(log.read_text()[-6000:])


@pytest.mark.parametrize("pool", KINDS, indirect=True)
def test_a_run_is_a_task_of_the_pinned_definition_and_ends_completed(pool: Stage, cloud: Cloud) -> None:
    run = pool.ask("ingest/ingest", dataset="airlines", as_of="2014-01-02T06:00:00Z")
    assert pool.end_of(run)["type"] == "COMPLETED"
    task = _ended(cloud, run)
    assert task["taskDefinitionArn"].endswith(f"{FAMILY}:1")
    assert [container["exitCode"] for container in task["containers"]] == [0]


@pytest.mark.parametrize("pool", ["ecs:push"], indirect=True)
def test_a_second_deploy_to_a_push_pool_changes_nothing(pool: Stage) -> None:
    assert pool.esteira("deploy").splitlines()[-1].startswith("Nothing changed: ")


@pytest.mark.parametrize("pool", KINDS, indirect=True)
def test_a_run_that_the_contract_or_the_ledger_stops_ends_failed_and_its_task_well(pool: Stage, cloud: Cloud) -> None:
    run = pool.ask("undo/undo", dataset="airlines", batch="2001-01-01-0123abcd")
    state = pool.end_of(run)
    assert state["type"] == "FAILED"
    assert "Next step:" in state["message"]
    assert [container["exitCode"] for container in _ended(cloud, run)["containers"]] == [0]


@pytest.mark.parametrize("pool", KINDS, indirect=True)
def test_a_container_that_is_killed_ends_its_run_crashed(pool: Stage, cloud: Cloud) -> None:
    run = pool.ask("ingest/ingest", dataset="airports", as_of="2014-01-03T06:00:00Z")
    _kill(run)
    state = pool.end_of(run)
    assert state["type"] == "CRASHED"
    assert "non-zero exit code" in state["message"]
    assert [container["exitCode"] for container in _ended(cloud, run)["containers"]] == [137]


@pytest.mark.fault(55)
@pytest.mark.parametrize("pool", ["ecs"], indirect=True)
def test_a_task_that_ecs_stops_has_its_run_planned_again_and_completed_by_another(pool: Stage, cloud: Cloud) -> None:
    pool.esteira("ingest", "planes", "--as-of", "2014-01-02T06:00Z")  # its lock is there
    with World(cloud.stack).locked("planes"), cloud.client("ecs") as ecs:  # it cannot end before it is stopped
        run = pool.ask("ingest/ingest", dataset="planes", as_of="2014-01-03T06:00:00Z")
        _await(lambda: _ask(pool, f"flow_runs/{run}")["state_type"] == "RUNNING")
        ecs.stop_task(cluster=CLUSTER, task=cloud.tasks_of(run)[0]["taskArn"], reason="Spot")
    assert pool.end_of(run)["type"] == "COMPLETED"
    assert len(cloud.tasks_of(run)) == 2


@pytest.mark.fault(54)
@pytest.mark.parametrize("pool", ["ecs"], indirect=True)
def test_a_backfill_whose_task_is_killed_goes_on_when_it_is_asked_for_again_and_each_window_is_loaded_once(
    pool: Stage, cloud: Cloud
) -> None:
    pool.esteira("ingest", "airports", "--as-of", "2012-09-30T06:00Z")
    first = pool.ask("backfill/backfill", dataset="weather", **WINDOWS)
    _await(lambda: len(_children(pool, first)) == 2)  # as many as are under way at once
    _kill(first)
    assert pool.end_of(first)["type"] == "CRASHED"
    second = pool.ask("backfill/backfill", dataset="weather", **WINDOWS)
    state = pool.end_of(second)
    assert state["type"] == "COMPLETED", state
    loaded = World(cloud.stack).query(
        "SELECT COUNT(*), COUNT(DISTINCT batch_id) FROM esteira_ledger.weather "
        f"WHERE state = 'committed' AND window_start >= '{WINDOWS['start']}' AND window_end <= '{WINDOWS['end']}'"
    )
    assert loaded == [(4, 4)]
    tasks = [len(cloud.tasks_of(run)) for run in (*_children(pool, first), *_children(pool, second))]
    assert set(tasks) == {1}
    assert len(tasks) >= 4


@pytest.mark.parametrize("pool", KINDS, indirect=True)
def test_what_a_task_prints_is_in_its_own_stream_of_cloudwatch(pool: Stage, cloud: Cloud) -> None:
    run = pool.ask("ingest/ingest", dataset="airlines", as_of="2014-01-05T06:00:00Z")
    assert pool.end_of(run)["type"] == "COMPLETED"
    stream = f"flows/esteira/{_ended(cloud, run)['taskArn'].rpartition('/')[2]}"
    with cloud.client("logs") as logs:
        events = logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=stream, startFromHead=True)["events"]
    assert events, "the stage's runs print warnings only, but a process that begins says where its login comes from"


def _kill(run: str) -> None:
    """What runs in the container, as when the machine takes it away: nothing of it can say good-bye."""
    wanted, deadline = f"PREFECT__FLOW_RUN_ID={run}".encode(), time.monotonic() + 60
    while time.monotonic() < deadline:
        found = [path for path in Path("/proc").glob("[0-9]*/environ") if wanted in _bytes(path)]
        for path in found:
            os.kill(int(path.parent.name), signal.SIGKILL)
        if found:
            return
        time.sleep(0.2)
    raise AssertionError(f"Nothing runs for {run}.")


def _bytes(path: Path) -> bytes:
    """Empty for a process that is gone, or another user's."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _ended(cloud: Cloud, run: str) -> dict[str, Any]:
    """The run's task, once its process has ended: the state of a run is told before."""
    deadline = time.monotonic() + 60
    while True:
        (task,) = cloud.tasks_of(run)
        if task["lastStatus"] == "STOPPED" or time.monotonic() > deadline:
            return task
        time.sleep(0.5)


def _children(pool: Stage, run: str) -> list[str]:
    wanted = {"flow_runs": {"parent_flow_run_id": {"any_": [run]}}}
    return [each["id"] for each in _ask(pool, "flow_runs/filter", wanted)]


def _ask(pool: Stage, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(
        f"{pool.environment['PREFECT_API_URL']}/{path}", data, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


def _await(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _tell_of_ended_tasks(cloud: Cloud, stop: threading.Event) -> None:
    told: set[str] = set()
    with cloud.client("sqs") as sqs:
        url = sqs.get_queue_url(QueueName=EVENTS_QUEUE)["QueueUrl"]
        while not stop.wait(1):
            for task in cloud.tasks():
                if task["lastStatus"] == "STOPPED" and task["taskArn"] not in told:
                    told.add(task["taskArn"])
                    event = {"id": task["taskArn"][-36:], "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
                    detail = json.loads(json.dumps(task, default=str))
                    body = event | {"detail-type": "ECS Task State Change", "source": "aws.ecs", "detail": detail}
                    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
