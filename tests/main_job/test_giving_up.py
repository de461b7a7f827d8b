"""Poison input: a batch that kills its process is tried so many times, then left out, and blocks nothing any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

pytestmark = pytest.mark.fault(57)
TABLE = "poison"
CAP = 2


@dataclass(frozen=True)
class Story:
    """Runs that die, the run that gives up, the next day's run, and the first day asked for by name."""

    deaths: list[Any]
    gives_up: Any
    next_day: Any


@pytest.fixture(scope="module")
def story(world: Any, write_contract: Any, tmp_path_factory: Any) -> Story:
    folder = write_contract(TABLE, size=5)

    def run(day: int, **env: str) -> Any:
        command = ("ingest", TABLE, "--as-of", f"2014-01-0{day}T06:00Z", "--datasets", str(folder), "--json")
        return line.esteira(*command, env={"ESTEIRA_MAX_ATTEMPTS": str(CAP), **env})

    with world.warm(tmp_path_factory.mktemp("warm")) as line:
        deaths = [run(2, ESTEIRA_FAILPOINT="curate.part:kill") for _ in range(CAP)]
        return Story(deaths, run(2), run(3))


def test_each_death_is_one_of_the_signal(story: Story):
    assert [death.code for death in story.deaths] == [-9] * CAP


def test_the_run_after_the_last_attempt_gives_up_and_says_so(story: Story):
    assert story.gives_up.code == 65, story.gives_up.err
    assert f"GivenUp [{TABLE} 2014-01-02-" in story.gives_up.err
    assert f"failed {CAP} times and is given up" in story.gives_up.err
    assert "Its process died without a word" in story.gives_up.err


def test_the_ledger_holds_why_and_no_rows(world: Any, story: Story):
    query = f"SELECT state, generation, curated, reason FROM esteira_ledger.{TABLE} WHERE batch_id LIKE '2014-01-02-%'"
    assert world.query(query) == [
        ("given_up", 0, 0, "Its process died without a word, as when it is killed for its memory.")
    ]


def test_the_next_batch_is_not_blocked(world: Any, story: Story):
    assert story.next_day.code == 0, story.next_day.err
    (report,) = story.next_day.facts
    assert [batch["batch"][:10] for batch in report["batches"]] == ["2014-01-03"]
    assert world.query(f"SELECT COUNT(*) FROM dw.{TABLE}") == [(16,)]
