"""Events, the alerts that listen to them with their messages, and the alarms of AWS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

from prefect.events.schemas.automations import EventTrigger

from deployments.alerting import Alerting
from deployments.alerts import (
    Alert,
    dataset_alerts,
    failed_alert,
    run_alerts,
    undelivered_alert,
    unwatched_alerts,
    zombie_alert,
)
from docs.hooks.text import Constant, code, constants, fenced, page, table
from esteira.catalogue import load_catalogue
from esteira.contract import Dataset
from esteira.settings import PROJECT_FOLDER
from infra.deploy import statements

NAME = r"esteira\.(?:batch|dataset|asset)\.[a-z_]+"
_LEAD = (
    "What becomes of a batch or a dataset is emitted as a Prefect event with the dataset as its resource (`esteira.dataset.<name>`). Alerts are Prefect automations that "
    "`esteira deploy` applies; [Alerts](../operations/alerts.md) tells how to live with them. Alarms are CloudWatch's, and need no Prefect."
)
_COMMON = (
    "Each payload has `dataset`, `batch` (empty where it is about none) and `owner` too; where people are told, also `subject` and `text`, which are the message. "
    "Labels of the resource: `esteira.owner`, `esteira.channel` (`none` where nobody is told), `esteira.once`."
)


def make() -> str:
    """The page."""
    alerts = everything()
    listed = table(["event", "when", "payload", "alert that listens"], [_event(each, alerts) for each in emitted()])
    shown = table(
        ["alert", "means", "waits for"], [[code(each.name), each.description, _waits(each.trigger)] for each in alerts]
    )
    said = [part for each in alerts for part in _message(each)]
    alarms = table(["alarm", "when", "runbook"], list(alarm_rows()))
    return page(
        "Events and alerts", _LEAD, "## Events", _COMMON, listed, "## Alerts", shown, "### What they say", _ABOUT, *said, "## Alarms of AWS", alarms
    )  # fmt: skip


_ABOUT = (
    "Messages about datasets come with their events, as `subject` and `text`: what happened, where, likely cause, next step, rows, links, owner. Those about runs are written "
    "by the server, and filled in from the run."
)


def emitted() -> list[Constant]:
    """The events of the code."""
    return list(constants(NAME))


def payload(event: Constant) -> list[str]:
    """Names of what its payload has, as its docstring says."""
    return re.findall(r"\w+", event.says.partition("Payload:")[2])


def everything() -> list[Alert]:
    """All alerts, for the contracts of this repository and one channel."""
    alerting = Alerting(docs_url=None, slack_url=None, second_url=None)
    datasets: list[Dataset] = list(load_catalogue(PROJECT_FOLDER / "datasets").values())
    about_runs = run_alerts(alerting, datasets)
    undelivered = undelivered_alert(alerting, ())
    return [
        *dataset_alerts("default"), *unwatched_alerts(alerting, datasets), *about_runs, zombie_alert(alerting),
        *([undelivered] if undelivered else []), failed_alert(alerting, [each.name for each in about_runs]),
    ]  # fmt: skip


def alarm_rows() -> Iterator[tuple[str, str, str]]:
    """The alarms of every template: name, what it means, where it is described."""
    for path in statements.TEMPLATES:
        for resource in statements.resources(path, "AWS::CloudWatch::Alarm").values():
            facts = resource["Properties"]
            says, _, where = facts["AlarmDescription"].partition(" What to do: ")
            anchor = where.rpartition("#")[2]
            yield (
                code(facts["AlarmName"].replace("${Stage}", "<stage>")),
                says,
                f"[{anchor}](../operations/monitoring.md#{anchor})",
            )


def _event(event: Constant, alerts: Iterable[Alert]) -> list[str]:
    listening = [code(each.name) for each in alerts if event.value in each.trigger.expect and not each.trigger.after]
    names = ", ".join(code(name) for name in payload(event))
    return [code(event.value), event.says.partition("Payload:")[0], names, ", ".join(listening) or "none"]


def _waits(trigger: EventTrigger) -> str:
    if trigger.posture.value == "Reactive":
        return _listed(trigger.expect)
    return f"none of {_listed(trigger.expect)} within {_span(trigger.within)} after {_listed(trigger.after)}"


def _listed(events: Iterable[str]) -> str:
    """Their names; of the many states that a run can get into, that they are many."""
    names = sorted(events)
    return (
        ", ".join(map(code, names))
        if len(names) < 8
        else f"{len(names)} other events of the run, such as {code(names[-1])}"
    )


def _span(within: timedelta) -> str:
    seconds = within.total_seconds()
    return (
        f"{seconds / 3600:g} h" if seconds >= 7200 else f"{seconds / 60:g} min" if seconds >= 120 else f"{seconds:g} s"
    )


def _message(alert: Alert) -> Iterator[str]:
    if alert.subject and "event.payload.subject" not in alert.subject:
        # Owners are a table of names that each stage fills in for itself.
        body = re.sub(r"\{\{ \{.*?\}\.get\(.*?\) \}\}", "{{ owner }}", alert.body)
        yield f"`{alert.name}`"
        yield fenced(f"{alert.subject}\n{body}")
