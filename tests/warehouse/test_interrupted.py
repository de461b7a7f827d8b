"""A load that is told to stop while its COPY runs: the statement ends with it, nothing of it stays, and the next one loads the batch once."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from esteira.contract import Replace
from local.stack import Stack
from tests.warehouse.slow import at_work, await_copy, slow_copy

CHECKOUT = Path(__file__).resolve().parents[2]
ROWS, SECONDS_PER_ROW = 600, 0.1
"""A minute: nobody waits for its end."""
LOADING = """
import logging, pickle, sys
from esteira.warehouse import Loader
logging.basicConfig(level="WARNING")
warehouse, request = pickle.load(open(sys.argv[1], "rb"))
Loader(warehouse, sleep=lambda _: None).load(request)
"""
pytestmark = pytest.mark.usefixtures("isolation")


@dataclass(frozen=True)
class Stopped:
    """A load that was stopped, what it said, and what runs in the warehouse right after it."""

    request: Any
    said: str
    seconds: float
    left: list[str]


@pytest.fixture
def stopped(bench: Any, make_dataset: Any, stack: Stack, tmp_path: Path) -> Stopped:
    dataset = make_dataset(Replace())
    request = bench.request(dataset, [{"id": number, "label": "a", "amount": 1} for number in range(ROWS)])
    (tmp_path / "orders").write_bytes(pickle.dumps((bench.warehouse, request)))
    command = [sys.executable, "-W", "ignore", "-c", LOADING, str(tmp_path / "orders")]
    with slow_copy(stack, SECONDS_PER_ROW):
        loading = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=CHECKOUT)
        await_copy(stack)
        began = time.monotonic()
        loading.send_signal(signal.SIGINT)
        _, said = loading.communicate(timeout=30)
        return Stopped(request, said, time.monotonic() - began, at_work(stack))


def test_a_load_that_is_stopped_while_its_copy_runs_cancels_it_leaves_nothing_and_is_loaded_once_by_the_next(
    bench: Any, stopped: Stopped
):
    dataset = stopped.request.dataset
    assert stopped.left == []
    assert "KeyboardInterrupt" in stopped.said
    assert "it is cancelled, and nothing of its transaction stays" in stopped.said
    assert stopped.seconds < 10
    assert (bench.ledger(dataset), bench.rows(dataset)) == ([], [])
    with bench.warehouse.session() as session, session.transaction():
        session.limit_statements(1)
        session.run(f"LOCK esteira_lock.{dataset.name}")
    assert bench.loader().load(stopped.request).is_new
    assert (len(bench.ledger(dataset)), len(bench.rows(dataset))) == (1, ROWS)
