"""The Portuguese pages say what the English ones say, and a change of the English is told until its twin follows."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.conventions.sources import ROOT, report
from tests.twins import Twin, behind, blob, differences, stamp, twins

TWINS = twins()
BY_NAME = pytest.mark.parametrize("twin", TWINS, ids=[twin.page for twin in TWINS])
IN_BOTH = [
    "docs/bi/connect.md",
    "docs/operations/on-call.md",
    "docs/operations/recovery.md",
    "README.md",
    "docs/index.md",
    "docs/start.md",
    "docs/concepts.md",
    "docs/operations/runbook.md",
]
OWED: set[str] = set()
"""How-tos and tutorials that have no twin yet."""

ENGLISH = """# Orders

## Load again

See [start](start.md).

```sh
esteira ingest orders   # all of it
```
"""
PORTUGUESE = """# Pedidos {#orders}

## Carregar de novo {#load-again}

Veja [primeiros passos](start.md).

```sh
esteira ingest orders   # tudo
```
"""


@pytest.fixture
def pair(tmp_path: Path) -> Twin:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/orders.md").write_text(ENGLISH, encoding="utf-8")
    (tmp_path / "docs/orders.pt.md").write_text(PORTUGUESE, encoding="utf-8")
    twin = Twin("docs/orders.md", tmp_path)
    stamp(twin)
    return twin


@BY_NAME
def test_a_twin_has_the_headings_code_and_targets_of_its_page(twin: Twin) -> None:
    report(differences(twin), "make them the same; a heading takes the English anchor as {#anchor}.")


@BY_NAME
def test_a_twin_says_what_its_page_says_now(twin: Twin) -> None:
    report([advice for advice in [behind(twin)] if advice], "the lines above; `make twins` lists them all.")


def test_the_pages_for_learning_and_for_the_night_are_in_both_languages() -> None:
    how = [path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/howto").glob("*.md") if ".pt." not in path.name]
    missing = {*IN_BOTH, *how} - {twin.page for twin in TWINS}
    report(
        [f"{page} has no twin" for page in missing - OWED],
        "write it beside the page as <name>.pt.md and stamp it, or name the page in OWED of tests/conventions/test_twins.py.",
    )
    report([f"{page} is owed no more" for page in OWED - missing], "take it out of OWED.")


def test_the_names_of_translated_pages_are_translated_in_the_navigation() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    languages = next(each["i18n"]["languages"] for each in settings["plugins"] if "i18n" in each)
    known = next(each["nav_translations"] for each in languages if each["locale"] == "pt")
    translated = {twin.page.removeprefix("docs/") for twin in TWINS} - {"index.md"}
    titles = [title for title, target in _entries(settings["nav"]) if isinstance(target, list) or target in translated]
    report([f"'{title}'" for title in titles if title not in known], "add it to nav_translations in mkdocs.yml.")
    report(
        [f"'{title}'" for title in known if title not in titles], "nothing has this title: take it out of mkdocs.yml."
    )


def test_a_changed_page_is_told_with_the_commands_to_run(pair: Twin) -> None:
    assert behind(pair) is None
    (pair.root / pair.page).write_text(ENGLISH + "\nOne more sentence.\n", encoding="utf-8")
    told = behind(pair)
    assert told is not None
    assert f"git diff {blob(ENGLISH)[:12]} docs/orders.md" in told
    assert "--stamp docs/orders.pt.md" in told


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("{#load-again}", "{#carregar}"),
        ("## Carregar de novo {#load-again}\n", ""),
        ("start.md", "concepts.md"),
        ("esteira ingest orders ", "esteira ingest pedidos "),
    ],
)
def test_a_twin_that_differs_is_told(pair: Twin, was: str, becomes: str) -> None:
    assert differences(pair) == []
    (pair.root / pair.name).write_text(PORTUGUESE.replace(was, becomes), encoding="utf-8")
    assert len(differences(pair)) > 0


def test_stamping_twice_leaves_one_stamp(pair: Twin) -> None:
    before = pair.portuguese
    stamp(pair)
    assert pair.portuguese == before


def test_a_blob_has_the_name_that_git_gives_it() -> None:
    assert blob("") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_the_portuguese_readme_leads_to_portuguese_pages() -> None:
    readme = (ROOT / "README.pt.md").read_text(encoding="utf-8")
    names = [twin.page for twin in TWINS if twin.page != "README.md" and f"({twin.page})" in readme]
    report(
        [f"README.pt.md links to {name}" for name in names], "link to the .pt.md beside it: GitHub chooses no language."
    )


def _entries(nav: list[object]) -> list[tuple[str, object]]:
    pairs = [pair for entry in nav if isinstance(entry, dict) for pair in entry.items()]
    return pairs + [below for _, target in pairs if isinstance(target, list) for below in _entries(target)]
