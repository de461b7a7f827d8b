"""What is asked of the pool for one window."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from blocks.runs import INGEST, REBUILD, Ended
from datasets.weather import DATASET
from esteira.backfill import Asked, plan_backfill
from esteira.warehouse import LedgerEntry
from flows.windows import Terms, _ended, _wanted

START, END, FAR = (datetime(*day, tzinfo=UTC) for day in ((2013, 1, 1), (2013, 1, 8), (2014, 1, 1)))
TERMS = Terms("weather", FAR, 2, is_on_pool=True)


def planned(entries: list[LedgerEntry], *, is_forced: bool = False) -> Any:
    (window,) = plan_backfill(DATASET, Asked(START, END, is_forced=is_forced), entries, (), FAR).windows
    return window


FRESH = planned([])
ENTRY = LedgerEntry(FRESH.batch.id, START, END, generation=3)


def test_a_missing_window_is_an_ingestion_of_its_range():
    wanted = _wanted(FRESH, TERMS)
    assert (wanted.deployment, wanted.is_once) == (INGEST, False)
    assert wanted.key == f"ingest weather {FRESH.batch.id}"
    assert wanted.parameters == {
        "dataset": "weather", "start": "2013-01-01T00:00:00+00:00", "end": "2013-01-08T00:00:00+00:00", "as_of": FAR.isoformat(),
    }  # fmt: skip


def test_a_window_by_force_is_a_rebuild_of_its_batch_asked_for_once_for_each_generation():
    wanted = _wanted(planned([ENTRY], is_forced=True), TERMS)
    assert wanted.deployment == REBUILD
    assert wanted.parameters == {"dataset": "weather", "source": "portal", "batches": [FRESH.batch.id]}
    later = _wanted(planned([replace(ENTRY, generation=4)], is_forced=True), TERMS)
    assert wanted.key != later.key


@pytest.mark.parametrize(
    ("state", "message", "error"),
    [
        ("Failed", "LoadError [weather 2013-01-01]: Redshift refused it.", "LoadError"),
        ("Failed", "Flow run encountered an exception: KeyError", "Failed"),
        ("Crashed", "Any container may die.", "Crashed"),
        ("Cancelled", "", "Cancelled"),
    ],
)
def test_a_run_that_failed_is_told_by_its_error_or_else_by_its_state(state: str, message: str, error: str):
    outcome = _ended(FRESH, Ended("weather 2013", is_completed=False, state=state, message=message))
    assert (outcome.fate, outcome.error) == ("failed", error)
    assert outcome.message


def test_a_run_that_had_nothing_to_load_found_the_window_loaded():
    assert _ended(FRESH, Ended("weather 2013", is_completed=True, state="Completed")).fate == "loaded before"
