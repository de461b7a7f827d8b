"""Debian's Chromium: its packages, a fresh browser, and a page as a person reads it.

The driver is named by its path, so that selenium has nothing to look for or to download.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
)
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PROGRAMS = {"chromium": Path("/usr/bin/chromium"), "chromium-driver": Path("/usr/bin/chromedriver")}
PAGE_SECONDS = 30.0
END_SECONDS = 10.0
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=1400,1200",
    # A page that needs another machine must fail here, not only where there is no network.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
# An application redraws while it loads: the element that was found may be gone, covered or not there yet.
REDRAWN = (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
)


def install_packages() -> None:
    """Install what is missing with apt-get where that is possible; elsewhere say what to install."""
    missing = [package for package, program in PROGRAMS.items() if not program.exists()]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.fail(
            f"The browser tests drive Debian's Chromium, and {' and '.join(missing)} cannot be found here "
            f"({', '.join(str(program) for program in PROGRAMS.values())}). Next step: run `make test-browser` as root on Debian, "
            f"which installs them, or have root run `apt-get install {' '.join(missing)}`; then run the same command again.",
            pytrace=False,
        )
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=quiet, capture_output=True, timeout=300, check=True)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    subprocess.run(install, env=quiet, capture_output=True, timeout=600, check=True)


@dataclass(frozen=True)
class Page:
    """What the browser shows. Everything waits for what it asks for, and nothing sleeps."""

    driver: Chrome

    def open(self, address: str) -> None:
        self.driver.get(address)

    @property
    def text(self) -> str:
        """The visible text; empty for a blank page."""
        return str(self.driver.execute_script("return document.body ? document.body.innerText : ''"))

    @property
    def status(self) -> int:
        """The HTTP status of the page itself."""
        script = "return performance.getEntriesByType('navigation')[0].responseStatus"
        return int(self.driver.execute_script(script))

    def wait_for(self, *texts: str) -> None:
        """Wait until all of these can be read on the page."""
        WebDriverWait(self.driver, PAGE_SECONDS).until(
            lambda _: all(text in self.text for text in texts), f"Not all of {texts} can be read on the page."
        )

    def wait_until(self, look: Callable[[], bool]) -> None:
        """Until a look is satisfied."""
        WebDriverWait(self.driver, PAGE_SECONDS).until(lambda _: look())

    def follow(self, link: str) -> None:
        """Click the link that has exactly this text, alone or as one of several."""
        self._click(By.XPATH, f"//a[normalize-space()='{link}' or .//*[normalize-space()='{link}']]")

    def choose(self, tab: str) -> None:
        """Click the tab with exactly this name."""
        self._click(By.XPATH, f"//*[@role='tab'][normalize-space()='{tab}']")

    def follow_newest_version(self) -> None:
        """From the page of an artifact's key to what the newest run wrote under it."""
        self._click(By.XPATH, "//a[contains(@href, '/artifacts/artifact/')]")

    def only_row(self) -> dict[str, str]:
        """The table on the page, once it has a header and one row."""

        def cells(driver: Chrome) -> list[list[str]] | None:
            script = "return ['th', 'td'].map(kind => [...document.querySelectorAll(kind)].map(cell => cell.innerText.trim()))"
            header, row = driver.execute_script(script)
            return [header, row] if header and len(header) == len(row) else None

        wait = WebDriverWait(self.driver, PAGE_SECONDS)
        header, row = wait.until(cells, "There is no table of one row on the page.")
        return dict(zip(header, row, strict=True))

    def severe_messages(self) -> list[str]:
        """What the console calls an error, since the last time somebody asked."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def _click(self, by: str, value: str) -> None:
        def is_clicked(driver: Chrome) -> bool:
            driver.find_element(by, value).click()
            return True

        wait = WebDriverWait(self.driver, PAGE_SECONDS, ignored_exceptions=REDRAWN)
        wait.until(is_clicked, f"There is nothing to click at {value!r}.")


@contextmanager
def fresh_page(home: Path) -> Iterator[Page]:
    """A browser that knows nothing yet and writes only into `home`; none of its processes is left behind."""
    options = ChromeOptions()
    options.binary_location = str(PROGRAMS["chromium"])
    for flag in (*FLAGS, f"--user-data-dir={home / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(
        str(PROGRAMS["chromium-driver"]),
        env={**os.environ, "HOME": str(home)},
        popen_kw={"start_new_session": True},  # so that all its processes can be recognised
    )
    driver = Chrome(options=options, service=service)
    session = service.process.pid
    try:
        assert session_processes(session), "No process of the browser was found: the check below would look at nothing."
        yield Page(driver)
    finally:
        driver.quit()
        _await_end(session)


def session_processes(session: int) -> list[str]:
    """The names of the processes of a session that have not ended."""
    return [name for name, state, found in _processes() if found == session and state != "Z"]


def _await_end(session: int) -> None:
    deadline = time.monotonic() + END_SECONDS
    while left := session_processes(session):
        assert time.monotonic() < deadline, f"The browser was told to quit, and these still run: {left}."
        time.sleep(0.05)


def _processes() -> Iterator[tuple[str, str, int]]:
    """Name, state and session of every process (proc(5): the name stands in brackets and may hold anything)."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text(errors="replace").partition("(")[2].rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we were looking
        state, _parent, _group, session, *_ = rest.split()
        yield name, state, int(session)
