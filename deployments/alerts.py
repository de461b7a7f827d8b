"""Which alerts there are: what each waits for and what it says. Who is sent it, and how, is `deployments.automations`.

Messages about datasets come with their events, so the template only shows them. Those about runs are written here, by the server alone:
they must come where no code of ours runs any more, or yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from string import Template

from prefect.events.schemas.automations import EventTrigger, Posture

from deployments.alerting import Alerting
from esteira.contract import Dataset

PREFIX = "esteira: "
"""Begins the names of ours; no other is ever touched."""
FAILURE = f"{PREFIX}a batch failed"
UNDELIVERED = f"{PREFIX}a message was not delivered"
ACTION_FAILED = f"{PREFIX}a message about a run was refused"
SILENT = f"{PREFIX}a run went silent"
NOT_DELIVERED = "a-message-was-not-delivered"
DATASETS, RUNS = "esteira.dataset.*", "prefect.flow-run.*"
EACH = {"prefect.resource.id"}
ONCE = timedelta(hours=24)
"""After a run's first message of a kind: three restarts of it are one incident."""
GRACE = timedelta(hours=2)
"""After a dataset's limit: its own word that it is stale, which the hourly check has, comes first."""
_ABOUT = "triggering-event"
"""The role in which an event about an action, and a message's own event, name the latter."""
_OURS = {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.esteira"}
"""Runs of our deployments; who runs something at a terminal sees what becomes of it."""
_TOLD = {
    FAILURE: ("esteira.batch.failed", "A batch, or what comes before one, failed for good."),
    f"{PREFIX}quarantine": (
        "esteira.batch.quarantined",
        "Refused rows are over the contract's limit, or from half of it on.",
    ),
    f"{PREFIX}a dataset is stale": ("esteira.dataset.stale", "The newest rows are older than the contract allows."),
    f"{PREFIX}a dataset is slow": (
        "esteira.dataset.slow",
        "A batch took far longer than the median of those before it.",
    ),
    f"{PREFIX}a dataset drifted": (
        "esteira.dataset.drifted",
        "The portal has a column that the contract does not know.",
    ),
    f"{PREFIX}an asset is not refreshed": (
        "esteira.asset.failed",
        "A BI tool did not read the data again; they are loaded.",
    ),
    f"{PREFIX}a dataset recovered": ("esteira.dataset.recovered", "What an earlier message told of is over."),
}
"""Alerts about datasets: the event of each, and what it means."""
_ABOUT_A_RUN = Template(
    "*Run:* {{ flow_run.name }}{% if flow_run.parameters.dataset %} | *Dataset:* {{ flow_run.parameters.dataset }}{% endif %}\n"
    "{% if flow_run.state.message %}{{ flow_run.state.message[:500] }}\n{% endif %}"
    "*Likely cause:* $cause\n*Next step:* $next_step\n*Run:* {{ flow_run|ui_url }}\n*Runbook:* $runbook\n"
    "*Owner:* {{ $owners.get(flow_run.parameters.dataset, 'who runs the platform') }}"
)
_ENDED = ("Completed", "Cached", "RolledBack", "Failed", "TimedOut", "Crashed", "Cancelled", "Cancelling")
_SET_ASIDE = ("Scheduled", "AwaitingRetry", "AwaitingConcurrencySlot", "Late", "Paused", "Suspended", "Resuming")
_WAITING, _AT_WORK = ("Pending", "Submitting", "InfrastructurePending"), ("Running", "Retrying")


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        name: Of its automation.
        description: What it means, for the UI.
        trigger: What it waits for.
        subject, body: Templates of the message; `SILENT` sends none.
    """

    name: str
    description: str
    trigger: EventTrigger
    subject: str = "{{ event.payload.subject }}"
    body: str = "{{ event.payload.text }}"


def dataset_alerts(channel: str, suffix: str = "") -> list[Alert]:
    """The alerts about datasets, for one channel."""
    return [Alert(f"{name}{suffix}", what, _told(event, channel)) for name, (event, what) in _TOLD.items()]


def run_alerts(alerting: Alerting, datasets: Iterable[Dataset]) -> list[Alert]:
    """The alerts about runs, which the server gives by itself."""
    late, pending = alerting.alert_late_seconds, alerting.alert_pending_seconds
    words = _Words(alerting, {dataset.name: dataset.owner for dataset in datasets})
    return [
        words.alert(
            "a run crashed", _reactive("Crashed"), "crashed", "Its container or process was killed, lost, or never started its flow.",
            "Nothing is half-loaded: retry the run in the UI, it resumes. If it is killed again, look at its memory in CloudWatch.", "a-run-crashed",
        ),
        words.alert(
            "a run timed out", _reactive("TimedOut"), "timed out", "A step hangs, or there is more to do than the limit allows.",
            "Retry the run, it resumes; if it is a backfill, ask for smaller windows.", "a-run-crashed",
        ),
        words.alert(
            "a run is stuck late", _proactive({"Late"}, (*_WAITING, *_AT_WORK, *_ENDED), late), f"has been late for {late // 60} min",
            "No worker polls the pool, the pool is paused or full, or Prefect Cloud's push pool is behind.",
            "Look at the work pool: is it paused, at its limit, without a worker? The run starts by itself when that is mended.", "a-run-is-stuck",
        ),
        words.alert(
            "a run is stuck pending", _proactive(set(_WAITING), (*_AT_WORK, *_ENDED, *_SET_ASIDE), pending),
            f"has been pending for {pending // 60} min", "The container is not placed: no capacity, no image, no network, or a role is missing.",
            "Look at the task's stopped reason in ECS. Cancel the run and start it again.", "a-run-is-stuck",
        ),
    ]  # fmt: skip


def zombie_alert(alerting: Alerting) -> Alert:
    """A run whose heartbeats end without any end of its own: it is marked as crashed, and that is told.

    Prefect's own example waits for four end states: a run that timed out, was rescheduled by a stopping container, waits for a retry or was
    paused would be taken for dead. It marks them by force of nothing else, and neither do we: a run that has ended meanwhile stays as it is.
    https://docs.prefect.io/v3/advanced/detect-zombie-flows
    """
    over = {f"prefect.flow-run.{name}" for name in (*_ENDED, *_SET_ASIDE)}
    heartbeat = "prefect.flow-run.heartbeat"
    trigger = EventTrigger(
        after={heartbeat}, expect={heartbeat, *over}, match={"prefect.resource.id": RUNS}, match_related=_OURS, for_each=EACH,
        posture=Posture.Proactive, threshold=1, within=timedelta(seconds=alerting.alert_silent_seconds),
    )  # fmt: skip
    return Alert(SILENT, "A run's process is gone without a word; it is marked as crashed.", trigger, "", "")


def unwatched_alerts(alerting: Alerting, datasets: Iterable[Dataset]) -> Iterator[Alert]:
    """Datasets of which neither a load nor the hourly check has said anything: the pool itself may be dead. One for each limit."""
    limits = sorted({each.quality.freshness for each in datasets if each.quality.freshness})
    for limit in limits:
        within = limit + GRACE
        names = sorted(each.name for each in datasets if each.quality.freshness == limit)
        trigger = EventTrigger(
            after={"esteira.batch.loaded"}, expect={"esteira.batch.loaded", "esteira.dataset.stale"}, for_each=EACH, threshold=1,
            match={"prefect.resource.id": [f"esteira.dataset.{name}" for name in names]}, posture=Posture.Proactive, within=within,
        )  # fmt: skip
        hours = f"{within.total_seconds() / 3600:g} h"
        yield Alert(
            f"{PREFIX}nothing is heard for {hours}", f"Nothing was loaded of a dataset for {hours}, and nobody said why.", trigger,
            f"{{{{ event.payload.dataset }}}}: nothing is heard for {hours}",
            "*Dataset:* {{ event.payload.dataset }} | *Last batch:* {{ event.payload.batch }}\n"
            "*Likely cause:* The work pool or its worker is down, so that neither loads nor the hourly check run.\n"
            "*Next step:* Look at the work pool, then at the schedules.\n"
            f"*Runbook:* {alerting.runbook('a-run-is-stuck')}\n"
            "*Owner:* {{ event.payload.owner }}",
        )  # fmt: skip


def undelivered_alert(alerting: Alerting, switched_off: Iterable[str]) -> Alert | None:
    """A message about a dataset that was to be sent and was not, for whatever reason; its text goes with it.

    Prefect's `prefect.automation.action.failed` is emitted for some blocks only: a custom webhook that answers 503 raises what the server
    does not take for a failed action; it tries three times at once, and drops the message without an event (3.8.8). So the wait is for success,
    from the message's own event on: what follows an event is handled after it, so that a message that was taken at once is not missed.

    Args:
        alerting: Waits.
        switched_off: Names of automations that send nothing, for ops want it so: nothing is missed of them.
    """
    off = tuple(switched_off)
    sent = {event for name, (event, _) in _TOLD.items() if not any(each.startswith(name) for each in off)}
    if not sent:
        return None
    trigger = EventTrigger(
        after=sent, expect={"prefect.automation.action.executed"}, match_related={"prefect.resource.role": _ABOUT},
        for_each={f"related:{_ABOUT}:prefect.resource.id"}, posture=Posture.Proactive, threshold=1,
        within=timedelta(seconds=alerting.alert_delivery_seconds),
    )  # fmt: skip
    return Alert(
        UNDELIVERED, "Slack, or another channel, did not take a message; it comes here, and is tried on the default channel once more.",
        trigger, "Not delivered at first: {{ event.payload.subject }}",
        f"{{{{ event.payload.text }}}}\n*Runbook:* {alerting.runbook(NOT_DELIVERED)}",
    )  # fmt: skip


def failed_alert(alerting: Alerting, names: Iterable[str]) -> Alert:
    """A message about a run that its channel refused. Its text is not in the event."""
    trigger = EventTrigger(
        expect={"prefect.automation.action.failed"}, match={"prefect.resource.name": sorted(names)}, posture=Posture.Reactive, threshold=1
    )  # fmt: skip
    return Alert(
        ACTION_FAILED, "The channel refused a message about a run; the name of the alert comes here.", trigger,
        "Not delivered: {{ event.resource.name }}",
        f"Look at the newest runs. The event feed of this automation in the Prefect UI has the answer of the channel.\n*Runbook:* {alerting.runbook(NOT_DELIVERED)}",
    )  # fmt: skip


def _told(event: str, channel: str) -> EventTrigger:
    """Once for each emission: a client that outlives a restart of the server sends again what it is not sure of."""
    return EventTrigger(
        expect={event}, match={"prefect.resource.id": DATASETS, "esteira.channel": channel}, for_each={"esteira.once"},
        posture=Posture.Reactive, threshold=1, within=ONCE,
    )  # fmt: skip


def _reactive(state: str) -> EventTrigger:
    return EventTrigger(
        expect={f"prefect.flow-run.{state}"}, match={"prefect.resource.id": RUNS}, match_related=_OURS, for_each=EACH,
        posture=Posture.Reactive, threshold=1, within=ONCE,
    )  # fmt: skip


def _proactive(after: set[str], expect: Iterable[str], seconds: int) -> EventTrigger:
    return EventTrigger(
        after={f"prefect.flow-run.{name}" for name in after}, expect={f"prefect.flow-run.{name}" for name in expect},
        match={"prefect.resource.id": RUNS}, match_related=_OURS, for_each=EACH, posture=Posture.Proactive, threshold=1,
        within=timedelta(seconds=seconds),
    )  # fmt: skip


class _Words:
    """Messages about runs: the dataset is the run's parameter, its owner is known when the alerts are applied."""

    def __init__(self, alerting: Alerting, owners: dict[str, str]) -> None:
        self._alerting = alerting
        self._owners = json.dumps(dict(sorted(owners.items())), ensure_ascii=False)

    def alert(self, name: str, trigger: EventTrigger, verb: str, cause: str, next_step: str, section: str) -> Alert:
        body = _ABOUT_A_RUN.substitute(
            cause=cause, next_step=next_step, runbook=self._alerting.runbook(section), owners=self._owners
        )
        return Alert(f"{PREFIX}{name}", f"A run {verb}.", trigger, f"{{{{ flow_run.name }}}} {verb}", body)
