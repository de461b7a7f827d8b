"""The dashboard in a browser: an analyst's rights, SQL's figures, and a new batch that appears by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from local.dashboard import ANALYST
from local.portal import append_flights
from local.ports import Ports
from local.stack import StackConfig, running
from tests.browser.chromium import Page, fresh_page, install_packages
from tests.browser.conftest import ingest, python
from tests.main_job.world import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(600),
]
STAR = ("flights", "airlines", "airports", "planes", "weather")
MARKS = "return [...document.querySelectorAll('[aria-label]')].map(each => each.getAttribute('aria-label'))"
TABLES = """
const cells = (row) => [...row.querySelectorAll('th, td')].map(cell => cell.innerText.trim());
return [...document.querySelectorAll('table')].map(table => [...table.querySelectorAll('tr')].map(cells));
"""
FLIGHTS, NEW = 2_000, 5


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A stack of its own, since other tests look at the first batch of the same tables; the star is loaded."""
    install_packages()
    state = tmp_path_factory.mktemp("dashboard")
    with running(StackConfig(state, Ports.free(), flights_limit=FLIGHTS, with_dashboard=True)) as stack:
        python(
            stack,
            "import sys, pathlib; from cli.stack import prepare_stack; prepare_stack(pathlib.Path(sys.argv[1]))",
            str(state),
        )
        ingest(stack, *STAR)
        yield World(stack)


@pytest.fixture
def page(world: World, tmp_path: Path) -> Iterator[Page]:
    with fresh_page(tmp_path) as page:
        page.open(world.stack.env["ESTEIRA_DASHBOARD_URL"])
        page.wait_for("How complete")
        yield page


def metric(page: Page, name: str) -> str:
    """What stands below a name, once the page is drawn."""

    def below() -> str:
        lines = [line for line in page.text.splitlines() if line.strip()]
        return lines[lines.index(name) + 1] if name in lines[:-1] else ""

    page.wait_until(lambda: bool(below()))
    return below()


def bars(page: Page) -> dict[str, str]:
    """What the chart of the airlines says to who cannot see it."""
    found = (re.search(r"airline: (.+); delay: (.+); flights", each) for each in page.driver.execute_script(MARKS))
    return {each[1]: each[2].replace("\N{MINUS SIGN}", "-") for each in found if each}


def test_its_figures_are_those_of_sql(world: World, page: Page) -> None:
    ((flights, flown, delay, on_time),) = world.query(
        "SELECT COUNT(*), COUNT(dep_delay), AVG(CAST(dep_delay AS FLOAT)), "
        "SUM(CASE WHEN dep_delay <= 15 THEN 1.0 ELSE 0 END) / COUNT(dep_delay) FROM dw.flights"
    )
    assert flights > 1_000
    names = ("Flights", "Cancelled", "Average departure delay", "At most 15 minutes late")
    assert [metric(page, name) for name in names] == [
        f"{flights:,}", f"{flights - flown:,}", f"{delay:.1f} min", f"{on_time:.1%}"
    ]  # fmt: skip


def test_each_bar_of_the_airlines_is_sqls(world: World, page: Page) -> None:
    expected = {
        name: f"{delay:.2f}"
        for name, delay in world.query(
            "SELECT a.name, AVG(CAST(f.dep_delay AS FLOAT)) FROM dw.flights f JOIN dw.airlines a ON a.carrier = f.carrier "
            "WHERE f.dep_delay IS NOT NULL GROUP BY 1"
        )
    }
    page.wait_until(lambda: len(bars(page)) == len(expected))
    assert bars(page) == expected


def test_it_shows_the_star_how_fresh_and_how_complete_each_table_is(world: World, page: Page) -> None:
    assert "The star: five tables of one moment." in page.text
    page.wait_until(lambda: [len(table) for table in page.driver.execute_script(TABLES)] == [len(STAR) + 1] * 2)
    fresh, complete = page.driver.execute_script(TABLES)
    names = {"Flights", "Airlines", "Airports", "Planes", "Weather"}
    assert {row[0] for row in fresh[1:]} == {row[0] for row in complete[1:]} == names
    ((extracted, quarantined),) = world.query(
        "SELECT SUM(extracted), SUM(quarantined) FROM esteira_ledger.weather WHERE state = 'committed'"
    )
    (weather,) = [row for row in complete if row[0] == "Weather"]
    assert weather[1:3] == [f"{extracted:,}", str(quarantined)]


def test_a_new_batch_appears_without_a_restart_or_a_reload(world: World, page: Page) -> None:
    before = int(metric(page, "Flights").replace(",", ""))
    page.driver.execute_script("window.stillHere = true")
    append_flights(world.portal_database, date(2014, 1, 2), NEW)
    done = world.esteira("ingest", *STAR, "--as-of", "2014-01-03T06:00Z")
    assert done.code == 0, done.err
    ((now,),) = world.query("SELECT COUNT(*) FROM dw.flights")  # those of the evening are of tomorrow, in UTC
    assert now > before
    page.wait_until(lambda: metric(page, "Flights") == f"{now:,}")
    assert page.driver.execute_script("return window.stillHere")


def test_it_logs_in_as_somebody_who_may_read_the_views_and_no_table(world: World) -> None:
    asked = "SELECT HAS_SCHEMA_PRIVILEGE('{0}', '{1}', 'USAGE')"
    may = {
        schema: world.query(asked.format(ANALYST, schema))
        for schema in ("bi", "bi_flights_star", "dw", "esteira_ledger")
    }
    assert may == {"bi": [(True,)], "bi_flights_star": [(True,)], "dw": [(False,)], "esteira_ledger": [(False,)]}
