"""Windows as runs of their own on the pool: a few at once, each asked for once at a time, one failure for itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.deployments.stage import PREFECT, Stage

# A thread in the place of workers notes what is under way and ends it; the second window's container dies.
PARENT = """
import json, sys, threading, time
from datetime import UTC, datetime
import blocks.runs
from datasets.weather import DATASET
from esteira.backfill import Asked, plan_backfill
from flows.windows import Terms, _wanted, load
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Completed, Crashed

blocks.runs.POLL_SECONDS = 0.2
at = lambda day: datetime(2012, 11, day, tzinfo=UTC)
asked = Asked(at(1), at(29), (at(8) - at(1)))
wanted = plan_backfill(DATASET, asked, [], (), at(30)).wanted
terms = Terms("weather", at(30), 2, True, {"memory": 8192})
mine = {each.batch.window.start.isoformat() for each in wanted}
under_way, sizes, crashing = [], [], [wanted[1].batch.window.start.isoformat()]

def work():
    with get_client(sync_client=True) as client:
        while True:
            runs = [each for each in client.read_flow_runs() if each.parameters.get("start") in mine and not each.state.is_final()]
            if runs:
                under_way.append(len(runs))
                run = min(runs, key=lambda each: each.created)
                if time.time() - run.created.timestamp() > 0.5:
                    sizes.append(run.job_variables)
                    state = Crashed(message="The container died.") if run.parameters["start"] in crashing else Completed()
                    client.set_flow_run_state(run.id, state, force=True)
            time.sleep(0.2)

@flow
def twice():
    asked = [blocks.runs.start(_wanted(wanted[0], terms)) for _ in range(2)]
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(asked[0], Crashed(), force=True)
    return [*asked, blocks.runs.start(_wanted(wanted[0], terms))]

@flow
def parent():
    return list(load(wanted, terms))

asked = twice()
threading.Thread(target=work, daemon=True).start()
found = parent()
print(json.dumps({"fates": {str(each.planned.batch.window): [each.fate, each.error, each.message] for each in found},
    "under_way": max(under_way), "sizes": sizes, "asked": [str(each) for each in asked]}))
"""
CHILDREN = """
import json, sys
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterParentFlowRunId
with get_client(sync_client=True) as client:
    children = client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[sys.argv[1]])))
    mine = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[sys.argv[1]])))
    form = client.read_deployment_by_name("backfill/backfill").parameter_openapi_schema
    print(json.dumps({"children": [[each.parameters["start"][:10], each.infrastructure_pid] for each in children], "form": form,
        "artifacts": {each.key: each.data for each in mine}, "name": client.read_flow_run(sys.argv[1]).name}))
"""
RANGE = {"start": "2012-12-10T00:00:00Z", "end": "2012-12-31T00:00:00Z", "chunk": "7d"}
"""Before the portal's first row: windows without rows, which move no watermark of another test."""

END_OF_YEAR = [part for name, value in RANGE.items() for part in ("-p", f'{name}="{value}"')]

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def simulated(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = stage.python(PARENT)
    return found


def test_a_window_whose_container_dies_stops_no_other(simulated: dict[str, Any]) -> None:
    fates = simulated["fates"]
    assert fates["2012-11-08→2012-11-15"] == ["failed", "Crashed", "The container died."]
    assert [fate for fate, *_ in fates.values()].count("failed") == 1
    assert len(fates) == 4


def test_no_more_windows_are_under_way_than_are_allowed_each_with_the_datasets_size(simulated: dict[str, Any]) -> None:
    assert simulated["under_way"] == 2
    assert all(size == {"memory": 8192} for size in simulated["sizes"])


def test_a_window_is_asked_for_once_at_a_time_and_again_only_when_its_run_is_over(simulated: dict[str, Any]) -> None:
    first, second, third = simulated["asked"]
    assert first == second
    assert third != first


def test_the_form_explains_its_fields_and_a_wrong_dataset_is_refused(stage: Stage) -> None:
    refused = stage.tried(*PREFECT, "deployment", "run", "backfill/backfill", "-p", 'dataset="wether"', *END_OF_YEAR)
    assert refused.returncode
    assert "is not one of" in refused.stdout + refused.stderr


def test_a_deployed_backfill_runs_each_window_in_a_process_of_its_own_and_tells_the_whole_story(
    stage: Stage, tmp_path: Path
) -> None:
    stage.esteira("ingest", "airports", "--as-of", "2012-12-31T06:00Z")
    log = tmp_path / "worker.log"
    with stage.working(log, ESTEIRA_FAN_OUT="2"):
        run = stage.ask("backfill/backfill", dataset="weather", **RANGE)
        state = stage.end_of(run)
    assert state == {"type": "COMPLETED", "message": "3 windows: 3 loaded; 0 rows, 0 quarantined."}, log.read_text()[
        -3000:
    ]
    told = stage.python(CHILDREN, run)
    assert told["name"] == "weather backfill 2012-12-10→2012-12-31"
    assert sorted(start for start, _ in told["children"]) == ["2012-12-10", "2012-12-17", "2012-12-24"]
    assert len({process for _, process in told["children"]}) == 3
    assert told["artifacts"]["weather-progress"] == 100
    assert told["artifacts"]["weather-backfill"].count("| loaded | 0 | 0 |") == 3
    fields = told["form"]["properties"]
    assert "weather" in fields["dataset"]["enum"]
    assert set(fields) == {"dataset", "start", "end", "chunk", "force", "dry_run", "since"}
    assert all(field.get("description") for field in fields.values())
