"""The quality pages in a browser: the figures are SQL's, nothing is asked of any network, and they are readable in both languages, on a phone, in the dark."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from esteira.report import Sample, render_batch
from local.stack import Stack
from tests.browser.chromium import Page, fresh_page
from tests.browser.conftest import AS_OF, ROOT, Seen, ingest
from tests.core.reported import batch, entry, seal, wide
from tests.main_job.world import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(900),
]
PHONE = 390
CONTRACTS = {path.stem for path in (ROOT / "datasets").glob("*.py")}
LEAST_CONTRAST = 4.5
"""https://www.w3.org/TR/WCAG22/#contrast-minimum"""
FAINT_TEXTS = """
const channel = (value) => { value /= 255; return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
const light = ([red, green, blue]) => 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
const ground = (node) => {
  for (let each = node; each; each = each.parentElement) {
    const found = parse(getComputedStyle(each).backgroundColor);
    if (found.length === 3 || found[3] > 0.99) return found;
  }
  return [255, 255, 255];
};
const faint = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const holder = node.parentElement, box = holder.getBoundingClientRect();
  if (!node.data.trim() || ["SCRIPT", "STYLE"].includes(holder.tagName) || box.width < 2 || box.height < 2) continue;
  const levels = [light(parse(getComputedStyle(holder).color)), light(ground(holder))].sort((a, b) => b - a);
  const ratio = (levels[0] + 0.05) / (levels[1] + 0.05);
  if (ratio < arguments[0]) faint.push(node.data.trim().slice(0, 40) + ": " + ratio.toFixed(2));
}
return faint;
"""


@dataclass(frozen=True)
class Shelf:
    """Where the pages are, and what SQL says of what they show."""

    address: str
    batch: str
    counts: dict[str, int]
    table_rows: int
    all_rows: int

    def page(self, path: str, language: str = "en") -> str:
        return f"{self.address}/{path}?lang={language}"

    @property
    def latest(self) -> str:
        return "weather/latest.html"


@pytest.fixture(scope="session")
def shelf(stack: Stack, seen: Seen) -> Shelf:
    """After two more datasets, one with a real row that breaks a rule."""
    ingest(stack, "airports")
    ingest(stack, "weather")
    world = World(stack)
    terms = ("extracted", "curated", "quarantined", "inserted", "unchanged")
    found = world.query(
        f"SELECT batch_id, {', '.join(terms)} FROM esteira.batch WHERE dataset = 'weather' ORDER BY window_end DESC LIMIT 1"
    )[0]
    loaded = [name for (name,) in world.query("SELECT DISTINCT dataset FROM esteira.batch") if name in CONTRACTS]
    rows = {name: world.query(f"SELECT COUNT(*) FROM dw.{name}")[0][0] for name in loaded}
    counts = dict(zip(terms, found[1:], strict=True))
    return Shelf(stack.env["ESTEIRA_REPORT_URL"], found[0], counts, rows["weather"], sum(rows.values()))


@pytest.fixture
def page(shelf: Shelf, tmp_path: Path) -> Iterator[Page]:
    with fresh_page(tmp_path) as page:
        yield page


def appear(page: Page, *, width: int = 1200, is_dark: bool = False) -> None:
    """The window as a phone has it, and what the reader's system prefers."""
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    shape = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)


def shown(page: Page, selector: str) -> str:
    return str(page.driver.execute_script("return document.querySelector(arguments[0]).innerText", selector))


def asked(page: Page) -> list[str]:
    """What the page itself made the browser fetch."""
    found: list[str] = page.driver.execute_script(
        "return performance.getEntriesByType('resource').map(each => each.name)"
    )
    return found


@pytest.mark.parametrize(("language", "point"), [("en", ","), ("pt-BR", ".")])
def test_each_term_of_a_batch_is_what_the_ledger_says_in_sql(
    page: Page, shelf: Shelf, language: str, point: str
) -> None:
    page.open(shelf.page(shelf.latest, language))
    for term, rows in shelf.counts.items():
        assert f"{rows:,}".replace(",", point) in shown(page, f"#term-{term}"), term
    assert f"{shelf.table_rows:,}".replace(",", point) in shown(page, ".figures")


def test_the_catalogue_counts_the_rows_of_the_tables(page: Page, shelf: Shelf) -> None:
    page.open(shelf.page("index.html"))
    page.wait_for("Data catalogue", f"{shelf.all_rows:,}")
    assert f"{shelf.table_rows:,}" in shown(page, "#dataset-weather .rows")
    page.follow("Open the latest report")
    page.wait_for("Where the rows went")


def test_the_switch_changes_the_language_and_the_page_says_which_it_is(page: Page, shelf: Shelf) -> None:
    page.open(shelf.page(shelf.latest, "en"))
    assert page.driver.execute_script("return document.documentElement.lang") == "en"
    page.driver.execute_script("document.querySelector('label[for=lang-pt]').click()")
    page.wait_for("O caminho das linhas", "Colunas")
    assert page.driver.execute_script("return document.documentElement.lang") == "pt-BR"
    assert "Where the rows went" not in page.text


@pytest.mark.parametrize("path", ["weather/latest.html", "index.html"])
def test_a_page_asks_for_nothing_and_no_console_complains(page: Page, shelf: Shelf, path: str) -> None:
    page.open(shelf.page(path))
    page.wait_for("Esteira")
    assert asked(page) == []
    assert page.severe_messages() == []


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize("path", ["weather/latest.html", "index.html"])
def test_a_page_fits_a_phone_and_its_texts_stand_out_light_and_dark(
    page: Page, shelf: Shelf, path: str, *, is_dark: bool
) -> None:
    for width in (PHONE, 1200):
        appear(page, width=width, is_dark=is_dark)
        page.open(shelf.page(path, "pt-BR"))
        assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
        assert page.driver.execute_script(FAINT_TEXTS, LEAST_CONTRAST) == []


def test_dark_is_another_picture_than_light(page: Page, shelf: Shelf) -> None:
    grounds = []
    for is_dark in (False, True):
        appear(page, is_dark=is_dark)
        page.open(shelf.page(shelf.latest))
        grounds.append(page.driver.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]


def test_the_search_finds_a_dataset_by_a_column_without_a_server(page: Page, shelf: Shelf) -> None:
    page.open(shelf.page("index.html", "pt-BR"))
    field = page.driver.find_element("id", "search")
    field.send_keys("VISIB")
    assert visible(page) == ["weather"]
    field.send_keys(" nothing like it")
    page.wait_for("Nada corresponde à busca.")


def test_everything_is_reached_by_the_keyboard(page: Page, shelf: Shelf) -> None:
    page.open(shelf.page("index.html"))
    reached = []
    for _ in range(14):
        page.driver.switch_to.active_element.send_keys("\ue004")
        reached.append(
            page.driver.execute_script("const it = document.activeElement; return it.id || it.className || it.tagName")
        )
    assert {"sr skip", "search", "SUMMARY", "A"} <= set(reached)
    assert any(each.startswith("lang-") for each in reached)


def test_pictures_and_tables_say_in_words_what_they_show(page: Page, shelf: Shelf) -> None:
    page.open(shelf.page(shelf.latest))
    script = """return [
        [...document.querySelectorAll('table')].filter(each => !each.caption || !each.caption.textContent.trim()).length,
        [...document.querySelectorAll('svg')].filter(each => !each.closest('figure')?.querySelector('figcaption')?.textContent.trim() && !each.closest('[aria-hidden=true]')).length,
        [...document.querySelectorAll('h1,h2,h3')].map(each => Number(each.tagName[1])),
    ]"""
    without_caption, without_words, levels = page.driver.execute_script(script)
    assert (without_caption, without_words) == (0, 0)
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_a_run_leads_to_its_page_by_a_link(page: Page, seen: Seen, shelf: Shelf) -> None:
    page.open(seen.prefect)
    page.follow("Runs")
    page.follow(f"weather {AS_OF[:10]}")
    page.choose("Artifacts")
    page.follow("weather-summary")
    page.follow_newest_version()
    page.wait_for("Quality page")
    target = page.driver.execute_script(
        "return [...document.querySelectorAll('a')].find(each => each.innerText.trim() === 'Quality page').href"
    )
    assert target == f"{shelf.address}/weather/{shelf.batch}/1.html"
    page.open(target)
    page.wait_for("Esteira")
    assert page.status == 200


def test_a_page_from_a_file_is_the_same_without_any_server(
    page: Page, shelf: Shelf, stack: Stack, tmp_path: Path
) -> None:
    out = tmp_path / "weather.html"
    done = World(stack).esteira("report", "weather", "--no-open", "--out", str(out), "--as-of", AS_OF)
    assert done.code == 0, done.err
    page.open(f"{out.as_uri()}?lang=en")
    assert f"{shelf.counts['curated']:,}" in shown(page, "#term-curated")
    assert asked(page) == []
    assert page.severe_messages() == []


def test_a_page_of_five_hundred_columns_opens_on_a_phone(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "wide.html"
    path.write_bytes(render_batch(wide(500)))
    appear(page, width=PHONE)
    page.open(f"{path.as_uri()}?lang=en")
    assert "A measure" in shown(page, "#column-measure_499")
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE


def test_what_a_portal_sent_runs_in_no_browser(page: Page, tmp_path: Path) -> None:
    hostile = "<script>window.taken = 1</script><img src=x onerror='window.taken = 1'>"
    one = entry(warnings=(hostile,), run=hostile)
    reason = f"{hostile}: {hostile}"
    facts = batch(one, curated=seal(one, reasons={reason: 2}), samples=(Sample(reason, hostile, hostile),))
    path = tmp_path / "hostile.html"
    path.write_bytes(render_batch(facts))
    page.open(f"{path.as_uri()}?lang=en")
    assert "window.taken = 1" in page.text
    assert page.driver.execute_script("return window.taken === undefined")
    assert page.severe_messages() == []


def visible(page: Page) -> list[str]:
    found: Any = page.driver.execute_script(
        "return [...document.querySelectorAll('.dataset')].filter(each => !each.hidden).map(each => each.querySelector('h2').innerText)"
    )
    return list(found)
