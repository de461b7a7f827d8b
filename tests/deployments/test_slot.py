"""The day's slot: Prefect's run is found by its key, the one that Prefect missed is made, and one that nobody takes is neither."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.handlers.slots import latest_slot
from tests.deployments.events import Events, until

MACHINE, NAME = "esteira-local-slot", "daily/daily"


@pytest.fixture(scope="module")
def daily(events: Events) -> Iterator[dict[str, Any]]:
    """The deployment as the server has it, once its scheduler has made the next runs."""
    deployment = events.prefect("GET", f"/deployments/name/{NAME}")
    (schedule,) = deployment["schedules"]  # another test may have paused it
    events.prefect("PATCH", f"/deployments/{deployment['id']}/schedules/{schedule['id']}", {"active": True})
    deployment = events.prefect("GET", f"/deployments/name/{NAME}")
    until(lambda: _runs(events, deployment), 60, "runs of the schedule")
    yield dict(deployment)
    for run in _runs(events, deployment):
        _end(events, run, "CANCELLED")


def test_the_run_that_the_schedule_made_is_found_and_none_is_made(events: Events, daily: dict[str, Any]):
    planned = min(_runs(events, daily), key=lambda run: run["expected_start_time"])
    moment = datetime.fromisoformat(planned["expected_start_time"]) + timedelta(minutes=30)
    slot = latest_slot(daily, moment)
    assert slot is not None
    assert slot.key == planned["idempotency_key"]  # what two that make the run at once meet at
    before = len(_runs(events, daily))
    _end(events, planned, "RUNNING")
    ended = _seen_to(events, moment)
    assert ended["path"] == ["Dispatch", "Was it missed", "Does somebody take it", "Well"]
    told = events.invoke("esteira-local-dispatch", {"ask": "slot", "deployment": NAME, "moment": moment.isoformat()})
    assert (told["id"], told["is_new"], told["outcome"]) == (planned["id"], False, "running")
    assert (len(_runs(events, daily)), events.heard()) == (before, [])


def test_a_slot_that_prefect_missed_is_made_once_for_both(events: Events, daily: dict[str, Any]):
    now = datetime.now(UTC)
    execution = events.start(MACHINE, deployment=NAME, moment=now.isoformat())
    made = until(lambda: _past(events, daily, now), 30, "the run that was missed")
    _end(events, made, "RUNNING")
    assert events.ended(execution)["path"][:4] == ["Dispatch", "Was it missed", "Tell missed", "Wait for a worker"]
    slot = datetime.fromisoformat(made["expected_start_time"])
    assert (slot.astimezone(UTC).hour, slot.minute, made["parameters"]) == (8, 0, {"cadence": "daily"})
    around = {
        "start_time": (slot - timedelta(minutes=1)).isoformat(),
        "end_time": (slot + timedelta(minutes=1)).isoformat(),
    }
    events.prefect("POST", f"/deployments/{daily['id']}/schedule", around | {"min_runs": 1, "max_runs": 1})
    assert "Tell missed" not in _seen_to(events, now)["path"]
    assert [run["id"] for run in _runs(events, daily) if run["expected_start_time"] == made["expected_start_time"]] == [
        made["id"]
    ]
    assert [outcome for outcome, _ in events.heard()] == ["missed"]
    _write_anew(events, daily)
    assert (
        "Tell missed" not in _seen_to(events, now)["path"]
    )  # under the key of a schedule that is gone it is the same run
    assert events.heard() == []


def test_a_run_that_nobody_takes_is_told_as_late_and_not_as_missed(events: Events, daily: dict[str, Any]):
    planned = until(
        lambda: next((run for run in _runs(events, daily) if run["state_type"] == "SCHEDULED"), None),
        60,
        "a planned run",
    )
    moment = datetime.fromisoformat(planned["expected_start_time"]) + timedelta(minutes=30)
    with events.variables("esteira-local-dispatch", SLOT_LATE_MINUTES="-10000000"):
        ended = _seen_to(events, moment)
    assert (ended["error"], ended["path"][-2:]) == ("RunLate", ["Tell late", "Late"])
    ((outcome, text),) = events.heard()
    assert (outcome, planned["id"] in text, "Scheduled" in text) == ("late", True, True)


def test_a_schedule_that_somebody_stopped_is_told_and_left_alone(events: Events, daily: dict[str, Any]):
    before = len(_runs(events, daily))
    with _stopped(events, daily):
        ended = _seen_to(events, datetime.now(UTC) - timedelta(days=3))
    assert (ended["status"], ended["path"][-2:]) == ("SUCCEEDED", ["Tell stopped", "Well"])
    assert [outcome for outcome, _ in events.heard()] == ["stopped"]
    assert len(_runs(events, daily)) <= before  # Prefect itself takes away what it had planned


@pytest.mark.long
def test_a_prefect_that_is_away_is_asked_for_hours_and_then_people_are_told(events: Events, daily: dict[str, Any]):
    with events.pointed_at(api_url="http://127.0.0.1:9"):
        ended = _seen_to(events, datetime.now(UTC))
    assert (ended["error"], ended["failures"], ended["path"]) == (
        "Unreachable",
        13,
        ["Dispatch", "Tell unreachable", "Unreachable"],
    )
    ((outcome, text),) = events.heard()
    assert (outcome, "break the glass" in text) == ("unreachable", True)


def _seen_to(events: Events, moment: datetime) -> dict[str, Any]:
    return events.ended(events.start(MACHINE, deployment=NAME, moment=moment.isoformat()))


def _runs(events: Events, daily: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of slots, by their keys: other tests ask the deployment for runs too."""
    asked = {"deployments": {"id": {"any_": [daily["id"]]}}, "limit": 200}
    found = events.prefect("POST", "/flow_runs/filter", asked)
    return [run for run in found if str(run["idempotency_key"]).startswith("scheduled ")]


def _past(events: Events, daily: dict[str, Any], now: datetime) -> dict[str, Any] | None:
    found = [run for run in _runs(events, daily) if datetime.fromisoformat(run["expected_start_time"]) < now]
    return found[0] if found else None


def _end(events: Events, run: dict[str, Any], kind: str) -> None:
    events.prefect("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": kind}, "force": True})


def _write_anew(events: Events, daily: dict[str, Any]) -> None:
    """As each deployment of another version does: the same schedule under another id."""
    (schedule,) = daily["schedules"]
    path = f"/deployments/{daily['id']}/schedules"
    events.prefect("DELETE", f"{path}/{schedule['id']}")
    events.prefect("POST", path, [{name: schedule[name] for name in ("schedule", "active", "parameters", "slug")}])


@contextmanager
def _stopped(events: Events, daily: dict[str, Any]) -> Iterator[None]:
    (schedule,) = events.prefect("GET", f"/deployments/{daily['id']}")["schedules"]
    path = f"/deployments/{daily['id']}/schedules/{schedule['id']}"
    events.prefect("PATCH", path, {"active": False})
    yield
    events.prefect("PATCH", path, {"active": True})
