"""The pages that are made from the code are whole: none is empty, broken or committed, and each can be found."""

from __future__ import annotations

import pytest

from docs.hooks import pages, text
from docs.hooks.architecture import ROOMS as DRAWN_ROOMS
from tests.conventions.sources import ROOMS, ROOT, report


def test_a_page_that_would_list_nothing_is_an_error() -> None:
    with pytest.raises(LookupError, match="command"):
        text.table(["command"], [])


@pytest.mark.parametrize(
    ("written", "shown"), [("a | b", "a \\| b"), ("`a | b` <c>", "`a | b` &lt;c>"), ("two\n  lines", "two lines")]
)
def test_no_cell_breaks_its_table(written: str, shown: str) -> None:
    assert text.cell(written) == shown


def test_every_made_page_is_in_the_menu_and_none_is_committed() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    report([path for path in pages.MADE if f": {path}" not in menu], "add it to nav of mkdocs.yml.")
    report(
        [path for path in pages.MADE if (ROOT / "docs" / path).exists()], "remove the file: docs/hooks makes this page."
    )


def test_the_search_of_the_built_pages_asks_no_other_host() -> None:
    said = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "polyfills: [assets/iframe-worker.js]" in said, (
        "Fix: without it the plugin `offline` loads a script from another host."
    )
    assert "  - offline" in said, "Fix: without this plugin nothing is found in pages that were opened from a disk."


def test_the_picture_has_every_room() -> None:
    assert set(DRAWN_ROOMS) == set(ROOMS) - {"docs"}
