"""When a batch is given up: which attempts count, and what is said."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from esteira import giving_up
from esteira.batch import Batch, Window
from esteira.errors import (
    AuthError,
    ConfigError,
    ContractError,
    DataQualityError,
    LakeUnavailable,
    LoadError,
    PayloadError,
    RateLimited,
    SealConflict,
    SourceRejected,
    SourceUnavailable,
    SpreadsheetError,
    WarehouseBusy,
    WorkerLost,
)
from esteira.lake import AttemptNote, Lake

pytestmark = pytest.mark.fault(57)
BATCH = Batch(
    "rows", "b1", Window(datetime(2014, 1, 1, tzinfo=UTC), datetime(2014, 1, 2, tzinfo=UTC)), is_snapshot=False
)
ABOUT_THE_BATCH = (PayloadError, SpreadsheetError, ContractError, DataQualityError, LoadError, WorkerLost)
AROUND_IT = (
    AuthError,
    ConfigError,
    LakeUnavailable,
    RateLimited,
    SealConflict,
    SourceRejected,
    SourceUnavailable,
    WarehouseBusy,
)


@pytest.mark.parametrize("kind", [*ABOUT_THE_BATCH, MemoryError, ZeroDivisionError], ids=lambda kind: kind.__name__)
def test_an_error_about_what_the_batch_holds_counts_and_so_does_a_defect(kind: Any):
    note = giving_up.ended("n", kind("It broke."))
    assert (note.outcome, giving_up.counted([note])) == ("failed", [note])
    assert giving_up.reason([note]) == f"{kind.__name__}: It broke."


@pytest.mark.parametrize("kind", AROUND_IT, ids=lambda kind: kind.__name__)
def test_what_would_fail_the_next_batch_as_well_does_not_count(kind: Any):
    assert giving_up.counted([giving_up.ended("n", kind("It broke."))]) == []


@pytest.mark.parametrize(
    "kind", [KeyboardInterrupt, SystemExit, asyncio.CancelledError], ids=lambda kind: kind.__name__
)
def test_a_run_that_was_stopped_does_not_count(kind: Any):
    assert giving_up.counted([giving_up.ended("n", kind())]) == []


def test_a_process_that_died_counts_and_a_success_does_not():
    notes = [AttemptNote("1"), giving_up.ended("2", None)]
    assert giving_up.counted(notes) == notes[:1]
    assert giving_up.reason(notes[:1]) == giving_up.DIED


def test_the_lake_keeps_each_attempt_and_how_it_ended(lake: Lake):
    died = lake.begin_attempt("rows", "b1")
    failed = lake.begin_attempt("rows", "b1")
    lake.end_attempt("rows", "b1", giving_up.ended(failed, LoadError("No.")))
    assert {(note.id, note.outcome, note.reason) for note in lake.attempts("rows", "b1")} == {
        (died, "open", ""),
        (failed, "failed", "LoadError: No."),
    }
    assert lake.attempts("rows", "b2") == []


def test_an_attempt_alone_opens_no_batch(lake: Lake):
    lake.begin_attempt("rows", "b1")
    assert lake.batches("rows") == []


def test_the_error_says_how_often_and_why_and_which_command_tries_again():
    error = giving_up.given_up(BATCH, [AttemptNote("1", "failed", "LoadError: No.")] * 3)
    assert error.message == (
        "The batch failed 3 times and is given up; its window is not in the table. The last time: LoadError: No."
    )
    assert "`esteira ingest rows --start 2014-01-01T00:00Z --end 2014-01-02T00:00Z` tries it again" in error.hint


def test_of_a_snapshot_the_next_run_takes_everything_anew():
    snapshot = Batch("rows", "b1", BATCH.window, is_snapshot=True)
    assert "the next scheduled run" in giving_up.given_up(snapshot, [AttemptNote("1")]).hint
