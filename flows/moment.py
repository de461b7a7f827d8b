"""The run's moment. A flow reads it once, and all that it does is about that moment, however long it takes or however often it starts."""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import runtime


def run_moment(as_of: datetime | None = None) -> datetime:
    """What the run form says, or else when the run was scheduled to start."""
    return in_utc(as_of or runtime.flow_run.scheduled_start_time or datetime.now(UTC))


def named_moment() -> datetime:
    """The same for the run's name, which Prefect makes before the flow begins."""
    found: datetime = runtime.flow_run.parameters.get("as_of") or runtime.flow_run.scheduled_start_time
    return found


def in_utc(moment: datetime) -> datetime:
    """A moment without a zone in a run form means UTC. The result is a plain datetime, whatever kind Prefect hands out."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return datetime.fromtimestamp(aware.timestamp(), UTC)
