"""What alerts wait for, without a server."""

from __future__ import annotations

import inspect

import pytest
from prefect import states
from prefect.client.schemas.objects import TERMINAL_STATES

from deployments.alerting import Alerting, read_alerting
from deployments.alerts import (
    PREFIX,
    UNDELIVERED,
    dataset_alerts,
    failed_alert,
    run_alerts,
    undelivered_alert,
    unwatched_alerts,
    zombie_alert,
)
from esteira.catalogue import load_catalogue
from esteira.errors import ConfigError
from tests.deploy.conftest import ROOT

DATASETS = list(load_catalogue(ROOT / "datasets").values())
STANDING = {"Pending", "Submitting", "InfrastructurePending", "Running", "Retrying"}
"""States of a run that goes on, or is about to: a process that dies in one of them leaves no other."""


def test_each_alert_has_a_name_of_its_own_that_begins_with_ours():
    alerting = Alerting()
    alerts = [
        *dataset_alerts("default"), *dataset_alerts("finance", " → finance"), *run_alerts(alerting, DATASETS),
        *unwatched_alerts(alerting, DATASETS), zombie_alert(alerting), undelivered_alert(alerting, ()), failed_alert(alerting, ()),
    ]  # fmt: skip
    names = [alert.name for alert in alerts if alert]
    assert len(set(names)) == len(names) == 22
    assert all(name.startswith(PREFIX) for name in names)


def test_a_silent_run_is_awaited_until_a_heartbeat_or_any_state_that_ends_it_or_sets_it_aside():
    trigger = zombie_alert(Alerting()).trigger
    known = {name for name, make in inspect.getmembers(states, inspect.isfunction) if name[0].isupper()}
    missing = {f"prefect.flow-run.{name}" for name in known - STANDING} - trigger.expect
    assert len(known) > 12
    assert not missing
    assert {f"prefect.flow-run.{kind.value.title()}" for kind in TERMINAL_STATES} <= trigger.expect
    assert not {f"prefect.flow-run.{name}" for name in STANDING} & trigger.expect
    assert trigger.after < trigger.expect


def test_nothing_is_missed_of_an_alert_that_ops_switched_off():
    alerting = Alerting()
    every, fewer = (
        undelivered_alert(alerting, ()),
        undelivered_alert(alerting, [f"{PREFIX}a dataset is slow → finance"]),
    )
    assert every
    assert fewer
    assert every.trigger.after - fewer.trigger.after == {"esteira.dataset.slow"}
    assert undelivered_alert(alerting, [alert.name for alert in dataset_alerts("default")]) is None


def test_what_goes_by_the_second_channel_is_waited_for_by_nothing():
    alerting = Alerting()
    undelivered, refused = undelivered_alert(alerting, ()), failed_alert(alerting, [f"{PREFIX}a run crashed"])
    assert undelivered
    assert all(event.startswith("esteira.") for event in undelivered.trigger.after)
    assert UNDELIVERED not in refused.trigger.match["prefect.resource.name"]


def test_messages_lead_to_the_runbook_where_the_documentation_is_served():
    assert Alerting().runbook("x") == "docs/operations/runbook.md#x"
    assert Alerting(docs_url="https://docs/").runbook("x") == "https://docs/operations/runbook.html#x"


@pytest.mark.parametrize(("name", "value"), [("CHANNELS", "finance=slack"), ("ALERT_LATE_SECONDS", "5")])
def test_a_variable_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(f"ESTEIRA_{name}", value)
    with pytest.raises(ConfigError, match="not described rightly") as raised:
        read_alerting()
    assert name.lower() in raised.value.message.lower()
    assert "docs/operations/alerts.md" in raised.value.hint


def test_the_runbook_has_each_section_that_a_message_leads_to():
    page = (ROOT / "docs/operations/runbook.md").read_text(encoding="utf-8")
    headings = {line.lstrip("# ").lower().replace(" ", "-") for line in page.splitlines() if line.startswith("###")}
    told = ("tasks/announce.py", "tasks/loaded.py", "deployments/alerts.py")
    texts = [(ROOT / path).read_text(encoding="utf-8") for path in told]
    named = {word for text in texts for word in text.split('"') if word.startswith(("a-", "quarantine-"))}
    assert len(named) >= 5
    assert named <= headings, named - headings
