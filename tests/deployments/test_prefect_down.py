"""A Prefect server that dies in the middle of a run: the batch is committed all the same, once."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import pytest

from local import prefect_server
from local.ports import Ports
from local.stack import Stack
from tests.deployments.stage import ESTEIRA, ROOT, Stage
from tests.main_job.world import World
from tests.own_prefect import prefect
from tests.warehouse.slow import await_copy, slow_copy

DAY = "2015-02-02"
INGEST = ("ingest", "airlines", "--as-of", f"{DAY}T06:00Z", "--json")
END_SECONDS = 60.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(300), pytest.mark.fault(59)]


def ledger(stack: Stack) -> list[tuple[Any, ...]]:
    return World(stack).query(f"SELECT state, curated FROM esteira_ledger.airlines WHERE batch_id LIKE '{DAY}-%'")


def await_batch(stack: Stack) -> list[tuple[Any, ...]]:
    deadline = time.monotonic() + END_SECONDS
    while not (found := ledger(stack)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def test_a_batch_is_committed_once_although_the_prefect_server_dies_while_it_is_loaded(
    stack: Stack, tmp_path: Path
) -> None:
    port = Ports.free().resolved().prefect
    stage = Stage(
        stack.client_environment()
        | {
            "PREFECT_API_URL": prefect_server.api_url(port),
            "ESTEIRA_STEP_RETRIES": "0",
            "PREFECT_CLIENT_MAX_RETRIES": "1",
        }
    )
    with prefect(tmp_path / "server", port) as server:
        stage.run((sys.executable, "-c", "from cli.stack import prepare_prefect; prepare_prefect()"))
        with slow_copy(stack, 0.5):
            command = (*ESTEIRA, *INGEST)
            with subprocess.Popen(command, cwd=ROOT, env=stage.environment, stdout=DEVNULL, stderr=DEVNULL) as run:
                await_copy(stack)
                server.kill()
                server.wait()
                committed = await_batch(stack)
                run.kill()  # Prefect's client would wait for its server for minutes, before the run's end
    assert committed == [("committed", 16)]
    with prefect(tmp_path / "server", port):
        again = stage.tried(*ESTEIRA, *INGEST)
    assert again.returncode == 0, again.stderr
    assert '"batches": []' in again.stdout
    assert ledger(stack) == [("committed", 16)]
