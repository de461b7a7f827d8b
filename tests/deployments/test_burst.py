"""Many files at once, `FILES` of them (12; `make burst` drops 500): each is a run of its own, none is lost, none comes twice, and the table has each row once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.handlers.start import _name
from tests.deployments.events import Events, event_of, until
from tests.deployments.stage import POOL, ROOT, Stage
from tests.main_job.dropped import contract, sales
from tests.main_job.world import World

FILES, HANDS = int(os.environ.get("FILES", "12")), 8
MACHINE, DEAD = "esteira-local-inbox", "esteira-local-inbox-dead"
MINUTES = 25

pytestmark = [pytest.mark.long, pytest.mark.timeout(60 * (MINUTES + 5))]


@contextmanager
def crew(stage: Stage, log: Path, folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.deployments.crew", POOL, str(HANDS)]
    environment = stage.environment | {"ESTEIRA_DATASETS": str(folder)}
    with log.open("w") as out, subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out) as process:
        try:
            yield
        finally:
            process.kill()


@pytest.mark.fault(60)
def test_files_dropped_at_once_load_exactly_once(events: Events, stage: Stage, tmp_path: Path):
    folder = contract(tmp_path, "burst")
    began = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        versions = list(pool.map(lambda number: _drop(events, number), range(FILES)))
    dropped = time.monotonic() - began
    for number in range(0, FILES, 10):  # every tenth event is delivered twice
        with events.client("sqs") as sqs:
            url = sqs.get_queue_url(QueueName=MACHINE)["QueueUrl"]
            event = event_of(events.bucket, _key(number), versions[number])
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
    until(lambda: _count(events) >= FILES, 600, "a run for each")
    until(lambda: events.is_empty(MACHINE), 120, "the queue is empty")
    runs = until(lambda: found if len(found := _runs(events)) >= FILES else None, 60, "a run for each")
    dispatched = time.monotonic() - began
    print(f"{FILES} files: dropped in {dropped:.0f} s, dispatched in {dispatched:.0f} s")
    with crew(stage, tmp_path / "crew.log", folder):
        until(lambda: _is_empty(events), 60 * MINUTES, "the inbox is empty")
    loaded = time.monotonic() - began
    ended = until(lambda: _all_ended(events, versions), 600, "all executions ended")
    print(f"loaded in {loaded:.0f} s, told in {time.monotonic() - began:.0f} s")
    rows = World(events.stack).query("SELECT code, amount FROM dw.burst")
    assert sorted(rows) == sorted((f"c{number}", float(number)) for number in range(FILES))
    assert (
        len(World(events.stack).query("SELECT batch_id FROM esteira_ledger.burst WHERE state = 'committed'")) == FILES
    )
    assert Counter(run["parameters"]["version_id"] for run in runs) == Counter(versions)
    assert ended == {"SUCCEEDED": FILES}
    assert events.taken(DEAD) == []
    assert Counter(outcome for outcome, _ in events.heard()) == {"accepted": FILES}


def _drop(events: Events, number: int) -> str:
    return events.drop("burst", f"{number}.csv", sales({f"c{number}": f"{number},00"}))


def _count(events: Events) -> int:
    time.sleep(2)  # what is measured has two cores as well
    named = {"deployments": {"name": {"any_": ["inbox"]}}}
    return int(events.prefect("POST", "/flow_runs/count", named))


def _is_empty(events: Events) -> bool:
    time.sleep(2)
    left = len(events.waiting("burst"))
    print(f"{left} wait", flush=True)
    return not left


def _runs(events: Events) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := events.prefect("POST", "/flow_runs/filter", {"limit": 200, "offset": len(found), "sort": "ID_DESC"}):
        found += page
    return [each for each in found if str(each["parameters"].get("key")).startswith("inbox/burst/")]


def _all_ended(events: Events, versions: list[str]) -> dict[str, int] | None:
    """How the executions of these files ended, second ones of a version included."""
    told = (event_of(events.bucket, _key(number), version) for number, version in enumerate(versions))
    names = {_name(json.dumps(each)) for each in told}
    found = Counter(each["status"] for each in events.executions(MACHINE) if each["name"].partition("-")[0] in names)
    return None if found["RUNNING"] else dict(found)


def _key(number: int) -> str:
    return f"inbox/burst/{number}.csv"
