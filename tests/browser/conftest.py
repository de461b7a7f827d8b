"""One stack with one good and one failed run, and a fresh browser for each test of this folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.ports import Ports
from local.stack import Stack, StackConfig, running
from tests.browser.chromium import Page, fresh_page, install_packages

ROOT = Path(__file__).resolve().parents[2]
AS_OF = "2014-01-02T06:00Z"
FLIGHTS = 200
COMMAND_SECONDS = 100
DATA_ERROR = 65
TOO_FEW = '''"""airlines, with a floor that its 16 rows do not reach."""

import dataclasses

from datasets.airlines import DATASET as _BASE
from esteira.contract import Quality

DATASET = dataclasses.replace(_BASE, name="too_few_airlines", title={}, quality=Quality(min_rows=17))
'''


@dataclass(frozen=True)
class Seen:
    """What there is to look at, by the names that a person knows."""

    prefect: str
    slack: str
    portal: str
    loaded: str = "airlines 2014-01-02"
    failed: str = "too_few_airlines 2014-01-02"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The laptop stack with blocks and automation registered, as after `esteira stack up`."""
    install_packages()  # first: without a browser nobody needs to wait for a stack
    state = tmp_path_factory.mktemp("browser")
    with running(StackConfig(state=state, ports=Ports.free(), flights_limit=FLIGHTS)) as stack:
        python(stack, "from cli.stack import prepare_prefect; prepare_prefect()")
        yield stack


@pytest.fixture(scope="session")
def seen(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """The addresses, after a run that loaded 16 airlines and one that the contract stopped."""
    folder = tmp_path_factory.mktemp("datasets")
    (folder / "too_few_airlines.py").write_text(TOO_FEW)
    ingest(stack, "airlines")
    ingest(stack, "too_few_airlines", "--datasets", str(folder), code=DATA_ERROR)
    slack = stack.env["ESTEIRA_SLACK_URL"].removesuffix("/slack")
    return Seen(stack.env["PREFECT_UI_URL"], slack, stack.env["ESTEIRA_PORTAL_URL"])


@pytest.fixture
def page(seen: Seen, tmp_path: Path) -> Iterator[Page]:
    """A fresh browser."""
    with fresh_page(tmp_path) as page:
        yield page


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure names a picture of the page, the page's address, and what could be read on it."""
    report = yield
    page, tmp_path = (getattr(item, "funcargs", {}).get(name) for name in ("page", "tmp_path"))
    if report.when == "call" and report.failed and page is not None and tmp_path is not None:
        picture = tmp_path / "page.png"
        page.driver.save_screenshot(str(picture))
        report.sections.append(
            ("page", f"screenshot: {picture}\naddress: {page.driver.current_url}\n{page.text[:3000]}")
        )
    return report


def ingest(stack: Stack, *arguments: str, code: int = 0) -> None:
    python(stack, "from cli.main import main; main()", "ingest", "--as-of", AS_OF, *arguments, code=code)


def python(stack: Stack, script: str, *arguments: str, code: int = 0) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], env=stack.client_environment() | {"ESTEIRA_STEP_RETRIES": "0"}, cwd=ROOT,
        capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
