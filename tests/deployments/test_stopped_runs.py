"""Runs that are cancelled, stopped or left for dead while their COPY runs: nothing stays half-done, and the batch is loaded once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack
from tests.deployments.stage import ENDED, PREFECT, ROOT, Stage
from tests.main_job.world import World
from tests.warehouse.slow import at_work, await_copy, slow_copy

SECONDS_PER_ROW = 3.0
"""The demo's 16 airlines take three quarters of a minute; nobody waits for the end."""
STOP_SECONDS = 30.0
"""What ECS gives a task: docs/operations/deploy.md."""
WAIT_SECONDS = 90.0
FREE_SECONDS = 5.0
RESCHEDULE = {"PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": "reschedule"}
"""As the image has it."""
CANCELLING = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
"""What the UI's button asks for."""
SERVE = "from flows.ingest import ingest; ingest.serve(name='served')"
CRASHED = {"state": {"type": "CRASHED", "name": "Crashed", "message": "No heartbeat."}, "force": True}
RETRY = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": True}
AGAIN = """
import json, sys
from datetime import datetime
from blocks.runs import ingest_at, start
print(json.dumps(str(start(ingest_at("airlines", datetime.fromisoformat(sys.argv[1]), {})))))
"""

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Runs:
    """The stage's runs, and what the warehouse has of a day's airlines."""

    stage: Stage
    stack: Stack

    def ask(self, day: str, deployment: str = "ingest/ingest") -> str:
        return self.stage.ask(deployment, dataset="airlines", as_of=f"{day}T06:00:00Z")

    def call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(
            f"{self.stage.environment['PREFECT_API_URL']}/{path}", data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return json.load(answer)

    def state(self, run: str) -> str:
        return str(self.call(f"flow_runs/{run}")["state_type"])

    def await_state(self, run: str, *states: str) -> str:
        deadline = time.monotonic() + WAIT_SECONDS
        while (state := self.state(run)) not in states:
            assert time.monotonic() < deadline, f"The run is {state}, not one of {states}."
            time.sleep(0.2)
        return state

    @contextmanager
    def executing(self, run: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
        """The command of a container, for one run."""
        process = subprocess.Popen(
            (*PREFECT, "flow-run", "execute", run), cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=self.stage.environment | {"PREFECT__FLOW_RUN_ID": run} | variables,
        )  # fmt: skip
        with process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def serving(self, log: Path) -> Iterator[None]:
        """A process that serves the flow by itself, without a pool."""
        with log.open("w") as out:
            process = subprocess.Popen(
                (sys.executable, "-c", SERVE),
                cwd=ROOT,
                env=self.stage.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        with process:
            try:
                deadline = time.monotonic() + WAIT_SECONDS
                while "is being served" not in log.read_text():
                    assert (process.poll(), time.monotonic() < deadline) == (None, True), log.read_text()
                    time.sleep(0.2)
                yield
            finally:
                process.terminate()

    def ledger(self, day: str) -> list[tuple[Any, ...]]:
        """How often the day's batch is in; nothing before the first batch of all."""
        return World(self.stack).query(
            f"SELECT state, curated FROM esteira_ledger.airlines WHERE batch_id LIKE '{day}-%'"
        )

    def require_nothing_left(self, day: str) -> None:
        assert at_work(self.stack) == []
        assert self.ledger(day) == []
        began = time.monotonic()
        World(self.stack).wait_for_lock("airlines")
        assert time.monotonic() - began < FREE_SECONDS


@pytest.fixture(scope="module")
def runs(stage: Stage, stack: Stack) -> Runs:
    """After a first batch, so that there is a table and a ledger."""
    runs = Runs(stage, stack)
    with runs.executing(runs.ask("2015-01-01")) as process:
        out, _ = process.communicate(timeout=100)
    assert runs.ledger("2015-01-01") == [("committed", 16)], out
    return runs


def test_a_run_that_is_cancelled_in_the_ui_while_its_copy_runs_cancels_it_and_the_next_run_loads_the_batch_once(
    runs: Runs, tmp_path: Path
) -> None:
    day = "2015-01-02"
    with runs.stage.working(tmp_path / "worker.log"):
        with slow_copy(runs.stack, SECONDS_PER_ROW):
            run = runs.ask(day)
            await_copy(runs.stack)
            began = time.monotonic()
            runs.call(f"flow_runs/{run}/set_state", CANCELLING)
            assert runs.await_state(run, *ENDED) == "CANCELLED"
            assert time.monotonic() - began < STOP_SECONDS
            runs.require_nothing_left(day)
        assert runs.await_state(runs.ask(day), *ENDED) == "COMPLETED"
    assert runs.ledger(day) == [("committed", 16)]


def test_a_container_whose_run_is_cancelled_ends_it_cancelled_and_does_not_plan_it_again(runs: Runs) -> None:
    day = "2015-01-08"
    run = runs.ask(day)
    with slow_copy(runs.stack, SECONDS_PER_ROW):
        with runs.executing(run, **RESCHEDULE) as process:
            await_copy(runs.stack)
            runs.call(f"flow_runs/{run}/set_state", CANCELLING)
            out, _ = process.communicate(timeout=60)
        assert runs.state(run) == "CANCELLED", out
        runs.require_nothing_left(day)


def test_a_run_of_a_flow_that_somebody_serves_is_cancelled_with_its_copy_too(runs: Runs, tmp_path: Path) -> None:
    day = "2015-01-09"
    with runs.serving(tmp_path / "serve.log"):
        with slow_copy(runs.stack, SECONDS_PER_ROW):
            run = runs.ask(day, "ingest/served")
            await_copy(runs.stack)
            runs.call(f"flow_runs/{run}/set_state", CANCELLING)
            assert runs.await_state(run, *ENDED) == "CANCELLED"
            runs.require_nothing_left(day)
        assert runs.await_state(runs.ask(day, "ingest/served"), *ENDED) == "COMPLETED"
    assert runs.ledger(day) == [("committed", 16)]


@pytest.mark.fault(55)
def test_a_container_that_is_told_to_stop_while_its_copy_runs_ends_in_time_and_its_run_is_planned_again_and_loads_the_batch_once(
    runs: Runs,
) -> None:
    day = "2015-01-04"
    run = runs.ask(day)
    with slow_copy(runs.stack, SECONDS_PER_ROW):
        with runs.executing(run, **RESCHEDULE) as process:
            await_copy(runs.stack)
            began = time.monotonic()
            process.terminate()
            out, _ = process.communicate(timeout=60)
            assert time.monotonic() - began < STOP_SECONDS, out
        assert runs.state(run) == "SCHEDULED", out
        runs.require_nothing_left(day)
    with runs.executing(run) as process:
        process.communicate(timeout=100)
    assert runs.state(run) == "COMPLETED"
    assert runs.ledger(day) == [("committed", 16)]


@pytest.mark.fault(56)
def test_a_run_that_was_taken_for_dead_and_works_on_beside_the_one_that_takes_its_place_makes_one_load(
    runs: Runs,
) -> None:
    day = "2015-01-05"
    moment = f"{day}T06:00:00+00:00"
    first = runs.stage.python(AGAIN, moment)
    with slow_copy(runs.stack, 1.0), runs.executing(first) as zombie:
        await_copy(runs.stack)
        runs.call(f"flow_runs/{first}/set_state", CRASHED)
        second = runs.stage.python(AGAIN, moment)
        assert second != first
        with runs.executing(second) as other:
            told = [process.communicate(timeout=100)[0] for process in (zombie, other)]
    assert runs.state(second) == "COMPLETED", told
    assert runs.ledger(day) == [("committed", 16)]


@pytest.mark.fault(57)
@pytest.mark.parametrize(
    ("way", "day"), [("asked for again", "2015-01-06"), pytest.param("retried", "2015-01-07", marks=pytest.mark.long)]
)
def test_a_batch_that_kills_its_container_is_given_up_after_so_many_runs_or_retries_of_one_run(
    runs: Runs, way: str, day: str
) -> None:
    bounds = {"ESTEIRA_MAX_ATTEMPTS": "2", "ESTEIRA_STEP_RETRIES": "0"}
    moment, seen = f"{day}T06:00:00+00:00", set[str]()
    for _ in range(2):
        run = runs.stage.python(AGAIN, moment)
        seen.add(run)
        with runs.executing(run, ESTEIRA_FAILPOINT="curate.part:kill", **bounds) as process:
            out, _ = process.communicate(timeout=100)
        assert runs.ledger(day) == [], out
        assert runs.state(run) == "CRASHED"
        if way == "retried":
            runs.call(f"flow_runs/{run}/set_state", RETRY)
    run = runs.stage.python(AGAIN, moment)
    with runs.executing(run, **bounds) as process:
        out, _ = process.communicate(timeout=100)
    found = runs.call(f"flow_runs/{run}")["state"]
    assert (found["type"], "failed 2 times and is given up" in found["message"]) == ("FAILED", True), out
    assert runs.ledger(day) == [("given_up", 0)]
    assert len(seen | {run}) == (3 if way == "asked for again" else 1)
