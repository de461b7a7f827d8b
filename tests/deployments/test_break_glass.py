"""A dataset without Prefect: the state machine starts the container, which asks nobody but AWS, the portal and the warehouse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.delivery import smoke
from infra.deploy.stage import Stage
from local.aws.bootstrap import ACCOUNT, REGION
from local.stack import Stack
from tests.deployments.events import Events
from tests.main_job.dropped import contract, sales
from tests.main_job.world import World

MACHINE, CLUSTER = "esteira-local-break-glass", "esteira-glass"
MOMENT = "2014-01-02T06:00:00Z"
NOT_SAID = {
    "ESTEIRA_COPY_ROLE_ARN",
    "ESTEIRA_WAREHOUSE_HOST",
    "ESTEIRA_WAREHOUSE_SECRET",
    "ESTEIRA_PORTAL_URL",
    "ESTEIRA_PORTAL_SECRET",
}
"""What the container's environment leaves out, so that Systems Manager must say it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return contract(tmp_path_factory.mktemp("contracts"), "glass_files")


@pytest.fixture(scope="module")
def glass(events: Events, stack: Stack, folder: Path) -> Events:
    """A cluster and a definition whose containers know no Prefect, and what they find in Systems Manager."""
    (folder / "airlines.py").write_text((Path(__file__).parents[2] / "datasets/airlines.py").read_text())
    said = {name: value for name, value in stack.env.items() if not name.startswith("PREFECT") and name not in NOT_SAID}
    said |= {"PREFECT_API_URL": "http://127.0.0.1:9/api", "ESTEIRA_DATASETS": str(folder), "ESTEIRA_LOG_FORMAT": "json"}
    container = {
        "name": "esteira",
        "image": "esteira@sha256:0123",
        "memory": 1024,
        "environment": [{"name": name, "value": value} for name, value in said.items()],
    }
    with events.client("ecs") as ecs, events.client("ssm") as ssm:
        cluster = ecs.create_cluster(clusterName=CLUSTER)["cluster"]["clusterArn"]
        definition = ecs.register_task_definition(family=CLUSTER, containerDefinitions=[container])["taskDefinition"][
            "taskDefinitionArn"
        ]
        for name in NOT_SAID - {"ESTEIRA_PORTAL_URL", "ESTEIRA_PORTAL_SECRET"}:
            ssm.put_parameter(Name=f"/esteira/local/settings/{name}", Value=stack.env[name], Type="String")
        portal = {
            "base_url": stack.env["ESTEIRA_PORTAL_URL"],
            "secret_name": stack.env["ESTEIRA_PORTAL_SECRET"],
            "auth": [{"type": "bearer"}],
            "allow_private_hosts": True,
        }
        ssm.put_parameter(Name="/esteira/local/portals/flights-portal", Value=json.dumps(portal), Type="String")
    events.deploy("break-glass.yaml", **events.code(), NoticesTopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:esteira-local-notices", ClusterArn=cluster,
                  TaskDefinitionArn=definition, TaskRoleArn=f"arn:aws:iam::{ACCOUNT}:role/t", ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/e", TaskSubnets="subnet-1,subnet-2",
                  TaskSecurityGroup="sg-1")  # fmt: skip
    return events


def test_rows_come_into_the_table_without_prefect_and_a_run_under_prefect_changes_nothing(glass: Events):
    ended = glass.ended(glass.start(MACHINE, dataset="airlines", as_of=MOMENT))
    assert (ended["status"], ended["path"]) == ("SUCCEEDED", ["Of a moment", "At a moment", "Run", "Tell done", "Done"])
    world = World(glass.stack)
    rows = world.query("SELECT COUNT(*) FROM dw.airlines")
    assert rows[0][0] > 10
    with glass.client("s3") as s3:  # the alarm on its age ends, although Prefect is away
        note = json.loads(s3.get_object(Bucket=glass.bucket, Key="report/latest/airlines.json")["Body"].read())
    assert note["watermark"] == "2014-01-03T00:00:00+00:00"
    logs = "".join(path.read_text() for path in Path(glass.stack.state).rglob("tasks/*.log"))
    said = [json.loads(line) for line in logs.splitlines() if line.startswith('{"time"')]
    assert any(line["logger"] == "esteira.break_glass" and "committed" in line["message"] for line in said), logs
    under_prefect = world.esteira("ingest", "airlines", "--as-of", MOMENT, "--json")
    assert (under_prefect.code, json.loads(under_prefect.out)[0]["batches"]) == (0, [])
    again = glass.ended(glass.start(MACHINE, dataset="airlines", as_of=MOMENT))
    assert again["status"] == "SUCCEEDED"
    ledger = world.query("SELECT batch_id, run FROM esteira_ledger.airlines")
    assert [run.partition(" ")[0] for _, run in ledger] == ["break-glass"]
    assert world.query("SELECT COUNT(*) FROM dw.airlines") == rows
    assert [outcome for outcome, _ in glass.heard()] == ["glass-done", "glass-done"]


def test_the_smoke_run_of_a_delivery_loads_a_dataset_in_the_stages_cluster(
    glass: Events, monkeypatch: pytest.MonkeyPatch
):
    for name, value in {**glass.root_environment(), "AWS_ENDPOINT_URL": glass.stack.env["AWS_ENDPOINT_URL"]}.items():
        monkeypatch.setenv(name, value)
    known = {"Cluster": CLUSTER, "TaskDefinitionArn": CLUSTER, "TaskSubnets": "subnet-1", "TaskSecurityGroup": "sg-1"}
    stage, told = Stage("dev", REGION, (), known | {"RunLogGroup": "/esteira/dev/runs"}), list[str]()
    assert smoke.run(stage, ("esteira", "break-glass", "airlines", "--as-of", "2014-01-04T06:00:00Z"), told.append) == 0
    assert told[-1].startswith("esteira break-glass airlines --as-of 2014-01-04T06:00:00Z: exit code 0")
    ledger = World(glass.stack).query("SELECT state FROM esteira_ledger.airlines WHERE batch_id LIKE '2014-01-04%'")
    assert [state for (state,) in ledger] == ["committed"]


@pytest.mark.long
def test_at_the_same_time_as_a_run_under_prefect_the_batch_is_loaded_once(glass: Events):
    world, moment = World(glass.stack), "2014-01-03T06:00:00Z"
    execution = glass.start(MACHINE, dataset="airlines", as_of=moment)
    under_prefect = world.esteira("ingest", "airlines", "--as-of", moment)
    assert (under_prefect.code, glass.ended(execution)["status"]) == (0, "SUCCEEDED"), under_prefect
    found = world.query("SELECT batch_id, COUNT(*) FROM esteira_ledger.airlines WHERE state = 'committed' GROUP BY 1")
    assert {count for _, count in found} == {1}
    assert [batch for batch, _ in found if batch.startswith("2014-01-03")]
    assert world.query("SELECT COUNT(*) - COUNT(DISTINCT carrier) FROM dw.airlines") == [(0,)]
    glass.heard()


@pytest.mark.long
def test_files_that_wait_are_loaded_and_one_that_cannot_be_taken_stays(glass: Events):
    glass.drop("glass_files", "sales.csv", sales({"a": "1,00"}))
    bad = glass.drop("glass_files", "other columns.csv", b"x;y\r\n1;2\r\n")
    ended = glass.ended(glass.start(MACHINE, dataset="glass_files"), seconds=120)
    assert (ended["error"], ended["failures"], ended["path"][-2:]) == ("RunFailed", 3, ["Tell failed", "Failed"])
    assert World(glass.stack).query("SELECT code, amount FROM dw.glass_files") == [("a", 1.0)]
    assert glass.waiting("glass_files") == [bad]
    told = [text for outcome, text in glass.heard() if outcome == "glass-failed"]
    assert [text.startswith("glass_files was not loaded. States.TaskFailed.") for text in told] == [True]
    glass.complete_runs("inbox/glass_files/")
