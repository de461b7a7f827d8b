"""What an event carries is what the reference says of it: each is emitted here as the flows do, without a server, a lake or a warehouse."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import tasks.announce
import tasks.drift
import tasks.figures
import tasks.loaded
import tasks.notices
import tasks.refresh
from blocks import incidents
from blocks.incidents import Incident
from docs.hooks import events
from esteira.alerts.trend import Counts
from esteira.batch import Batch, Window
from esteira.catalogue import find_dataset
from esteira.contract import Asset, Webhook
from esteira.errors import DataQualityError, LoadError, PayloadError
from esteira.refresh.due import Decision
from esteira.refresh.outcome import Outcome
from esteira.settings import PROJECT_FOLDER
from esteira.warehouse import LedgerEntry, LoadResult

DATASET = find_dataset(PROJECT_FOLDER / "datasets", "airlines")
START = datetime(2014, 1, 1, tzinfo=UTC)
BATCH = Batch("airlines", "2014-01-01-6ca5a8a0", Window(START, START + timedelta(days=1)), is_snapshot=True)
ENTRY = LedgerEntry(
    BATCH.id, START, START + timedelta(days=1), extracted=1000, curated=992, inserted=992, quarantined=8, seconds=3600.0
)
BEFORE = [replace(ENTRY, batch_id=f"b{number}", seconds=10.0) for number in range(20)]
COMMON = {"dataset", "batch", "owner"}
TOLD = {"subject", "text"}


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.notices, "emit_event", lambda **said: found.append(said))
    monkeypatch.setattr(tasks.notices, "_catalogue", lambda: None)
    monkeypatch.setattr(tasks.notices, "get_run_logger", lambda: logging.getLogger("test"))
    for name, answer in {
        "begin": lambda _: True, "silence_of": lambda *_: None, "channel_of": lambda _: "default",
        "end": lambda *_: [Incident("stale", "airlines", what="stale", since="2014-01-01")],
    }.items():  # fmt: skip
        monkeypatch.setattr(incidents, name, answer)
    monkeypatch.setattr(tasks.figures, "other_entries", lambda *_: BEFORE)
    monkeypatch.setattr(tasks.figures, "counts_so_far", lambda *_: Counts(1000, 8))
    monkeypatch.setattr(tasks.figures, "reasons_of", lambda *_: {"carrier: not_null": 8})
    monkeypatch.setattr(tasks.announce, "measure_failed", lambda *_: None)
    return found


def load() -> None:
    tasks.loaded.announce_loaded(BATCH, LoadResult(ENTRY, is_new=True), DATASET, None)


CASES: dict[str, Callable[[], None]] = {
    "esteira.batch.failed": lambda: tasks.announce.announce_failure(PayloadError("broken", dataset="airlines", batch=BATCH.id), DATASET),
    "esteira.batch.loaded": load,
    "esteira.batch.quarantined": lambda: tasks.announce.announce_failure(
        DataQualityError("too many", dataset="airlines", batch=BATCH.id, extracted=1000, quarantined=300, refused={"carrier: not_null": 300}), DATASET
    ),
    "esteira.dataset.stale": lambda: tasks.announce.announce_stale(DATASET, "30 h", "26 h", "2014-01-01"),
    "esteira.dataset.slow": load,
    "esteira.dataset.recovered": lambda: tasks.announce.announce_recovery("airlines", "bi-team", ("stale",)),
    "esteira.asset.failed": lambda: tasks.refresh._announce(
        Outcome(Asset("board", needs=("airlines",), refresher=Webhook("https://bi.example", secret="hook")), Decision("failed"), error=LoadError("no"))
    ),
    "esteira.dataset.drifted": lambda: tasks.drift._notify(DATASET, BATCH.id, ["a column is new"], ["alliance"], "--- a"),
}  # fmt: skip


def test_every_event_of_the_code_is_emitted_here() -> None:
    assert set(CASES) == {each.value for each in events.emitted()}, "Fix: emit the event in CASES as the flow does."


@pytest.mark.parametrize("event", events.emitted(), ids=lambda each: each.value)
def test_the_payload_is_what_the_reference_says(event: Any, emitted: list[dict[str, Any]]) -> None:
    CASES[event.value]()
    said = [each for each in emitted if each["event"] == event.value]
    assert said, f"{event.value} was not emitted; these were: {[each['event'] for each in emitted]}"
    found = set(said[0]["payload"])
    assert found - COMMON - TOLD == set(events.payload(event)), (
        f"Fix: the line `Payload:` below the constant in {event.module}."
    )
    assert found >= COMMON
    assert (found >= TOLD) == (said[0]["resource"]["esteira.channel"] == "default")


@pytest.mark.parametrize(("kinds", "word"), [(("refresh",), "BI asset"), (("stale",), "Dataset")])
def test_a_recovery_says_whether_it_is_about_a_dataset_or_a_bi_asset(kinds: Any, word: str, emitted: Any) -> None:
    tasks.announce.announce_recovery("board", "bi-team", kinds)
    assert emitted[0]["payload"]["text"].startswith(f"*{word}:* board\n")


def test_the_message_about_an_asset_that_is_not_refreshed_does_not_call_it_a_dataset(emitted: Any) -> None:
    CASES["esteira.asset.failed"]()
    assert emitted[0]["payload"]["text"].startswith("*BI asset:* board\n")
