"""The CPU-bound step, sealed raw parts into curated ones, by each runner with one worker and with two.

Each turn is a process of its own, which runs the step as a flow does. It is timed twice: with all parts, and with two. The difference is what the
other parts cost when the workers are up; the whole has their start in it, which a batch pays once. `alone` is the step as it is without workers.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.image import ROOT
from bench.peers.facts import print_facts

if TYPE_CHECKING:
    from bench.place import Place  # a child would load it, and with it what a flow needs

Facts = dict[str, Any]
NAME = "bench_workers"
FEW = 2
TURNS = (("alone", 1), *((runner, count) for runner in ("threads", "processes", "dask") for count in (1, 2)))
_CONTRACT = """from bench.contracts import contract

DATASET = contract("flights", "{name}", size=10_000, factor={factor}, write="append")
"""
_START = "import sys; sys.modules['hypothesis'] = None"
"""What the image does not have, no worker imports here either: see `bench.image.without_extras`."""


def measure(place: Place, turns: int, factor: int) -> list[Facts]:
    """Medians of each runner and number of workers, in turns, on a whole stack."""
    with tempfile.TemporaryDirectory(prefix="bench-workers-") as folder:
        contracts, start = Path(folder) / "contracts", Path(folder) / "start"
        for path, text in (
            (contracts / f"{NAME}.py", _CONTRACT.format(name=NAME, factor=factor)),
            (start / "sitecustomize.py", _START),
        ):
            path.parent.mkdir()
            path.write_text(text)
        env = place.environment() | {
            "ESTEIRA_DATASETS": str(contracts), "PYTHONPATH": str(start), "PREFECT_LOGGING_LEVEL": "WARNING",
        }  # fmt: skip
        _child(env, "--extract", "--url", place.replay_url("flights"))
        found: dict[tuple[str, int], list[Facts]] = {turn: [] for turn in TURNS}
        for number in range(turns):
            for at, (runner, workers) in enumerate(TURNS):
                asked = {"ESTEIRA_RUNNER": "threads" if runner == "alone" else runner, "ESTEIRA_WORKERS": str(workers)}
                generation = 2 + 2 * (number * len(TURNS) + at)
                made = _child(env | asked, "--curate", str(generation), *(["--alone"] if runner == "alone" else []))
                found[runner, workers].append(made)
                print(
                    f"  {runner:9} x {workers}: {made['seconds']}, peak {made['peak_bytes'] / 1e6:.0f} MB", flush=True
                )
    return [_facts(runner, workers, each) for (runner, workers), each in found.items()]


def _facts(runner: str, workers: int, found: list[Facts]) -> Facts:
    whole, few = (statistics.median(one["seconds"][name] for one in found) for name in ("all", "few"))
    parts, rows = found[0]["parts"], found[0]["rows"]
    return {
        "runner": runner,
        "workers": workers,
        "rows": rows,
        "parts": parts,
        "seconds": round(whole, 2),
        "seconds_when_up": round(whole - few, 2),
        "rows_per_second_when_up": round(rows * (parts - FEW) / parts / (whole - few)),
        "largest_process_mb": round(max(one["peak_bytes"] for one in found) / 1e6),
    }


def _child(env: dict[str, str], *options: str) -> Facts:
    command = [sys.executable, "-m", "bench.workers", *options]
    done = subprocess.run(command, env=env, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    facts: Facts = json.loads(done.stdout.splitlines()[-1])
    return facts


def main() -> None:
    """One process of the measurement."""
    parser = argparse.ArgumentParser(prog="python -m bench.workers")
    parser.add_argument("--extract", action="store_true")
    parser.add_argument("--url")
    parser.add_argument("--curate", type=int, metavar="GENERATION")
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    if options.extract:
        _extract(options.url)
    else:
        _curate(options.curate, is_alone=options.alone)


def _extract(url: str) -> None:
    """Bring the batch into raw; the stage's blocks are registered on the way."""
    import os  # noqa: PLC0415 - each child loads only what it is
    from collections import Counter  # noqa: PLC0415

    from bench.ours import open_lake, open_portal  # noqa: PLC0415
    from cli.stack import prepare_prefect  # noqa: PLC0415
    from esteira.extraction.extract import extract  # noqa: PLC0415

    prepare_prefect()
    dataset, batch = _dataset_and_batch()
    raw = extract(dataset, batch, portal=open_portal(url, os.environ["BENCH_TOKEN"]), lake=open_lake(Counter()))
    print_facts(rows=raw.extracted, other={"parts": len(raw.parts)})


def _curate(generation: int, *, is_alone: bool) -> None:
    """The step with two parts and with all, in a flow that workers can be told of: it holds no connection."""
    from prefect import flow  # noqa: PLC0415 - each child loads only what it is

    from cli.foreground import watched  # noqa: PLC0415

    step = flow(_step, name="workers", persist_result=False)
    with watched():
        few, _, _ = step(generation, FEW, is_alone=is_alone)
        whole, rows, parts = step(generation + 1, sys.maxsize, is_alone=is_alone)
    print_facts(rows=rows, other={"parts": parts}, few=few, all=whole)


def _step(generation: int, parts: int, *, is_alone: bool) -> tuple[float, int, int]:
    import msgspec  # noqa: PLC0415 - each child loads only what it is

    from blocks import open_lake  # noqa: PLC0415
    from esteira.curate import curate  # noqa: PLC0415
    from tasks.parts import share_parts  # noqa: PLC0415

    dataset, batch = _dataset_and_batch()
    lake = open_lake()
    raw = lake.find_settled_seal("raw", NAME, batch.id, 1)
    assert raw is not None
    some = raw.parts[:parts]
    rows = sum(part.rows for part in some)
    seal = msgspec.structs.replace(raw, parts=some, extracted=rows)
    began = time.monotonic()
    if is_alone:
        curate(dataset, seal, lake=lake, generation=generation)
    else:
        share_parts(dataset, seal, generation, {})
    return time.monotonic() - began, rows, len(some)


def _dataset_and_batch() -> tuple[Any, Any]:
    from bench.ours import AS_OF  # noqa: PLC0415 - each child loads only what it is
    from esteira.batch import Known, plan  # noqa: PLC0415
    from esteira.catalogue import find_dataset  # noqa: PLC0415
    from esteira.settings import read_settings  # noqa: PLC0415

    dataset = find_dataset(read_settings().datasets, NAME)
    (batch,) = plan(dataset, AS_OF, Known())
    return dataset, batch


if __name__ == "__main__":
    main()
