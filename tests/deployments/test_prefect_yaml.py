"""`esteira deploy` applies the repository to a real server, twice without a change, and a real worker runs what it deployed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.deployments.stage import PREFECT, ROOT, Stage

DATASETS = {"airlines", "airports", "flights", "planes", "weather"}
BY_HAND = """
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore
with get_client(sync_client=True) as client:
    flow = client.create_flow_from_name("daily")
    client.create_deployment(flow, "by-hand", tags=["esteira"])
    body = {"name": "left-the-file", "flow_id": str(flow), "labels": {"esteira.project": "esteira"}}
    client.request("POST", "/deployments/", json=body)
    daily = client.read_deployment_by_name("daily/daily")
    client.update_deployment_schedule(daily.id, daily.schedules[0].id, active=False)
    client.pause_deployment(client.read_deployment_by_name("undo/undo").id)
    (ours,) = client.read_automations_by_name("esteira: a batch failed")
    for name in ("esteira: of an older version", "of somebody"):
        client.create_automation(AutomationCore(name=name, trigger=ours.trigger, actions=ours.actions))
    by_hand = {"name": ours.name, "description": "by hand", "trigger": ours.trigger, "actions": ours.actions}
    client.update_automation(ours.id, AutomationCore(enabled=False, **by_hand))
    print("null")
"""
LOOK = """
import json
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    (schedule,) = client.read_deployment_by_name("daily/daily").schedules
    paused = client.read_deployment_by_name("undo/undo").paused
    by_hand = client.read_deployment_by_name("daily/by-hand")
    client.delete_deployment(by_hand.id)
    automations = {each.name: each.enabled for each in client.read_automations()}
    found = {"cron": schedule.schedule.cron, "active": schedule.active, "paused": paused, "by_hand": bool(by_hand)}
    print(json.dumps(found | {"automations": automations}))
"""
FORM = """
import json
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    print(json.dumps(client.read_deployment_by_name("ingest/ingest").parameter_openapi_schema))
"""

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(300)]


def test_every_deployment_stands_on_the_server(stage: Stage) -> None:
    found = json.loads(stage.prefect("deployment", "ls", "-o", "json"))
    started = {"backfill", "inbox", "ingest", "rebuild", "replay", "undo"}
    assert {each["name"] for each in found} == started | {"daily", "maintenance", "watch"}


def test_a_second_deploy_changes_nothing_and_says_so(stage: Stage) -> None:
    assert stage.esteira("deploy").splitlines()[-1].startswith("Nothing changed: ")


def test_what_ops_paused_stays_paused_and_only_what_is_ours_is_removed(stage: Stage, tmp_path: Path) -> None:
    stage.python(BY_HAND)
    changed = tmp_path / "prefect.yaml"
    text = (ROOT / "prefect.yaml").read_text().replace('cron: "0 5 * * *"', 'cron: "0 6 * * *"')
    changed.write_text(text.replace("entrypoint: ", f"entrypoint: {os.path.relpath(ROOT, tmp_path)}/"))
    foretold = _changes(stage.esteira("deploy", "--dry-run", "--json", "--file", str(changed)))
    assert foretold == _changes(stage.esteira("deploy", "--json", "--file", str(changed)))
    assert foretold["daily/left-the-file"] == "removed"
    assert foretold["undo/undo"].endswith("paused in the UI")
    assert "schedules" in foretold["daily/daily"]
    assert "daily/by-hand" not in foretold
    assert foretold["esteira: of an older version"] == "removed"
    assert foretold["esteira: a batch failed"] == "updated description"
    found = stage.python(LOOK)
    automations = found.pop("automations")
    assert found == {"cron": "0 6 * * *", "active": False, "paused": True, "by_hand": True}
    assert "of somebody" in automations
    assert [name for name, is_on in automations.items() if not is_on] == ["esteira: a batch failed"]
    stage.esteira("deploy")


def test_the_run_form_offers_the_datasets_and_the_server_refuses_any_other(stage: Stage) -> None:
    form = stage.python(FORM)
    assert set(form["properties"]["dataset"]["enum"]) == DATASETS
    assert form["properties"]["start"]["anyOf"][0]["format"] == "date-time"
    refused = stage.tried(*PREFECT, "deployment", "run", "ingest/ingest", "-p", 'dataset="flihgts"')
    assert refused.returncode
    assert "is not one of" in refused.stdout + refused.stderr


def test_a_worker_runs_the_ingest_deployment_to_completion_and_its_state_tells_the_counts(stage: Stage) -> None:
    moment = {"dataset": "airlines", "as_of": "2014-01-12T06:00:00Z"}
    assert stage.complete("ingest/ingest", **moment).startswith("1 batch: 16 extracted, ")
    assert stage.complete("ingest/ingest", **moment) == "Nothing was due."


def test_a_worker_runs_the_daily_deployment_to_completion_and_the_ledger_has_its_batches(stage: Stage) -> None:
    before = _last_batches(stage)
    stage.complete("daily/daily", as_of="2013-01-09T06:00:00Z")
    new = {name: [each for each in found if each not in before[name]] for name, found in _last_batches(stage).items()}
    assert new.keys() == DATASETS
    for name, batches in new.items():
        (batch,) = batches
        assert batch["run"] == f"{name} 2013-01-09"
        assert batch["extracted"] == batch["curated"] + batch["quarantined"]
    assert sum(batch["extracted"] for batches in new.values() for batch in batches) > 0


def test_a_worker_runs_the_maintenance_deployment_to_completion(stage: Stage) -> None:
    stage.complete("maintenance/maintenance")


def _changes(out: str) -> dict[str, str]:
    found = json.loads(out)["changes"]
    return {each["name"]: f"{each['verb']} {each['details']}".removesuffix(" no longer wanted") for each in found}


def _last_batches(stage: Stage) -> dict[str, list[dict[str, Any]]]:
    """The ledger's rows of each dataset, as `esteira status` tells them."""
    told = json.loads(stage.esteira("status", "--json"))
    return {each["dataset"]: each["last"] for each in told if "orphan" not in each}  # tables of other tests' contracts
