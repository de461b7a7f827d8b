"""Slots of a Prefect schedule: which was the last one, and the idempotency key under which Prefect's scheduler makes its run.

The key is `scheduled <deployment id> <schedule id> <moment>` (prefect/server/models/deployments.py, `_generate_scheduled_flow_runs`), the
moment as Python prints a datetime in the schedule's own zone. A test compares it with what the pinned server makes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from .problems import Misconfigured

SCHEDULED = "scheduled "
"""Begins the key of each run that is due by a schedule."""
DAILY = re.compile(r"(\d{1,2}) (\d{1,2}) \* \* \*")


@dataclass(frozen=True, slots=True)
class Slot:
    """One moment of a schedule.

    Attributes:
        key: Prefect's idempotency key of its run.
        moment: When, in the schedule's zone.
        parameters: What the schedule itself gives the run; the deployment's own are the server's to add.
    """

    key: str
    moment: datetime
    parameters: dict[str, Any]


def latest_slot(deployment: dict[str, Any], now: datetime) -> Slot | None:
    """The last slot of a deployment's only daily schedule; None when people stopped it.

    Raises:
        Misconfigured: It has no schedule, several, or another than one a day.
    """
    schedules = deployment.get("schedules") or []
    if len(schedules) != 1:
        raise _wrong(deployment, f"It has {len(schedules)} schedules.")
    (only,) = schedules
    if deployment.get("paused") or not only["active"]:
        return None
    found = DAILY.fullmatch(only["schedule"].get("cron") or "")
    if not found:
        raise _wrong(deployment, "Its schedule is not one slot a day.")
    minute, hour = map(int, found.groups())
    moment = _before(now, hour, minute, only["schedule"].get("timezone") or "UTC")
    return Slot(f"{SCHEDULED}{deployment['id']} {only['id']} {moment}", moment, only.get("parameters") or {})


def _before(now: datetime, hour: int, minute: int, zone: str) -> datetime:
    here = now.astimezone(ZoneInfo(zone))
    today = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today.astimezone(UTC) <= now.astimezone(UTC) else today - timedelta(days=1)


def _wrong(deployment: dict[str, Any], what: str) -> Misconfigured:
    return Misconfigured(what, str(deployment.get("name", "")), "Give it one schedule `M H * * *` in prefect.yaml.")
