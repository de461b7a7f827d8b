"""`esteira deploy` applies the repository to a real server, twice without a change, and a real worker runs what it deployed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.ports import Ports
from local.stack import Stack, StackConfig, running

ROOT = Path(__file__).resolve().parents[2]
PREFECT = [str(Path(sys.executable).parent / "prefect"), "--no-prompt"]
POOL = "laptop"
DATASETS = {"airlines", "airports", "flights", "planes", "weather"}
ESTEIRA = [sys.executable, "-c", "from cli.main import main; main()"]
STATE = """
import sys, json
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    run = client.read_flow_run(sys.argv[1])
    print(json.dumps({"type": run.state.type.value, "message": run.state.message}))
"""
BY_HAND = """
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    flow = client.create_flow_from_name("daily")
    client.create_deployment(flow, "by-hand", tags=["esteira"])
    body = {"name": "left-the-file", "flow_id": str(flow), "labels": {"esteira.project": "esteira"}}
    client.request("POST", "/deployments/", json=body)
    daily = client.read_deployment_by_name("daily/daily")
    client.update_deployment_schedule(daily.id, daily.schedules[0].id, active=False)
    client.pause_deployment(client.read_deployment_by_name("undo/undo").id)
"""
LOOK = """
import json
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    (schedule,) = client.read_deployment_by_name("daily/daily").schedules
    paused = client.read_deployment_by_name("undo/undo").paused
    by_hand = client.read_deployment_by_name("daily/by-hand")
    client.delete_deployment(by_hand.id)
    print(json.dumps({"cron": schedule.schedule.cron, "active": schedule.active, "paused": paused, "by_hand": bool(by_hand)}))
"""
FORM = """
import json
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    print(json.dumps(client.read_deployment_by_name("ingest/ingest").parameter_openapi_schema))
"""

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    state = tmp_path_factory.mktemp("deploy")
    with running(StackConfig(state=state, ports=Ports.free(), flights_limit=200)) as stack:
        yield _environment(stack, tmp_path_factory.mktemp("worker"))


def _environment(stack: Stack, folder: Path) -> dict[str, str]:
    """Of a worker with a temporary folder of its own: Prefect's has one name for all users, and belongs to the first of them."""
    return stack.client_environment() | {
        "ESTEIRA_WORK_POOL": POOL,
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "TMPDIR": str(folder),
    }


@pytest.fixture(scope="module")
def deployed(environment: dict[str, str]) -> dict[str, str]:
    _run([*ESTEIRA, "deploy"], environment)
    return environment


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_deployment_stands_on_the_server(deployed: dict[str, str]) -> None:
    found = json.loads(_run([*PREFECT, "deployment", "ls", "-o", "json"], deployed))
    assert {each["name"] for each in found} == {"daily", "inbox", "ingest", "maintenance", "rebuild", "replay", "undo"}


def test_a_second_deploy_changes_nothing_and_says_so(deployed: dict[str, str]) -> None:
    assert _run([*ESTEIRA, "deploy"], deployed).splitlines()[-1].startswith("Nothing changed: ")


def test_what_ops_paused_stays_paused_and_only_what_is_ours_is_removed(
    deployed: dict[str, str], tmp_path: Path
) -> None:
    _run([sys.executable, "-c", BY_HAND], deployed)
    changed = tmp_path / "prefect.yaml"
    text = (ROOT / "prefect.yaml").read_text().replace('cron: "0 5 * * *"', 'cron: "0 6 * * *"')
    changed.write_text(text.replace("entrypoint: ", f"entrypoint: {os.path.relpath(ROOT, tmp_path)}/"))
    foretold = _changes(_run([*ESTEIRA, "deploy", "--dry-run", "--json", "--file", str(changed)], deployed))
    assert foretold == _changes(_run([*ESTEIRA, "deploy", "--json", "--file", str(changed)], deployed))
    assert foretold["daily/left-the-file"] == "removed"
    assert foretold["undo/undo"] == "unchanged paused in the UI"
    assert "schedules" in foretold["daily/daily"]
    after = json.loads(_run([sys.executable, "-c", LOOK], deployed))
    assert after == {"cron": "0 6 * * *", "active": False, "paused": True, "by_hand": True}
    _run([*ESTEIRA, "deploy"], deployed)


def test_the_run_form_offers_the_datasets_and_the_server_refuses_any_other(deployed: dict[str, str]) -> None:
    form = json.loads(_run([sys.executable, "-c", FORM], deployed))
    assert set(form["properties"]["dataset"]["enum"]) == DATASETS
    assert form["properties"]["start"]["anyOf"][0]["format"] == "date-time"
    command = [*PREFECT, "deployment", "run", "ingest/ingest", "-p", 'dataset="flihgts"']
    refused = subprocess.run(command, cwd=ROOT, env=deployed, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode
    assert "is not one of" in refused.stdout + refused.stderr


def test_a_worker_runs_the_ingest_deployment_to_completion(deployed: dict[str, str]) -> None:
    _run_by_worker("ingest/ingest", {"dataset": "airlines", "as_of": "2014-01-02T06:00:00Z"}, deployed)


def test_a_worker_runs_the_daily_deployment_to_completion_and_the_ledger_has_its_batches(
    deployed: dict[str, str],
) -> None:
    before = _last_batches(deployed)
    _run_by_worker("daily/daily", {"as_of": "2013-01-04T06:00:00Z"}, deployed)
    new = {
        name: [each for each in found if each not in before[name]] for name, found in _last_batches(deployed).items()
    }
    assert new.keys() == DATASETS
    for name, batches in new.items():
        (batch,) = batches
        assert batch["run"] == f"{name} 2013-01-04"
        assert batch["extracted"] == batch["curated"] + batch["quarantined"] > 0


def test_a_worker_runs_the_maintenance_deployment_to_completion(deployed: dict[str, str]) -> None:
    _run_by_worker("maintenance/maintenance", {}, deployed)


def _changes(out: str) -> dict[str, str]:
    found = json.loads(out)["changes"]
    return {each["name"]: f"{each['verb']} {each['details']}".removesuffix(" no longer wanted") for each in found}


def _last_batches(environment: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The ledger's rows of each dataset, as `esteira status` tells them."""
    found = json.loads(_run([*ESTEIRA, "status", "--json"], environment))
    return {each["dataset"]: each["last"] for each in found}


def _run_by_worker(deployment: str, parameters: dict[str, str], environment: dict[str, str]) -> None:
    """Ask the server for a run; a worker that leaves after it must bring it to completion."""
    options = [part for name, value in parameters.items() for part in ("-p", f"{name}={json.dumps(value)}")]
    created = _run([*PREFECT, "deployment", "run", deployment, *options], environment)
    run_id = next(word for word in created.split() if word.count("-") == 4 and len(word) == 36)
    command = [*PREFECT, "worker", "start", "--pool", POOL, "--type", "process", "--run-once"]
    worker = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=150, check=False
    )
    state = _await_end(run_id, environment)
    assert state["type"] == "COMPLETED", (state, worker.stdout[-3000:], worker.stderr[-3000:])


def _await_end(run_id: str, environment: dict[str, str]) -> dict[str, str]:
    deadline = time.monotonic() + 90
    while True:
        state: dict[str, str] = json.loads(_run([sys.executable, "-c", STATE, run_id], environment))
        if state["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} or time.monotonic() > deadline:
            return state
        time.sleep(1)
