"""Loading again, taking out, and comparing, from the command line: `--from`, `undo`, `reconcile`.

Each story is a list of commands that run in one process; the tests look at what each of them said and left.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datasets.airlines import DATASET as AIRLINES
from tests.prefect_state import kept_by_prefect, secrets_kept_by_prefect

pytestmark = pytest.mark.long

DAYS = ("2014-01-02T06:00Z", "2014-01-03T06:00Z")
ORIGINS = ("raw", "curated", "portal")
SHOUT = """

def shout(frame):
    return frame.assign(name=frame["name"].str.upper())


DATASET = dataclasses.replace(DATASET, transform=shout)
"""


def load_both_days(name: str, folder: Path) -> list[tuple[str, ...]]:
    return [("ingest", name, "--as-of", day, "--datasets", str(folder), "--json") for day in DAYS]


def batches_of(world: Any, name: str) -> list[str]:
    return [batch for (batch,) in world.query(f"SELECT DISTINCT batch_id FROM esteira_ledger.{name} ORDER BY batch_id")]


def said(fact: dict[str, Any]) -> tuple[Any, ...]:
    return fact["batch_id"], fact["generation"], fact["state"]


@pytest.fixture(scope="module")
def generations(world: Any, write_contract: Any) -> Any:
    """Two days, then both again from each zone, and a comparison after each."""
    name = "again_origins"
    folder = write_contract(name, write='Upsert(key="carrier")')
    compare = ("reconcile", name, "--datasets", str(folder), "--json")
    again = [("ingest", name, "--from", origin, "--datasets", str(folder), "--json") for origin in ORIGINS]
    told = world.esteira_each(
        *load_both_days(name, folder), *(each for command in again for each in (command, compare))
    )
    return name, told[2::2], told[3::2]


@pytest.mark.parametrize("number", range(3), ids=ORIGINS)
def test_a_generation_from_any_zone_replaces_the_one_before(world: Any, generations: Any, number: int):
    name, again, compared = generations
    expected = [(batch, number + 2, "committed") for batch in batches_of(world, name)]
    assert [said(fact) for fact in again[number].facts] == expected, again[number].err
    assert compared[number].code == 0, compared[number].out


def test_after_all_generations_the_table_is_the_portals(world: Any, generations: Any):
    name, _, _ = generations
    assert world.loaded_rows(AIRLINES, name) == world.portal_rows(AIRLINES)


def test_a_new_generation_and_an_undone_batch_are_told_of_the_tables_asset(world: Any, generations: Any, undone: Any):
    loads, undos = len(DAYS), 1
    assert materialized(world, generations[0]) == loads + len(ORIGINS)
    assert materialized(world, undone["name"]) == loads + undos + 1


def materialized(world: Any, table: str) -> int:
    """How many tasks said that they changed a table."""
    event = "prefect.asset.materialization.succeeded"
    lines = kept_by_prefect(world.stack.state).splitlines()
    resources = json.dumps({"prefect.resource.id": f"redshift://dev/dw/{table}"})[1:-1]
    return sum(f"\t{event}\t" in line and resources in line for line in lines)


def test_no_secret_is_in_what_prefect_keeps_of_rebuilds_and_undos(world: Any, generations: Any, undone: Any):
    assert secrets_kept_by_prefect(world.stack.state) == []


def test_only_a_rebuild_from_the_portal_asks_the_portal(world: Any, generations: Any):
    name, _, _ = generations
    assert len(world.portal_requests(name)) == 2 + 2


def test_a_corrected_transform_reaches_old_rows_from_raw(world: Any, write_contract: Any):
    name = "again_transform"
    folder = write_contract(name, write='Upsert(key="carrier")')
    world.esteira_each(*load_both_days(name, folder))
    contract = folder / f"{name}.py"
    contract.write_text(contract.read_text() + SHOUT)
    (again,) = world.esteira_each(("ingest", name, "--from", "raw", "--datasets", str(folder)))
    assert again.code == 0, again.err
    names = {row for (row,) in world.query(f"SELECT name FROM dw.{name}")}
    assert names
    assert names == {each.upper() for each in names}
    assert len(world.portal_requests(name)) == 2


@pytest.fixture(scope="module")
def undone(world: Any, write_contract: Any) -> Any:
    """Two days; the second is undone; the second day is asked for again; then the batch is brought back by name."""
    name = "again_undone"
    folder = write_contract(name, write='Upsert(key="carrier")')
    world.esteira_each(*load_both_days(name, folder))
    _, second = batches_of(world, name)
    where = ("--datasets", str(folder), "--json")
    (out,) = world.esteira_each(("undo", second, "--dataset", name, "--reason", "wrong file", *where))
    rows = world.loaded_rows(AIRLINES, name)
    compared, nothing, back, compared_again = world.esteira_each(
        ("reconcile", name, *where),
        ("ingest", name, "--as-of", DAYS[1], *where),
        ("ingest", name, "--from", "curated", "--batch", second, *where),
        ("reconcile", name, *where),
    )
    return {"name": name, "second": second, "out": out, "rows": rows, "compared": [compared, compared_again],
            "nothing": nothing, "back": back}  # fmt: skip


def test_an_undone_batch_leaves_the_table_and_its_ledger_says_why(world: Any, undone: Any):
    assert [said(fact) for fact in undone["out"].facts] == [(undone["second"], 2, "undone")], undone["out"].err
    reasons = world.query(f"SELECT reason FROM esteira_ledger.{undone['name']} WHERE state = 'undone'")
    assert reasons == [("wrong file",)]


def test_the_rows_of_the_batch_before_come_back(world: Any, undone: Any):
    assert undone["rows"] == world.portal_rows(AIRLINES)


def test_an_undone_batch_is_not_loaded_again_by_the_next_run(undone: Any):
    assert undone["nothing"].facts[0]["batches"] == []


def test_an_undone_batch_comes_back_when_it_is_named(undone: Any):
    assert [said(fact) for fact in undone["back"].facts] == [(undone["second"], 3, "committed")], undone["back"].err


def test_everything_agrees_after_an_undo_and_after_its_return(undone: Any):
    assert [each.code for each in undone["compared"]] == [0, 0], undone["compared"]


def test_a_batch_that_nobody_loaded_is_refused(world: Any, write_contract: Any):
    name, unknown = "again_unknown", "2001-01-01-00000000"
    folder = write_contract(name, write='Upsert(key="carrier")')
    where = ("--datasets", str(folder))
    *_, undo, again = world.esteira_each(
        *load_both_days(name, folder),
        ("undo", unknown, *where),
        ("ingest", name, "--from", "raw", "--batch", unknown, *where),
    )
    assert (undo.code, again.code) == (78, 78)
    assert "no dataset's ledger has it" in undo.err
    assert f"knows no batch {unknown}" in again.err


def test_rows_deleted_by_hand_are_found_and_brought_back_from_curated(world: Any, write_contract: Any):
    name = "again_by_hand"
    folder = write_contract(name, write='Upsert(key="carrier")')
    where = ("--datasets", str(folder), "--json")
    world.esteira_each(*load_both_days(name, folder))
    world.run(f"DELETE FROM dw.{name} WHERE carrier = 'UA'")
    found, mended, compared = world.esteira_each(
        ("reconcile", name, *where), ("ingest", name, "--from", "curated", *where), ("reconcile", name, *where)
    )
    assert found.code == 65
    assert "something other than Esteira changed it" in found.facts[0]["differences"][0]
    assert (mended.code, compared.code) == (0, 0), mended.err + compared.out
    assert world.loaded_rows(AIRLINES, name) == world.portal_rows(AIRLINES)
