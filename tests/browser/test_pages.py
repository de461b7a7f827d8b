"""What a person sees in a browser: the runs, a failure's cause and next step, its message in Slack, and a closed portal."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from local.ports import Ports
from tests.browser.chromium import Page
from tests.browser.conftest import Seen

CAUSE = "The portal delivered 16 rows; the contract's floor (min_rows) is 17."
NEXT_STEP = "Next step: Nothing was loaded and the watermark stands. Ask the portal's owner"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(900),  # the first test may install a browser; each wait on a page has its own, short limit
]


def open_run(page: Page, seen: Seen, name: str) -> None:
    """As a person goes: from the address that `esteira stack up` prints, by clicks."""
    page.open(seen.prefect)
    page.follow("Runs")
    page.follow(name)
    page.wait_for(name, "Task Runs")


def open_artifact(page: Page, seen: Seen, key: str) -> None:
    open_run(page, seen, seen.loaded)
    page.choose("Artifacts")
    page.follow(key)
    page.follow_newest_version()


def test_the_prefect_ui_on_another_port_lists_the_runs_by_readable_names(page: Page, seen: Seen) -> None:
    assert urlsplit(seen.prefect).port != Ports().prefect
    page.open(seen.prefect)
    page.follow("Runs")
    page.wait_for(seen.loaded, "Completed", seen.failed, "Failed")


def test_a_loaded_run_leads_to_the_summary_of_its_rows(page: Page, seen: Seen) -> None:
    open_artifact(page, seen, "airlines-summary")
    page.wait_for("16 extracted = 16 curated + 0 quarantined", "16 curated = 16 inserted + 0 updated")


def test_a_loaded_run_leads_to_the_table_of_its_counts(page: Page, seen: Seen) -> None:
    open_artifact(page, seen, "airlines-counts")
    page.wait_for("Rows of airlines 2014-01-02")
    written = {"inserted": "16", "updated": "0", "unchanged": "0", "stale": "0", "duplicate": "0"}
    assert page.only_row() == {"extracted": "16", "curated": "16", "quarantined": "0"} | written


def test_a_run_shows_whose_it_is_by_its_tags(page: Page, seen: Seen) -> None:
    open_run(page, seen, seen.loaded)
    page.wait_for("dataset:airlines", "owner:bi-team", "cadence:daily", "stage:local")


def test_the_log_of_a_run_is_a_story_of_its_steps(page: Page, seen: Seen) -> None:
    open_run(page, seen, seen.loaded)
    page.choose("Logs")
    name = seen.loaded
    page.wait_for(
        f"{name}: 16 rows are curated, 0 in quarantine", f"{name}: committed: 16 inserted; the table has 16 rows"
    )


def test_a_loaded_run_tells_where_its_time_went(page: Page, seen: Seen) -> None:
    open_artifact(page, seen, "airlines-summary")
    page.wait_for("source 16 = 16 extracted", "extract, and curate meanwhile", "rows/s", "Quality page")


def test_the_artifacts_page_leads_to_how_a_dataset_stands(page: Page, seen: Seen) -> None:
    page.open(f"{seen.prefect}/artifacts")
    page.follow("latest-airlines")
    page.follow_newest_version()
    page.wait_for("dw.airlines has 16 rows, as of 2014-01-02.", "16 inserted")


def test_a_failed_run_tells_its_state_and_cause_without_a_traceback(page: Page, seen: Seen) -> None:
    open_run(page, seen, seen.failed)
    page.choose("Details")
    page.wait_for("Failed", "State Message", "DataQualityError", CAUSE)
    assert "Traceback" not in page.text


def test_a_failed_run_tells_the_next_step_without_a_traceback(page: Page, seen: Seen) -> None:
    open_run(page, seen, seen.failed)
    page.choose("Details")
    page.wait_for("State Message", NEXT_STEP)
    assert "Traceback" not in page.text


def test_the_slack_catcher_shows_the_failed_run_with_its_next_step(page: Page, seen: Seen) -> None:
    page.open(seen.slack)
    page.wait_for(
        f"{seen.failed}-", " failed: DataQualityError", "*Next step:* ", f"*Run:* {seen.prefect}/runs/flow-run/"
    )
    assert page.severe_messages() == []


def test_the_portal_refuses_a_reader_without_a_token(page: Page, seen: Seen) -> None:
    page.open(f"{seen.portal}/flights/airlines.json")
    page.wait_for("Forbidden")
    assert page.status == 403
    assert "United Air Lines" not in page.text
