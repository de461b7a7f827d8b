"""A portal adds, removes and retypes columns: the message names both batches, and the contract with its suggested patch applied loads."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.extract.hostile import hostile, page
from tests.hands.conftest import BLOCKS
from tests.main_job.world import Result, Warm, World

COUNT = 20
SLACK_SECONDS = 30.0
CONTRACT = '''"""Visits."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, Upsert


class Visit(pa.DataFrameModel):
    """Visits, one row per id."""

    id: pd.Int64Dtype = pa.Field(description="Portal's row id")
    delay: pd.Int16Dtype = pa.Field(nullable=True, ge=0, description="Delay", metadata={"unit": "minute"})
    note: pd.StringDtype = pa.Field(nullable=True, description="What was said")


DATASET = Dataset(
    name="visits",
    source=ApiSource(portal="portal-drifting", path="/visits", records="rows"),
    schema=Visit,
    write=Upsert(key="id"),
    owner="bi-team",
)
'''


@dataclass
class Portal:
    """What it delivers now."""

    more: dict[str, Any] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        return [{"id": number, **self.more} for number in range(COUNT)]


@dataclass(frozen=True)
class Hand:
    """Somebody at the command line, in the repository of a company's contracts."""

    warm: Warm
    repository: Path
    portal: Portal

    def esteira(self, *arguments: str) -> Result:
        return self.warm.esteira(*arguments, "--datasets", str(self.repository / "datasets"))

    def ingest(self, day: int) -> Result:
        return self.esteira("ingest", "visits", "--as-of", f"2014-01-{day:02}T06:00Z")

    def apply(self) -> None:
        """What the hint says."""
        patch = self.esteira("drift", "visits", "--patch")
        assert patch.code == 0, patch.err
        done = subprocess.run(
            ["git", "apply"], input=patch.out, cwd=self.repository, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr + patch.out


@pytest.fixture(scope="module")
def hand(world: World, warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    repository, portal = tmp_path_factory.mktemp("company"), Portal({"delay": 1, "note": "a"})
    (repository / "datasets").mkdir()
    (repository / "datasets" / "visits.py").write_text(CONTRACT)
    subprocess.run(["git", "init", "--quiet"], cwd=repository, check=True)
    with hostile(lambda _: page({"rows": portal.rows()})) as up:
        made = world.python(BLOCKS, json.dumps({"portal-drifting": {"base_url": up.url}}))
        assert made.code == 0, made.err
        yield Hand(warm, repository, portal)


def batch(hand: Hand, day: int) -> str:
    """The id of a day's batch: its source definition's hash is that of the first loaded one."""
    loaded = hand.esteira("status", "visits", "--json").facts[0]["last"][0]["batch_id"]
    return f"2014-01-{day:02}-{loaded.rpartition('-')[2]}"


@pytest.mark.fault(20)
def test_a_new_column_is_told_and_after_git_apply_it_is_loaded_for_the_old_batch_too(hand: Hand, world: World) -> None:
    assert hand.ingest(2).code == 0
    hand.portal.more["gate"] = "B7"
    assert hand.ingest(3).code == 0
    told = hand.esteira("drift", "visits")
    assert told.code == 0, told.err
    assert f"visits {batch(hand, 3)}: loaded without them." in told.out
    assert (
        f"The portal delivers gate (text), which the contract does not know; batch {batch(hand, 2)} did not" in told.out
    )
    artifact = _artifact(world)
    assert f"batch {batch(hand, 2)} did not have it yet" in artifact
    assert "+    gate: pd.StringDtype" in artifact
    hand.apply()
    assert "gate: pd.StringDtype" in (hand.repository / "datasets" / "visits.py").read_text()
    again = hand.esteira("ingest", "visits", "--from", "raw", "--batch", batch(hand, 3))
    assert again.code == 0, again.err
    assert world.query("SELECT COUNT(*), MIN(gate) FROM dw.visits") == [(COUNT, "B7")]
    assert hand.esteira("drift", "visits").out.startswith("visits: the newest batch has the columns")


@pytest.mark.fault(20)
def test_a_removed_and_a_retyped_column_stop_the_batch_and_after_git_apply_it_loads(hand: Hand, world: World) -> None:
    hand.portal.more = {"delay": "late", "gate": "C1"}
    failed, before = hand.ingest(4), batch(hand, 3)
    assert failed.code == 65
    assert f"ContractError [visits {batch(hand, 4)}]" in failed.err
    assert f"Column note is in none of the {COUNT} records of this batch; batch {before} had it." in failed.err
    assert f"holds text now: {COUNT} of its {COUNT} values break its type; batch {before} had it as that." in failed.err
    standing = hand.esteira("drift", "visits", "--json")
    assert standing.code == 3
    assert [(each["column"], each["change"], each["since"]["before"]) for each in standing.facts["columns"]] == [
        ("note", "missing", before),
        ("delay", "retyped", before),
    ]
    assert standing.facts["patch"] in failed.err
    assert "+    note: pd.StringDtype | None" in _artifact(world)
    message = _message(world, batch(hand, 4))
    assert "+    note: pd.StringDtype | None" in message
    hand.apply()
    table = hand.esteira("ddl", "visits", "--diff", "--json")
    assert table.code == 3
    for statement in _conversion(table.facts[0]["changes"]):
        world.run(statement)
    assert hand.ingest(4).code == 0
    assert world.query("SELECT COUNT(*), MIN(delay), MAX(note), MIN(gate) FROM dw.visits") == [
        (COUNT, "late", None, "C1")
    ]
    assert hand.esteira("drift", "visits").code == 0


def _artifact(world: World) -> str:
    """What the Prefect UI shows."""
    done = world.python('from prefect.artifacts import Artifact; print(Artifact.get("visits-drift").data)')
    assert done.code == 0, done.err
    return done.out


def _conversion(changes: list[dict[str, Any]]) -> list[str]:
    """What a person runs, without the transaction around it: each statement has a session of its own here."""
    statements = next(each["statements"] for each in changes if each["column"] == "delay")
    return [each for each in statements if not each.startswith(("BEGIN", "LOCK", "COMMIT"))]


def _message(world: World, word: str) -> str:
    deadline = time.monotonic() + SLACK_SECONDS
    while time.monotonic() < deadline:
        if found := [json.loads(message)["text"] for message in world.messages() if word in message]:
            return str(found[0])
        time.sleep(0.2)
    return ""
