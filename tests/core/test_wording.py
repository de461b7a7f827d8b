"""What ops read of a batch: rows and times, as text."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from esteira.batch import Batch, Window
from esteira.warehouse import LedgerEntry
from tasks.latest import SHOWN, LoadedBatch, latest_text
from tasks.report import Page
from tasks.wording import rows_of, size, steps_table, written

START, END = datetime(2013, 3, 1, tzinfo=UTC), datetime(2013, 3, 8, tzinfo=UTC)
SECONDS = {"extract": 4.0, "curate": 0.1, "load": 1.0, "publish": 0.4}


def entry(**facts: object) -> LedgerEntry:
    counts = {
        "extracted": 1000,
        "curated": 990,
        "quarantined": 10,
        "inserted": 900,
        "updated": 90,
        "total_reported": 1000,
    }
    return LedgerEntry("2013-03-01_2013-03-08-aea84ebd", START, END, **(counts | {"table_rows": 5000} | facts))  # type: ignore[arg-type] # as the test says


def loaded(**facts: object) -> LoadedBatch:
    batch = Batch("flights", "2013-03-01_2013-03-08-aea84ebd", Window(START, END), is_snapshot=False)
    return LoadedBatch(batch, entry(**facts), SECONDS, Page("s3://lake/page", "https://pages.example/1.html"))


@pytest.mark.parametrize(
    ("total", "beginning"),
    [
        (1000, "source 1,000 = **1,000** ext"),
        (1001, "source 1,001 ≠ **1,000** ext"),
        (None, "the source tells no total; **1,000** ext"),
    ],
)
def test_the_equation_begins_with_what_the_source_said(total: int | None, beginning: str):
    first, second = rows_of(entry(total_reported=total))
    assert first.startswith(beginning)
    assert first.endswith("extracted = **990** curated + **10** quarantined")
    assert second == "990 curated = 900 inserted + 90 updated + 0 unchanged + 0 stale + 0 duplicate"


def test_what_did_not_happen_to_any_row_is_not_told():
    assert written(entry()) == "900 inserted, 90 updated"
    assert written(entry(inserted=0, updated=0)) == "no row"


def test_the_time_of_each_step_and_of_all_is_told_with_a_speed_where_every_row_passes():
    assert steps_table(SECONDS, 1000)[2:] == [
        "| extract, and curate meanwhile | 4.0 | 250 |",
        "| curate what was left, and seal | 0.1 |  |",
        "| load | 1.0 | 1,000 |",
        "| publish: quality page | 0.4 |  |",
        "| all | 5.5 | 182 |",
    ]
    assert steps_table({}, 1000) == []
    assert steps_table({"load": 0.0}, 0)[2] == "| load | 0.0 |  |"


def test_a_size_is_told_in_a_unit_that_shows_it():
    assert (size(1234), size(3_050_000)) == ("1.2 kB", "3.0 MB")


def test_the_latest_artifact_says_how_far_the_table_is_and_what_the_run_loaded():
    text = latest_text("dw.flights", [loaded()])
    assert "`dw.flights` has **5,000** rows, loaded up to 2013-03-08 00:00Z." in text
    row = (
        "| [2013-03-01→08](https://pages.example/1.html) | 1,000 | 1,000 | 990 | 10 | 900 inserted, 90 updated | 182 |"
    )
    assert row in text.splitlines()


def test_a_run_of_very_many_batches_tells_the_newest_and_sums_all():
    lines = latest_text("dw.flights", [loaded(table_rows=None) for _ in range(SHOWN + 5)]).splitlines()
    assert sum("pages.example" in line for line in lines) == SHOWN
    assert any(line.startswith("| … and 5 before them") for line in lines)
    assert any(line.startswith("| load | 35.0 |") for line in lines)


def test_that_a_step_ended_well_is_no_line_of_its_own():
    logger, texts = (
        logging.getLogger("prefect.task_runs"),
        ("Finished in state Completed()", "Finished in state Failed('x')", "committed"),
    )
    records = [logger.makeRecord(logger.name, logging.INFO, "", 0, text, (), None) for text in texts]
    assert [record.getMessage() for record in records if logger.filter(record)] == list(texts[1:])
