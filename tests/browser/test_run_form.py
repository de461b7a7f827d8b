"""The form that starts an ingestion by hand, as ops see it in the Prefect UI: datasets to choose from, and what each field means."""

from __future__ import annotations

import pytest

from local.stack import Stack
from tests.browser.chromium import Page
from tests.browser.conftest import Seen
from tests.browser.screens import run_form

pytestmark = [
    pytest.mark.browser,
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(900),
]


def test_the_run_form_offers_the_datasets_and_says_what_each_field_means(page: Page, seen: Seen, stack: Stack) -> None:
    page.open(f"{seen.prefect}/{run_form(stack)}")
    page.wait_for("Name of the contract.", "Beginning of an explicit range", "date-time")
    options = "return [...document.querySelectorAll('select option')].map(option => option.innerText.trim())"
    offered = [text for text in page.driver.execute_script(options) if text]
    assert offered == ["airlines", "airports", "flights", "planes", "weather"]
