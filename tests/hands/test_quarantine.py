"""`esteira quarantine`: a contract with mistakes refuses rows, is mended, and its rows are replayed; killed in between, and nobody is named."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from datasets.planes import DATASET as PLANES
from tests.hands.conftest import CONTRACT
from tests.main_job.world import Result, Warm, World
from tests.prefect_state import kept_by_prefect

NAME, SIGKILLED = "mended_planes", -9
BODY = """
import pandas as pd
import pandera.pandas as pa
from esteira.contract import Quality, Upsert


class Plane(pa.DataFrameModel):
    \"\"\"Planes.\"\"\"

    tailnum: pd.StringDtype = pa.Field(description="Tail number", metadata={{"pii": True}})
    seats: pd.Int16Dtype = pa.Field(description="Seats"{seats})
    year: pd.Int16Dtype = pa.Field(nullable=True, description="Year"{year})


DATASET = dataclasses.replace(
    _BASE, name="mended_planes", schema=Plane, write=Upsert("tailnum"), quality=Quality(max_quarantine_ratio={limit}),
    source=dataclasses.replace(_BASE.source, params={{"_size": 500, "_shape": "objects", "_tag": "mended"}}),
)
"""
SEATS = "seats: less_than_or_equal_to(100)"


class Story:
    """Commands about one dataset, and all that they printed."""

    def __init__(self, warm: Warm, folder: Path) -> None:
        self._warm, self._folder = warm, folder
        self.said: list[str] = []
        self.told: dict[str, Result] = {}

    def contract(self, *, seats: str = "", year: str = "", limit: float = 1.0) -> None:
        body = BODY.format(seats=seats, year=year, limit=limit)
        (self._folder / f"{NAME}.py").write_text(CONTRACT.format(base="planes", body=body))

    def act(self, step: str, *command: str, failpoint: str = "") -> None:
        env = {"ESTEIRA_FAILPOINT": failpoint} if failpoint else {}
        self.told[step] = self._warm.esteira(*command, "--datasets", str(self._folder), env=env)
        self.said += [self.told[step].out, self.told[step].err]

    def facts(self, step: str) -> Any:
        assert self.told[step].code == 0, self.told[step].err
        return json.loads(self.told[step].out)


@pytest.fixture(scope="module")
def story(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Story:
    told = Story(warm, tmp_path_factory.mktemp("mended"))
    replay = ("quarantine", NAME, "--replay", "--json")
    told.contract(seats=", le=100", year=", ge=2000", limit=0.1)
    told.act("stopped", "ingest", NAME, "--as-of", "2014-01-02T06:00Z", "--json")
    told.act("stopped rows", "quarantine", NAME)
    told.act("stopped replay", *replay)
    told.contract(seats=", le=100", year=", ge=2000")
    told.act("loaded", "ingest", NAME, "--as-of", "2014-01-02T06:00Z", "--json")
    told.act("listed", "quarantine", "--samples", "2")
    told.act("facts", "quarantine", NAME, "--samples", "2", "--json")
    told.act("one rule", "quarantine", NAME, "--rule", "seats", "--json")
    told.act("in vain", *replay)
    told.contract(seats=", le=100")
    told.act("dry", *replay, "--dry-run")
    told.act("killed sealed", *replay, failpoint="replay.seal:kill")
    told.act("killed staged", *replay, failpoint="load.copy:kill")
    told.act("half", *replay)
    told.contract()
    told.act("killed committed", *replay, "--rule", SEATS, failpoint="load.commit:kill")
    told.act("again", *replay)
    told.act("after", "quarantine", NAME)
    told.act("reconciled", "reconcile", NAME, "--json")
    told.act("unknown", "quarantine", NAME, "--replay", "--batch", "2001-01-01-0a1b2c3d")
    return told


def refused(world: World, where: str) -> int:
    return len(world.portal_rows(PLANES, where))


YOUNG, SMALL = "year >= 2000 OR year IS NULL", "seats <= 100"


def test_a_batch_that_its_limit_stopped_shows_its_rows_and_is_no_replay(story: Story, world: World) -> None:
    assert story.told["stopped"].code == 65
    shown = story.told["stopped rows"]
    assert shown.code == 0, shown.err
    assert "stopped" in shown.out
    assert f"{refused(world, 'seats > 100'):,}" in shown.out
    assert "there is nothing to replay" in shown.out
    assert story.facts("stopped replay") == []


def test_rules_have_counts_that_plain_sql_on_the_source_has_too(story: Story, world: World) -> None:
    (batch,) = story.facts("facts")
    assert {(each["column"], each["rule"]): each["rows"] for each in batch["rules"]} == {
        ("seats", "less_than_or_equal_to(100)"): refused(world, "seats > 100"),
        ("year", "greater_than_or_equal_to(2000)"): refused(world, "year < 2000"),
    }
    assert batch["refused"] == refused(world, "seats > 100 OR year < 2000")
    assert batch["state"] == "loaded"
    (only,) = story.facts("one rule")
    assert [each["column"] for each in only["rules"]] == ["seats"]
    assert only["refused"] == refused(world, "seats > 100")


def test_a_sample_leads_to_its_record_at_the_portal(story: Story, world: World) -> None:
    (batch,) = story.facts("facts")
    first = next(each for each in batch["rules"] if each["column"] == "seats")
    number = next(at for at, row in enumerate(_in_order(world), 1) if row["seats"] > 100)
    page, record = divmod(number - 1, 500)
    assert first["where"] == f"page {page + 1}, record {record + 1}"
    sample = next(each for each in batch["samples"] if each["where"] == first["where"])
    assert json.loads(sample["record"])["seats"] == _in_order(world)[number - 1]["seats"]
    assert "must be at most 100" in " ".join(reason["sentence"] for reason in sample["reasons"])


def test_without_a_mended_contract_nothing_passes_and_nothing_changes(story: Story) -> None:
    (tried,) = story.facts("in vain")
    assert (tried["passed"], tried["generation"]) == (0, None)


def test_a_dry_run_says_what_would_pass_and_changes_nothing(story: Story, world: World) -> None:
    (dry,) = story.facts("dry")
    assert dry["passed"] == refused(world, f"year < 2000 AND {SMALL}")
    assert dry["generation"] is None


def test_a_replay_that_was_killed_goes_on_and_loads_once(story: Story, world: World) -> None:
    killed = ("killed sealed", "killed staged", "killed committed")
    assert [story.told[each].code for each in killed] == [SIGKILLED] * 3
    (half,) = story.facts("half")
    assert half["inserted"] == refused(world, f"year < 2000 AND {SMALL}")
    assert story.facts("again") == []  # the one that died after its commit had loaded them


def test_the_table_is_what_the_mended_contract_would_have_loaded(story: Story, world: World) -> None:
    assert story.told["again"].code == 0
    columns = ("tailnum", "seats", "year")
    loaded = world.query(f"SELECT {', '.join(columns)} FROM dw.{NAME}")
    expected = [tuple(row[name] for name in columns) for row in _in_order(world)]
    assert sorted(loaded, key=repr) == sorted(expected, key=repr)


def test_what_was_replayed_is_marked_and_everything_agrees(story: Story, world: World) -> None:
    assert story.told["after"].code == 0, story.told["after"].err
    line = next(each.split() for each in story.told["after"].out.splitlines() if each.startswith(NAME))
    assert line[5:7] == ["0", f"{refused(world, 'seats > 100 OR year < 2000'):,}"]
    assert story.told["reconciled"].code == 0, story.told["reconciled"].out


def test_an_unknown_batch_is_refused_with_what_to_do(story: Story) -> None:
    assert story.told["unknown"].code == 78
    assert "not in the ledger" in story.told["unknown"].err


def test_nothing_personal_is_in_any_output_nor_in_prefects_database(story: Story, world: World) -> None:
    names = {row["tailnum"] for row in _in_order(world)}
    said = "\n".join(story.said)
    assert not [name for name in names if name in said]
    stored = kept_by_prefect(world.stack.state)
    assert not [name for name in names if name in stored]


def _in_order(world: World) -> list[dict[str, Any]]:
    """The portal's rows as it pages them."""
    with closing(sqlite3.connect(world.portal_database)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM planes ORDER BY tailnum")]
