"""The picture of the rooms is what the code imports, and its arrows point one way."""

import re

import pytest

from docs.hooks import architecture
from tests.conventions.sources import ROOMS, modules
from tests.conventions.test_imports import MAY_IMPORT

EDGES = architecture.imports()


def scanned() -> set[tuple[str, str]]:
    """The same by the other reader, that of the rule about imports."""
    found = {
        (room, name.split(".")[0])
        for room in architecture.ROOMS
        for module in modules(room)
        for _, name in module.imports()
    }
    return {(above, below) for above, below in found if below in set(ROOMS) - {above}}


def test_the_page_has_the_imports_of_the_code() -> None:
    assert set(EDGES) == scanned(), (
        "Fix: docs/hooks/architecture.py and tests/conventions/sources.py read imports differently."
    )
    assert all(below in MAY_IMPORT[above] for above, below in EDGES)


def test_every_arrow_points_down() -> None:
    levels = architecture.levels(EDGES)
    assert all(levels[above] > levels[below] for above, below in EDGES)
    assert levels["cli"] > levels["flows"] > levels["tasks"] > levels["blocks"] > levels["esteira"] == 0


def test_an_import_that_points_up_stops_the_build() -> None:
    with pytest.raises(ValueError, match=r"in a circle: .*esteira.*"):
        architecture.levels({**EDGES, ("esteira", "tasks"): 1})


def test_the_picture_shows_every_room_and_every_import_directly_or_by_others() -> None:
    shown = architecture.picture(EDGES)
    assert set(re.findall(r">(\w+)/</text>", shown)) == set(architecture.ROOMS)
    arrows = [tuple(each.split(" imports ")) for each in re.findall(r"<title>(.+?)</title>", shown)]
    assert sorted(arrows) == architecture.drawn(EDGES)
    reached = dict.fromkeys(arrows, 1)
    assert all(below in architecture.reached(above, reached) for above, below in EDGES)


def test_the_words_about_rooms_name_the_rooms_of_the_picture() -> None:
    page = architecture.make()
    assert all(f"| `{room}/` |" in page for room in architecture.ROOMS)
