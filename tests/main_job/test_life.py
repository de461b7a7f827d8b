"""The life of a dataset from the command line: paused and resumed, renamed with its contract file, retired when the file is gone.

One story in three acts, each a list of commands that run in one process.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest

from datasets.airlines import DATASET as AIRLINES
from tests.main_job.world import as_root

DAYS = ("2014-01-02T06:00Z", "2014-01-03T06:00Z", "2014-01-04T06:00Z")
OLD, NEW = "life_old", "life_new"


def ingest(name: str, day: str) -> tuple[str, ...]:
    return ("ingest", name, "--as-of", day, "--json")


@pytest.fixture(scope="module")
def story(world: Any, write_contract: Any) -> dict[str, Any]:
    folder = write_contract(OLD, write='Upsert(key="carrier")')
    write_contract("life_other", folder=folder)

    def act(*commands: tuple[str, ...]) -> list[Any]:
        return world.esteira_each(*((*command, "--datasets", str(folder)) for command in commands))

    told: dict[str, Any] = {}
    _, told["pause"], told["held"], told["status"], _, told["resumed"] = act(
        ingest(OLD, DAYS[0]), ("pause", OLD, "--reason", "the portal moves"), ingest(OLD, DAYS[1]), ("status", OLD),
        ("resume", OLD), ingest(OLD, DAYS[1]),
    )  # fmt: skip
    told["noted"] = notes(world, "latest"), notes(world, "held")
    contract = (folder / f"{OLD}.py").read_text().replace(f'name="{OLD}"', f'name="{NEW}", formerly=("{OLD}",)')
    (folder / f"{OLD}.py").unlink()
    (folder / f"{NEW}.py").write_text(contract)
    told["orphaned"], told["too soon"], told["dry"], told["renamed"], told["on"], told["compared"] = act(
        ("status",), ingest(NEW, DAYS[2]), ("rename", OLD, NEW), ("rename", OLD, NEW, "--apply"), ingest(NEW, DAYS[2]),
        ("reconcile", NEW, "--json"),
    )  # fmt: skip
    told["rows"] = world.loaded_rows(AIRLINES, NEW)
    (first,) = world.query(f"SELECT MIN(batch_id) FROM esteira_ledger.{NEW}")[0]
    told["undone"], told["again"], told["compared again"], told["active"] = act(
        ("undo", first, "--dataset", NEW, "--json"), ("ingest", NEW, "--from", "raw", "--batch", first, "--json"),
        ("reconcile", NEW, "--json"), ("retire", NEW, "--apply"),
    )  # fmt: skip
    (folder / f"{NEW}.py").unlink()
    told["look"], told["left"], told["retired"], told["after"] = act(
        ("retire", NEW, "--drop-table"), ("status",),
        ("retire", NEW, "--drop-table", "--apply", "--reason", "nobody reads it"), ("status",),
    )  # fmt: skip
    return told


def notes(world: Any, kind: str) -> dict[str, Any]:
    """The lake's notes, which the hourly function reads."""
    with closing(as_root(world.stack, "s3")) as s3:
        bucket = world.stack.env["ESTEIRA_LAKE_BUCKET"]
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=f"report/{kind}/life_")["Contents"]]
        found = [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    return {each["dataset"]: each for each in found}


def test_a_paused_dataset_is_not_run_and_says_so_everywhere(story: Any):
    assert story["pause"].code == 0, story["pause"].err
    (fact,) = story["held"].facts
    assert (fact["batches"], fact["hold"]["event"]) == ([], "paused")
    assert f"{OLD} is paused since " in story["status"].out
    assert "the portal moves" in story["status"].out


def test_a_resumed_dataset_goes_on_where_it_stood(story: Any):
    assert len(story["resumed"].facts[0]["batches"]) == 1, story["resumed"].err


def test_a_renamed_contract_is_told_what_to_do_and_loads_nothing_before(story: Any):
    assert f"orphaned: {OLD} (" in story["orphaned"].out
    assert story["too soon"].code == 78
    assert f"esteira rename {OLD} {NEW}" in story["too soon"].err


def test_a_rename_is_a_dry_run_first_and_then_goes_on_from_the_watermark(world: Any, story: Any):
    assert "Dry run" in story["dry"].out, story["dry"].err
    assert story["renamed"].code == 0, story["renamed"].err
    assert len(story["on"].facts[0]["batches"]) == 1, story["on"].err
    assert story["rows"] == world.portal_rows(AIRLINES)


def test_batches_from_before_the_rename_are_compared_undone_and_loaded_again(story: Any):
    assert [story[each].code for each in ("compared", "undone", "again", "compared again")] == [0, 0, 0, 0], story


def test_a_dataset_with_a_contract_is_not_retired(story: Any):
    assert story["active"].code == 78
    assert "still has an active contract" in story["active"].err


def test_a_retired_dataset_leaves_its_ledger_and_its_lake(world: Any, story: Any):
    assert "Dry run" in story["look"].out
    assert f"orphaned: {NEW} (" in story["left"].out
    assert story["retired"].code == 0, story["retired"].err
    assert f"curated/{NEW}/" in story["retired"].out
    assert "orphaned" not in "".join(line for line in story["after"].out.splitlines() if NEW in line)
    assert world.query(f"SELECT COUNT(*) FROM svv_tables WHERE table_name = '{NEW}'") == [(1,)]
    why = f"SELECT event, reason FROM esteira.dataset_state WHERE dataset = '{NEW}'"
    assert world.query(why) == [("dropped", "nobody reads it")]


def test_the_watch_without_prefect_hears_of_each_turn(world: Any, story: Any):
    latest, held = story["noted"]
    assert latest[OLD]["watermark"] == "2014-01-04T00:00:00+00:00"
    assert held[OLD]["hold"] == ""  # it was paused, and runs again
    holds = {name: note["hold"] for name, note in notes(world, "held").items()}
    assert holds == {OLD: f"renamed to {NEW}", NEW: "retired"}
    assert notes(world, "latest")[NEW]["watermark"] > latest[OLD]["watermark"]
