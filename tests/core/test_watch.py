"""The hourly look at what is old: each dataset has a word in the events, and a person hears of those that nobody holds."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import tasks.notices
import tasks.watch
from datasets.airlines import DATASET
from deployments.alerting import Alerting
from deployments.alerts import unwatched_alerts
from esteira.contract import Dataset, Quality

NOW = datetime(2014, 1, 9, 6, tzinfo=UTC)
OLD, NEW = NOW - timedelta(days=3), NOW - timedelta(hours=1)


def limited(name: str) -> Dataset:
    return replace(DATASET, name=name, quality=Quality(freshness=timedelta(hours=26)))


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the server gets of the watch, of three datasets: one is fresh, one old, one old and paused."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.notices, "emit_event", lambda **said: found.append(said))
    monkeypatch.setattr(tasks.notices, "_catalogue", lambda: None)
    for module in (tasks.notices, tasks.watch):
        monkeypatch.setattr(module, "get_run_logger", lambda: logging.getLogger("test"))
    for name, answer in {
        "open_incidents": list, "begin": lambda _: True, "silence_of": lambda *_: None, "channel_of": lambda _: "default",
    }.items():  # fmt: skip
        monkeypatch.setattr(tasks.watch.incidents, name, answer)
    monkeypatch.setattr(tasks.watch, "open_warehouse", lambda: None)
    monkeypatch.setattr(tasks.watch, "watermarks", lambda *_: {"fresh": NEW, "old": OLD, "paused": OLD})
    monkeypatch.setattr(
        tasks.watch, "read_hold", lambda _, dataset: "paused by ana" if dataset.name == "paused" else None
    )
    return found


def test_a_paused_dataset_is_told_to_nobody_and_the_server_hears_that_it_is_watched(emitted: list[dict[str, Any]]):
    datasets = [limited(name) for name in ("fresh", "old", "paused")]
    assert tasks.watch.watch_freshness.fn(datasets, NOW) == ["old"]
    said = {each["resource"]["prefect.resource.name"]: each for each in emitted}
    assert said.keys() == {"old", "paused"}
    assert {name: each["resource"]["esteira.channel"] for name, each in said.items()} == {
        "old": "default",
        "paused": "none",
    }
    assert "text" not in said["paused"]["payload"]
    (alert,) = unwatched_alerts(Alerting(), datasets)
    for each in said.values():
        assert each["event"] in alert.trigger.expect
        assert each["resource"]["prefect.resource.id"] in alert.trigger.match["prefect.resource.id"]
