"""Datasets as runs of their own: in the order of their references, asked for once, one failure for itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.deployments.stage import Stage

MOMENT = "2014-01-09T06:00:00+00:00"
DATASETS = {"airlines", "airports", "flights", "planes", "weather"}
# A parent that fans out at most two at once, and a thread in the place of workers: it notes what is under way, and ends it.
PARENT = """
import json, sys, threading, time
from datetime import datetime
from pathlib import Path
import blocks.runs
from esteira.catalogue import load_catalogue
from esteira.settings import TaskSize
from flows.fan_out import Terms, run_on_pool
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Completed, Crashed

blocks.runs.POLL_SECONDS = 0.2
moment, crashing = datetime.fromisoformat(sys.argv[1]), sys.argv[2:]
under_way, sizes = [], {}

def work():
    with get_client(sync_client=True) as client:
        while True:
            runs = [each for each in client.read_flow_runs() if each.parameters.get("as_of") == sys.argv[1] and not each.state.is_final()]
            if runs:
                under_way.append(sorted(each.parameters["dataset"] for each in runs))
                sizes.update({each.parameters["dataset"]: each.job_variables for each in runs})
                run = min(runs, key=lambda each: each.created)
                if time.time() - run.created.timestamp() > 1:
                    state = Crashed() if run.parameters["dataset"] in crashing else Completed()
                    client.set_flow_run_state(run.id, state, force=True)
            time.sleep(0.3)

@flow
def parent():
    return run_on_pool(list(load_catalogue(Path("datasets")).values()), Terms(moment, 2, {"weather": TaskSize(memory=8192)}))

threading.Thread(target=work, daemon=True).start()
found = parent()
print(json.dumps({"well": [name for name, each in found.items() if each.is_well], "under_way": under_way, "sizes": sizes,
    "skipped": {name: each.skipped_for for name, each in found.items() if each.skipped_for},
    "ended": {name: each.ended.state for name, each in found.items() if each.ended}}))
"""
TOLD = """
import json, sys
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterParentFlowRunId
with get_client(sync_client=True) as client:
    mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[sys.argv[1]]))
    (table,) = [each for each in client.read_artifacts(artifact_filter=mine) if each.key == "daily-datasets"]
    children = client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[sys.argv[1]])))
    print(json.dumps({"table": json.loads(table.data), "children": [[each.name, sorted(each.tags), each.infrastructure_pid] for each in children]}))
"""

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def first(stage: Stage) -> dict[str, Any]:
    """A run in which one container died."""
    found: dict[str, Any] = stage.python(PARENT, MOMENT, "airlines")
    return found


def test_a_run_that_crashes_stops_only_those_that_need_its_rows(first: dict[str, Any]) -> None:
    assert first["ended"] == dict.fromkeys(("airports", "planes", "weather"), "Completed") | {"airlines": "Crashed"}
    assert first["skipped"] == {"flights": "airlines"}


def test_no_more_run_at_once_than_are_allowed_and_none_before_what_it_refers_to(first: dict[str, Any]) -> None:
    assert max(len(names) for names in first["under_way"]) == 2
    assert not any({"airports", "weather"} <= set(names) for names in first["under_way"])


def test_a_dataset_that_needs_more_gets_it_and_no_other(first: dict[str, Any]) -> None:
    assert first["sizes"] == {"weather": {"memory": 8192}} | dict.fromkeys(("airlines", "airports", "planes"))


def test_the_same_moment_again_asks_only_for_what_failed(stage: Stage, first: dict[str, Any]) -> None:
    again = stage.python(PARENT, MOMENT)
    assert set(again["well"]) == DATASETS
    assert {name for names in again["under_way"] for name in names} == {"airlines", "flights"}


def test_a_deployed_parent_runs_each_dataset_in_a_process_of_its_own_and_tells_the_whole_story(
    stage: Stage, tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    with stage.working(log, ESTEIRA_FAN_OUT="2"):
        run = stage.ask("daily/daily", as_of="2013-01-06T06:00:00Z")
        state = stage.end_of(run)
    assert state == {"type": "COMPLETED", "message": "5 datasets ingested."}, (
        stage.unfinished(),
        log.read_text()[-3000:],
    )
    told = stage.python(TOLD, run)
    *rows, total = told["table"]
    assert {row["dataset"]: row["state"] for row in rows} == dict.fromkeys(DATASETS, "loaded")
    assert all(row["extracted"] == row["curated"] + row["quarantined"] for row in rows)
    assert (total["dataset"], total["state"]) == ("all", "5 of 5 well")
    assert total["extracted"] == sum(row["extracted"] for row in rows) > 0
    assert {name for name, _, _ in told["children"]} == {f"{name} 2013-01-06" for name in DATASETS}
    assert len({process for _, _, process in told["children"]}) == len(DATASETS)
