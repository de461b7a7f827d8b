"""The documentation as it lies on a disk: no server, and no other host."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser.chromium import PAGE_SECONDS, Page, fresh_page, install_packages

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=100, capture_output=True)
    return folder


@pytest.fixture
def page(site: Path, tmp_path: Path) -> Iterator[Page]:
    install_packages()
    with fresh_page(tmp_path) as page:
        page.open((site / "index.html").as_uri())
        yield page


def test_a_setting_is_found_in_pages_that_were_opened_from_a_disk(page: Page) -> None:
    box = page.driver.find_element(By.CSS_SELECTOR, ".md-search__input")
    box.click()
    box.send_keys("ESTEIRA_FAN_OUT")
    found = "a.md-search-result__link[href*='reference/settings.html']"
    WebDriverWait(page.driver, PAGE_SECONDS).until(
        lambda driver: driver.find_elements(By.CSS_SELECTOR, found), "The page of settings is not found."
    )
    # The theme's choice of languages asks for the site map, which a page from a disk may not; its links lead there all the same.
    assert [
        each for each in page.severe_messages() if "sitemap.xml" not in each and "net::ERR_FAILED" not in each
    ] == []


def test_pages_of_both_languages_are_found(site: Path) -> None:
    index = (site / "search/search_index.js").read_text(encoding="utf-8")
    assert '"location":"reference/settings.html' in index
    assert '"location":"pt/start.html' in index
