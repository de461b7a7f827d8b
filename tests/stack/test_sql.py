"""Each query that a page shows, asked of the warehouse after the demo; where the page shows rows, these are the rows."""

from __future__ import annotations

import re

import pytest

from esteira.warehouse import erasures, refreshes
from esteira.warehouse.own_table import definition
from local.stack import Stack
from tests.docs.blocks import Block, blocks, shown_behind
from tests.docs.test_blocks import EXEMPT
from tests.main_job.world import World

VOLATILE = {("data_as_of", "fleet"), ("age_hours", "")}
"""Column and row (empty for all) that depend on when the demo ran."""
QUERIES = [each for each in blocks() if each.language == "sql" and (each.page, each.begin) not in EXEMPT]

pytestmark = [pytest.mark.long, pytest.mark.timeout(480)]


@pytest.fixture(scope="module")
def warehouse(after_demo: Stack) -> World:
    """With the tables that nothing in the demo asks for: those of erasures and of BI tools."""
    world = World(after_demo)
    for table, shape in ((erasures.AUDIT_TABLE, erasures.SHAPE), (refreshes.TABLE, refreshes.SHAPE)):
        world.run(f"CREATE TABLE IF NOT EXISTS {table} ({definition(shape)})")
    return world


@pytest.mark.parametrize("query", QUERIES, ids=lambda each: each.place)
def test_a_page_s_query_is_answered_as_the_page_shows(query: Block, warehouse: World) -> None:
    rows = [[str(value) for value in row] for row in warehouse.query(query.text)]
    shown = _shown_below(query)
    if shown:
        header, expected = shown
        assert [_lasting(header, row) for row in rows] == [_lasting(header, row) for row in expected]


def test_most_queries_show_their_rows() -> None:
    assert len(QUERIES) > 20
    assert len([each for each in QUERIES if _shown_below(each)]) > 15


def _shown_below(query: Block) -> tuple[list[str], list[list[str]]] | None:
    """Header and rows of the text behind the query."""
    shown = shown_behind(query)
    if not shown:
        return None
    header, _, *rows = [re.split(r" *\| ", line.strip()) for line in shown.splitlines()]
    return header, rows


def _lasting(header: list[str], row: list[str]) -> list[str]:
    return ["…" if {(name, ""), (name, row[0])} & VOLATILE else value for name, value in zip(header, row, strict=True)]
