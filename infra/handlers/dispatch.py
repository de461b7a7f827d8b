"""Ask Prefect for a run, once, and look how it goes. It knows Prefect's API and nothing of the pipeline."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3

from .prefect_api import Prefect
from .problems import Misconfigured
from .slots import SCHEDULED, Slot, latest_slot

LEAST_WAIT_SECONDS, MOST_WAIT_SECONDS = 2, 300
"""Between two looks: half of the run's age within these, so that a burst asks Prefect less and less often."""
ENDED_BADLY = frozenset({"FAILED", "CRASHED", "CANCELLED"})
MOST_MESSAGE = 2000
"""Characters of a run's message that go into a notification; SNS takes 256 KiB."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes both by position
    """Do what `ask` says: `take` a drop, `look` at a run, or see to the `slot` of a schedule.

    Args:
        event: `{"ask": "take", "drop": …}`, `{"ask": "look", "run": …}`, `{"ask": "slot", "deployment": …, "moment": …}`.
        context: Not used.
    """
    asked = {"take": _take, "look": _look, "slot": _slot}
    return asked[event["ask"]](_server(), event)


def _take(server: Prefect, event: dict[str, Any]) -> dict[str, Any]:
    """The run of one version of an object; a second event finds the first one's run."""
    drop = event["drop"]
    wanted = {
        "parameters": {"bucket": drop["bucket"], "key": drop["key"], "version_id": drop["version"]},
        "idempotency_key": f"inbox {drop['bucket']} {drop['key']} {drop['version']}",
    }
    deployment = server.deployment(os.environ["INBOX_DEPLOYMENT"])
    run, is_new = server.create_run(deployment["id"], wanted)
    return _told(run, is_new=is_new)


def _look(server: Prefect, event: dict[str, Any]) -> dict[str, Any]:
    known = event["run"]
    kept = {name: known[name] for name in ("deployment", "slot") if name in known}
    return _told(server.run(known["id"]), is_new=bool(known["is_new"])) | kept


def _slot(server: Prefect, event: dict[str, Any]) -> dict[str, Any]:
    """The run of the last slot of a deployment's schedule: Prefect's own, or the one that it missed.

    A schedule that people stopped is left alone. The key holds the schedule's id, and a deployment that is written anew gets new schedules: so a run of the
    slot is looked for by its moment first, and the key is what two that ask at once meet at.
    """
    name = event["deployment"]
    deployment = server.deployment(name)
    slot = latest_slot(deployment, _moment(event["moment"]))
    if slot is None:
        return {"outcome": "stopped", "deployment": name, "is_new": False, "message": "Its schedule is not active."}
    known = server.runs_at(deployment["id"], slot.moment)
    run, is_new = (known[0], False) if known else server.create_run(deployment["id"], _as_scheduled(slot))
    return _told(run, is_new=is_new) | {"deployment": name, "slot": slot.moment.isoformat()}


def _as_scheduled(slot: Slot) -> dict[str, Any]:
    """What Prefect's scheduler would have made, so that the run's moment is the slot's."""
    return {
        "parameters": slot.parameters,
        "idempotency_key": slot.key,
        "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": slot.moment.astimezone(UTC).isoformat()}},
    }


def _told(run: dict[str, Any], *, is_new: bool) -> dict[str, Any]:
    """A run in the words that the state machines choose by."""
    state, age = run.get("state") or {}, _age(run)
    minutes = os.environ[
        "SLOT_LATE_MINUTES" if str(run.get("idempotency_key")).startswith(SCHEDULED) else "LATE_MINUTES"
    ]
    return {
        "id": run["id"],
        "name": run.get("name", ""),
        "outcome": _outcome(state, age, timedelta(minutes=int(minutes))),
        "state": state.get("name", ""),
        "message": (state.get("message") or "")[:MOST_MESSAGE],
        "is_new": is_new,
        "wait_seconds": max(LEAST_WAIT_SECONDS, min(MOST_WAIT_SECONDS, int(age.total_seconds() / 2))),
    }


def _outcome(state: dict[str, Any], age: timedelta, allowed: timedelta) -> str:
    """`accepted`, `rejected`, `failed`; or `waiting` for a worker, for too long `late`; or `running`."""
    kind, name = state.get("type", ""), state.get("name", "")
    if kind == "COMPLETED":
        return "rejected" if name == "Rejected" else "accepted"
    if kind in ENDED_BADLY:
        return "failed"
    if kind in {"SCHEDULED", "PENDING"}:
        return "late" if age > allowed else "waiting"
    return "running"


def _age(run: dict[str, Any]) -> timedelta:
    """Since it was made, or since it should have begun: Prefect makes runs days ahead."""
    moments = [_moment(run[name]) for name in ("created", "expected_start_time") if run.get(name)]
    return datetime.now(UTC) - max(moments) if moments else timedelta(0)


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _server() -> Prefect:
    """With what the secret says now: a key that was changed is used at once."""
    name = os.environ["PREFECT_SECRET"]
    unusable = partial(Misconfigured, where=name, next_step='Store {"api_url": "https://…/api", "api_key": "…"}.')
    try:
        fields = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
        return Prefect(str(fields["api_url"]), str(fields.get("api_key") or ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise unusable("The secret of Prefect has no api_url.") from None  # its text is not repeated
