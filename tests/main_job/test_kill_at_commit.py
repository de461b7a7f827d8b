"""SIGKILL while COMMIT is on its way: the client sent it and never heard the answer, whatever the server made of it.

The command talks to the warehouse through a wire that holds the load's COMMIT, or its answer, until the command is dead.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from datasets.flights import DATASET as FLIGHTS
from tests.main_job.world import CHECKOUT, COMMAND_SECONDS
from tests.torture.director import AtTheLoadsCommit, Kind
from tests.torture.sql_wire import SqlWire

AS_OF = "2014-01-02T06:00Z"
MODELLED = "id <= 2000"  # without the rows that another test appends to the portal's file
SIGKILLED = -9
STANDS: dict[Kind, bool] = {"kill before": False, "kill meanwhile": True, "kill after": True}
"""Whether the COMMIT stands: it never arrives, arrives after the client's death, or is done before it."""
# The port stands in the stage's block; this one process takes another.
_THROUGH_WIRE = """
import os
from blocks.warehouse import WarehouseBlock
straight = WarehouseBlock.open
def open_through_wire(self):
    self.port = int(os.environ["WIRE_PORT"])
    return straight(self)
WarehouseBlock.open = open_through_wire
from cli.main import main
main()
"""
pytestmark = [pytest.mark.fault(54), pytest.mark.fault(45)]


@dataclass(frozen=True)
class Story:
    """A command that was killed at its COMMIT, what the ledger held then, and the same command again."""

    killed: int
    ledger: list[Any]
    again: Any


def kill_at_commit(world: Any, kind: Kind, command: tuple[str, ...]) -> int:
    port, director = int(world.stack.env["ESTEIRA_WAREHOUSE_PORT"]), AtTheLoadsCommit(kind=kind)
    with closing(SqlWire(lambda: director, port, Path(world.stack.state) / "tls")) as wire:
        environment = world.stack.client_environment() | {"ESTEIRA_STEP_RETRIES": "0", "WIRE_PORT": str(wire.port)}
        client = subprocess.Popen(
            [sys.executable, "-c", _THROUGH_WIRE, *command], cwd=CHECKOUT, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        director.kill = client.kill
        try:
            return client.wait(COMMAND_SECONDS)
        finally:
            client.kill()
            assert director.landed, director.seen


@pytest.fixture(scope="module", params=list(STANDS))
def story(world: Any, write_contract: Any, request: Any) -> tuple[Kind, Story]:
    kind: Kind = request.param
    folder = write_contract(table_of(kind), "flights", size=1_000, write="Append()")
    command = ("ingest", table_of(kind), "--as-of", AS_OF, "--datasets", str(folder), "--json")
    killed = kill_at_commit(world, kind, command)
    world.wait_for_lock(table_of(kind))
    ledger = world.query(f"SELECT batch_id FROM esteira_ledger.{table_of(kind)}")
    return kind, Story(killed, ledger, world.esteira(*command))


def table_of(kind: Kind) -> str:
    return f"commit_{kind.replace(' ', '_')}"


def test_the_client_dies_and_the_ledger_tells_whether_its_commit_stood(story: Any):
    kind, told = story
    assert told.killed == SIGKILLED
    assert len(told.ledger) == STANDS[kind]


def test_the_same_command_again_loads_what_did_not_stand_and_nothing_twice(story: Any):
    kind, told = story
    assert told.again.code == 0, told.again.err
    (report,) = told.again.facts
    assert len(report["batches"]) == (not STANDS[kind])


def test_table_and_ledger_hold_the_batch_once(world: Any, story: Any):
    name = table_of(story[0])
    loaded = world.loaded_rows(FLIGHTS, name)
    assert [row for row in loaded if row[0] <= 2_000] == world.portal_rows(FLIGHTS, MODELLED)
    assert len(loaded) == len(set(loaded))
    assert world.query(f"SELECT curated FROM esteira_ledger.{name}") == [(len(loaded),)]
