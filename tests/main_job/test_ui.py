"""What ops find on the Prefect server after a run: names, tags, a story, artifacts, events of assets; and no secret in any of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from tests.prefect_state import secrets_kept_by_prefect, secrets_of

TABLE = "seen_airlines"
AS_OF = "2014-01-02T06:00Z"
RANGE = ("2013-03-01T00:00Z", "2013-03-08T00:00Z")
READ = """
import json, os, sys
import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.sorting import ArtifactSort, FlowRunSort, LogSort, TaskRunSort
def told(client, run):
    lines = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])), limit=200, sort=LogSort.TIMESTAMP_ASC)
    return {"id": str(run.id), "name": run.name, "tags": run.tags, "parameters": run.parameters, "state": run.state.message,
        "log": [line.message for line in lines],
        "tasks": [each.name for each in client.read_task_runs(sort=TaskRunSort.END_TIME_DESC) if each.flow_run_id == run.id]}
with get_client(sync_client=True) as client:
    newest = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC)  # the server gives 200 of each at most
    runs = [told(client, run) for run in newest if run.parameters.get("dataset") in sys.argv[1:]]
    newest = client.read_artifacts(sort=ArtifactSort.CREATED_DESC)
    artifacts = [[each.key, each.type, each.description, each.data, str(each.flow_run_id)] for each in newest]
    wanted = {"filter": {"event": {"prefix": ["prefect.asset"]}}, "limit": 50}
    events = httpx.post(f"{os.environ['PREFECT_API_URL']}/events/filter", json=wanted).json()["events"]
print(json.dumps({"runs": runs, "artifacts": artifacts, "events": events}, default=str))
"""
# A bar that is shown at once and at each page, and what the server had of it when each page came.
WATCHED = """
import json, sys
import cli.ingest
from cli.ingest import Request, ingest_one
from datetime import datetime
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.sorting import ArtifactSort
from tasks import progress
progress.SHOWN_AFTER_SECONDS = progress.SHOWN_EVERY_SECONDS = 0
seen = []
def look(batch, arrival):
    with get_client(sync_client=True) as client:
        newest = client.read_artifacts(sort=ArtifactSort.CREATED_DESC)
        seen.append([[each.data, each.description] for each in newest if each.type == "progress" and batch.dataset in each.description])
with progress.listening(look):
    ingest_one(sys.argv[1], Request((sys.argv[1],), as_of=datetime.fromisoformat("2014-01-02T06:00:00+00:00")))
print(json.dumps(seen))
"""


@dataclass(frozen=True)
class Seen:
    """One run, with its artifacts by key, and the events of its table."""

    run: dict[str, Any]
    artifacts: dict[str, Any]
    events: list[dict[str, Any]]
    everything: str


@pytest.fixture(scope="module")
def seen(world: Any, write_contract: Any) -> Seen:
    folder = write_contract(TABLE)
    done = world.esteira("ingest", TABLE, "--as-of", AS_OF, "--datasets", str(folder))
    assert done.code == 0, done.err
    everything = world.python(READ, TABLE).out
    facts = json.loads(everything)
    (run,) = facts["runs"]
    artifacts = {key: data for key, _, _, data, of in facts["artifacts"] if of == run["id"]}
    events = [each for each in facts["events"] if each["resource"]["prefect.resource.id"].endswith(f"/{TABLE}")]
    return Seen(run, artifacts, events, everything)


def test_a_run_is_found_by_dataset_owner_cadence_and_stage_also_when_a_laptop_started_it(seen: Seen):
    assert seen.run["name"] == f"{TABLE} 2014-01-02"
    assert sorted(seen.run["tags"]) == ["cadence:daily", f"dataset:{TABLE}", "owner:bi-team", "stage:local"]


def test_a_run_for_a_range_is_named_by_it(world: Any):
    start, end = RANGE
    world.esteira("ingest", "weather", "--start", start, "--end", end)
    (run,) = json.loads(world.python(READ, "weather").out)["runs"][:1]
    assert run["name"] == "weather 2013-03-01→08"
    assert "load weather 2013-03-01 to 08" in run["tasks"]


def test_the_log_reads_as_a_story_with_a_line_for_each_step_and_none_twice(seen: Seen):
    told = [re.sub(r"\d+\.\d kB|http\S+|-[0-9a-f]{8}\b", "…", line) for line in seen.run["log"]]
    assert told == [
        f"Beginning flow run '{TABLE} 2014-01-02' for flow 'ingest'",
        f"{TABLE} 2014-01-02 is due",
        f"{TABLE} 2014-01-02: begins as batch 2014-01-02…",
        f"{TABLE} 2014-01-02: 16 rows are in the lake's raw zone, one part of …",
        f"{TABLE} 2014-01-02: 16 rows are curated, 0 in quarantine",
        f"{TABLE} 2014-01-02: committed: 16 inserted; the table has 16 rows",
        f"{TABLE} 2014-01-02: quality page …",
        f"bi: made anew: {TABLE}",
        "Finished in state Completed('1 batch: 16 extracted, 16 inserted, 0 updated, 0 quarantined.')",
    ]


def test_the_summary_reconciles_the_rows_and_tells_the_time_of_each_step_and_the_quality_page(seen: Seen):
    text = seen.artifacts["seen-airlines-summary"]
    assert "- source 16 = **16** extracted = **16** curated + **0** quarantined" in text
    assert "- 16 curated = 16 inserted + 0 updated" in text
    steps = re.findall(r"^\| ([a-z]+).*\| \d+\.\d \| ([\d,]*) \|$", text, re.MULTILINE)
    assert [name for name, _ in steps] == ["extract", "curate", "load", "publish", "all"]
    assert {name for name, speed in steps if speed} == {"extract", "load", "all"}
    assert re.search(r"\[Quality page\]\(http\S+/seen_airlines/2014-01-02-[0-9a-f]{8}/1\.html\)", text)


def test_the_latest_artifact_of_a_dataset_says_how_its_table_stands(seen: Seen):
    text = seen.artifacts["latest-seen-airlines"]
    assert "`dw.seen_airlines` has **16** rows, as of 2014-01-02." in text
    assert re.search(r"\| \[2014-01-02\]\(http\S+\) \| 16 \| 16 \| 16 \| 0 \| 16 inserted \|", text)


def test_the_table_and_its_source_in_the_lake_are_assets_in_the_events(world: Any, seen: Seen):
    (event,) = [each for each in seen.events if each["event"] == "prefect.asset.materialization.succeeded"]
    assert event["resource"]["prefect.resource.id"] == f"redshift://dev/dw/{TABLE}"
    assert json.loads(event["resource"]["prefect.asset.owners"]) == ["bi-team"]
    assets = [each["prefect.resource.id"] for each in event["related"] if each["prefect.resource.role"] == "asset"]
    assert assets == [f"s3://{world.stack.env['ESTEIRA_LAKE_BUCKET']}/raw/{TABLE}"]
    assert (event["payload"]["extracted"], event["payload"]["inserted"]) == (16, 16)


def test_no_secret_is_in_names_tags_parameters_logs_artifacts_or_events(world: Any, seen: Seen):
    assert "seen-airlines-summary" in seen.everything
    assert world.token in secrets_of(world.stack.state)
    assert secrets_kept_by_prefect(world.stack.state) == []  # of all runs before this one too: files, drops, replays


def test_a_bar_moves_on_the_runs_page_while_its_rows_arrive(world: Any, write_contract: Any):
    folder = write_contract("bar_flights", "flights", size=500)
    done = world.python(WATCHED, "bar_flights", env={"ESTEIRA_DATASETS": str(folder)})
    assert done.code == 0, done.err
    bars = [(bar[0][0], bar[0][1]) for bar in json.loads(done.out) if bar]
    assert [percent for percent, _ in bars] == sorted({percent for percent, _ in bars})
    assert 0 < bars[0][0] < 100
    assert "rows have arrived" in bars[0][1]
