"""`prefect.yaml` deploys headlessly to a process pool, and a real worker runs what it deployed."""

from __future__ import annotations

import json
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
PREPARE = "from cli.stack import prepare_prefect; prepare_prefect()"
STATE = """
import sys, json
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    run = client.read_flow_run(sys.argv[1])
    print(json.dumps({"type": run.state.type.value, "message": run.state.message}))
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
        "ESTEIRA_HOME": str(ROOT),
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "TMPDIR": str(folder),
    }


@pytest.fixture(scope="module")
def deployed(environment: dict[str, str]) -> dict[str, str]:
    _run([sys.executable, "-c", PREPARE], environment)
    _run([*PREFECT, "work-pool", "create", POOL, "--type", "process"], environment)
    _run([*PREFECT, "deploy", "--all"], environment)
    return environment


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_deployment_stands_on_the_server(deployed: dict[str, str]) -> None:
    found = json.loads(_run([*PREFECT, "deployment", "ls", "-o", "json"], deployed))
    assert {each["name"] for each in found} == {"daily", "inbox", "ingest", "maintenance", "replay"}


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


def _last_batches(environment: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The ledger's rows of each dataset, as `esteira status` tells them."""
    command = [sys.executable, "-c", "from cli.main import main; main()", "status", "--json"]
    return {each["dataset"]: each["last"] for each in json.loads(_run(command, environment))}


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
