"""What a run costs beyond its work: `esteira --help`, and the flow of a table of 16 rows against an empty flow of as many tasks and parameters.

The child process of each turn gets `--ours DAY` or `--empty`. Both are timed as whole processes, so imports count. Both run without heartbeats, as
flows at a terminal do: a flow that sends them ends at whole seconds, and a hundredth more of work would count as one.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bench.image import ROOT, without_extras

if TYPE_CHECKING:
    from local.stack import Stack  # a child would load it, and with it what a flow needs

TASKS = 10
"""Of `flows.ingest` for one batch: hold, plan, begin, extract, curate, load, its page, publish, bi, the catalogue."""
FIRST_DAY = datetime(2014, 1, 1, tzinfo=UTC)
ESTEIRA = Path(sys.executable).parent / "esteira"


def help_seconds(turns: int) -> float:
    """`esteira --help`, median."""
    return statistics.median(_seconds([str(ESTEIRA), "--help"], None) for _ in range(turns))


def measure(stack: Stack, turns: int) -> dict[str, float]:
    """Medians of both flows, in turns, on a stack with blocks registered."""
    seconds: dict[str, list[float]] = {"flow": [], "empty_flow": []}
    env = stack.client_environment()
    subprocess.run([sys.executable, "-m", "bench.overhead", "--prepare"], env=env, cwd=ROOT, check=True)
    for turn in range(turns + 1):
        day = f"{FIRST_DAY + timedelta(days=turn):%Y-%m-%d}"
        pair = {"flow": ["--ours", day], "empty_flow": ["--empty"]}
        for name, options in pair.items():
            seconds[name].append(_seconds([sys.executable, "-m", "bench.overhead", *options], env))
            print(f"  {name} {seconds[name][-1]:.2f} s", flush=True)
    # The first of each makes tables and caches.
    return {f"{name}_seconds": round(statistics.median(found[1:]), 3) for name, found in seconds.items()}


def main() -> None:
    """One flow run."""
    parser = argparse.ArgumentParser(prog="python -m bench.overhead")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--ours", type=datetime.fromisoformat)
    parser.add_argument("--empty", action="store_true")
    options = parser.parse_args()
    if options.prepare:
        _prepare()
    else:
        from cli.foreground import watched  # noqa: PLC0415 - each child loads only what it is

        with watched():
            _empty() if options.empty else _ours(options.ours.replace(tzinfo=UTC))


def _prepare() -> None:
    from cli.stack import prepare_prefect  # noqa: PLC0415 - each child loads only what it is

    prepare_prefect()


def _empty() -> None:
    from prefect import flow, task  # noqa: PLC0415 - each child loads only what it is

    @task(persist_result=False)
    def nothing() -> None:
        return

    @flow(name="empty", persist_result=False)
    def empty(dataset: str, *, as_of: datetime) -> None:  # noqa: ARG001 - Prefect stores them, as those of ours
        for _ in range(TASKS):
            nothing()

    empty("airlines", as_of=FIRST_DAY)


def _ours(as_of: datetime) -> None:
    without_extras()
    from flows.ingest import ingest  # noqa: PLC0415 - each child loads only what it is

    report = ingest("airlines", as_of=as_of)
    (batch,) = report.batches
    assert batch.entry.extracted == 16, batch


def _seconds(command: list[str], env: Mapping[str, str] | None) -> float:
    began = time.monotonic()
    subprocess.run(command, env=env, cwd=ROOT, check=True, capture_output=True)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
