"""How something is told: an event with the dataset as its resource, whose labels say which channel hears of it, if any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from prefect import get_run_logger, runtime
from prefect.events import emit_event
from prefect.utilities.urls import url_for

from blocks import incidents, open_lake
from blocks.incidents import NO_CHANNEL, Incident
from esteira.alerts.message import Links, Notice, subject_of, text_of
from esteira.lake.layout import CATALOGUE_PAGE
from esteira.report.address import page_address
from esteira.settings import read_settings

RUNBOOK = "operations/runbook"
TRIGGERING = "triggering-event"
"""The role in which Prefect's events about an action name the event that was told: with it, both can be waited for under one key."""


def notify(event: str, notice: Notice, incident: Incident | None, **payload: Any) -> None:
    """Emit an event; a channel hears of it unless its dataset is silenced, or the incident was told before.

    Args:
        event: Its name.
        notice: What the message says.
        incident: What begins with it; None where the message is about no lasting state.
        payload: Facts for machines.
    """
    emit(event, notice, _channel(notice, incident), **payload)


def emit(event: str, notice: Notice, channel: str, **payload: Any) -> None:
    """The event alone, for this channel."""
    is_told, once = channel != NO_CHANNEL, uuid4()
    text = {"subject": subject_of(notice), "text": text_of(notice)} if is_told else {}
    labels = {"esteira.owner": notice.owner, "esteira.channel": channel, "esteira.once": str(once)}
    emit_event(
        event=event,
        id=once,
        resource={"prefect.resource.id": f"esteira.dataset.{notice.dataset}", "prefect.resource.name": notice.dataset, **labels},
        related=[{"prefect.resource.id": f"prefect.event.{once}", "prefect.resource.role": TRIGGERING}] if is_told else [],
        payload={"dataset": notice.dataset, "batch": notice.batch, "owner": notice.owner, **payload, **text},
    )  # fmt: skip


@contextmanager
def beside_the_work(what: str) -> Iterator[None]:
    """Whatever goes wrong with a notice is a line of the log: the data, or the error that is being told, matter more."""
    try:
        yield
    except Exception as exc:  # noqa: BLE001 - the same
        get_run_logger().warning("%s is not announced: %s: %s", what, type(exc).__name__, exc)


def quietly(find: Any, default: Any = None) -> Any:
    """What a look-up finds, or the default: a message without it is better than none."""
    try:
        return find()
    except Exception as exc:  # noqa: BLE001 - the lake, the warehouse or the settings may be the very reason for the message
        get_run_logger().debug("left out of the message: %s: %s", type(exc).__name__, exc)
        return default


def links(section: str = "", report: str | None = None) -> Links:
    """Where to look: this run, a page (the catalogue by default), a section of the runbook."""
    run = str(url_for("flow-run", runtime.flow_run.id) or "") if runtime.flow_run.id else ""
    page = report or quietly(_catalogue, "")
    return Links(run, page or "", quietly(lambda: _runbook(section), ""))


def with_links(notice: Notice, section: str = "", report: str | None = None) -> Notice:
    """The same notice with its addresses."""
    return replace(notice, links=links(section, report))


def _channel(notice: Notice, incident: Incident | None) -> str:
    """A server that cannot be asked now is told all the same: twice is better than never."""
    try:
        if incidents.silence_of(notice.dataset, datetime.now(UTC)):
            return NO_CHANNEL
        if incident is not None and not incidents.begin(incident):
            return NO_CHANNEL
        return incidents.channel_of(notice.owner)
    except Exception as exc:  # noqa: BLE001 - whatever the server says, the message is more important than that it is the only one
        get_run_logger().warning("Whether this was told before is not known: %s: %s", type(exc).__name__, exc)
        return incidents.DEFAULT_CHANNEL


def _catalogue() -> str | None:
    return page_address(open_lake(), CATALOGUE_PAGE, read_settings().report_url)


def _runbook(section: str) -> str:
    base = read_settings().docs_url
    anchor = f"#{section}" if section else ""
    return f"{base.rstrip('/')}/{RUNBOOK}.html{anchor}" if base else f"docs/{RUNBOOK}.md{anchor}"
