"""SIGKILL after each durable write of the commit protocol: the same command again ends as if nothing had happened.

The tables are written by `Append`, which shows a second load as duplicate rows; two pages make two parts.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from datasets.flights import DATASET as FLIGHTS

POINTS = ("extract.part", "extract.checkpoint", "extract.seal", "curate.seal", "load.copy", "load.commit")
AS_OF = "2014-01-02T06:00Z"
MODELLED = "id <= 2000"  # without the rows that another test appends to the portal's file
CORES = 2
pytestmark = pytest.mark.fault(54)


@dataclass(frozen=True)
class Story:
    """A command that was killed, what it left, and the same command again."""

    killed: Any
    again: Any
    requests_before: list[str]
    requests: list[str]
    left: dict[str, Any]


def table_of(point: str) -> str:
    return "killed_" + point.replace(".", "_")


def everything(world: Any, point: str, story: Story) -> str:
    """What is needed to understand a failure that does not come back."""
    killed, again = (f"{each.code}\n{each.out}{each.err}" for each in (story.killed, story.again))
    now = world.state_of(table_of(point))
    return f"killed: {killed}\nwhat it left: {story.left}\nagain: {again}\nnow: {now}\nasked: {story.requests}"


@pytest.fixture(scope="module")
def stories(world: Any, write_contract: Any, tmp_path_factory: Any) -> dict[str, Story]:
    """Half of them in each of two lines of commands that run side by side."""

    def tell(points: tuple[str, ...]) -> dict[str, Story]:
        with world.warm(tmp_path_factory.mktemp("warm")) as line:
            return {point: tell_one(line, point) for point in points}

    def tell_one(line: Any, point: str) -> Story:
        name = table_of(point)
        folder = write_contract(name, "flights", size=1_000, write="Append()")
        command = ("ingest", name, "--as-of", AS_OF, "--datasets", str(folder), "--json")
        killed = line.esteira(*command, env={"ESTEIRA_FAILPOINT": f"{point}:kill"})
        before, left = world.portal_requests(name), world.state_of(name)
        again = line.esteira(*command)
        return Story(killed, again, before, world.portal_requests(name), left)

    with ThreadPoolExecutor(CORES) as pool:
        first, second = pool.map(tell, (POINTS[::2], POINTS[1::2]))
    return first | second


@pytest.mark.parametrize("point", POINTS)
def test_the_process_dies_of_the_signal_and_the_same_command_succeeds(world: Any, stories: Any, point: Any):
    story = stories[point]
    assert (story.killed.code, story.again.code) == (-9, 0), everything(world, point, story)


@pytest.mark.parametrize("point", POINTS)
def test_the_table_equals_the_portal_and_holds_no_row_twice(world: Any, stories: Any, point: Any):
    loaded = world.loaded_rows(FLIGHTS, table_of(point))
    assert len(loaded) == len(set(loaded)), everything(world, point, stories[point])
    wanted = world.portal_rows(FLIGHTS, MODELLED)
    assert [row for row in loaded if row[0] <= 2_000] == wanted, everything(world, point, stories[point])


@pytest.mark.parametrize("point", POINTS)
def test_the_ledger_holds_the_batch_once_and_its_equation_holds(world: Any, stories: Any, point: Any):
    counts = "extracted, curated, quarantined, inserted, updated, unchanged, stale, duplicate"
    (row,) = world.query(f"SELECT {counts} FROM esteira_ledger.{table_of(point)}")
    extracted, curated, quarantined, *written = row
    assert (extracted, curated) == (curated + quarantined, sum(written))
    assert world.query(f"SELECT COUNT(*) FROM dw.{table_of(point)}") == [(curated,)]


@pytest.mark.parametrize("point", POINTS[1:])
def test_the_portal_is_not_asked_again_for_a_page_that_a_checkpoint_covers(world: Any, stories: Any, point: Any):
    story = stories[point]
    # At the first checkpoint page two may already be on its way, but only page one is covered.
    covered = {line for line in story.requests_before if point != "extract.checkpoint" or "_next=" not in line}
    assert covered, everything(world, point, story)
    asked_again = story.requests[len(story.requests_before) :]
    assert covered.isdisjoint(asked_again), everything(world, point, story)


def test_a_commit_that_stood_before_the_kill_is_found_and_not_repeated(stories: Any):
    (report,) = stories["load.commit"].again.facts
    assert report["batches"] == []
