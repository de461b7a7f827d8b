"""`make bench`: every suite, or those that are named; prints figures against targets, writes the results and their plot."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import live, overhead, profiling, scale, workers
from bench.contest import hold
from bench.contestants import ALL, Facts, Input
from bench.image import ROOT
from bench.place import Place, open_place
from bench.plot import bars
from bench.targets import verdicts
from bench.venvs import PEERS, python_of, versions

FLIGHTS = 336_776
RESULTS, PLOT = ROOT / "bench-results.json", ROOT / "bench-results.svg"
SUITES = ("contest", "memory", "shapes", "profiles", "live", "overhead", "workers", "help")
IN_QUICK = {"contest", "help"}
BESIDE_PREFECT = {"live", "overhead", "workers"}
"""These need the whole stack; the others are measured without its idle parts beside them."""


def main() -> None:
    """Measure, print, write; what is measured is written after each suite, so that a failure loses only what follows."""
    options = _options()
    results: Facts = {"machine": _machine(), "versions": _versions(), "turns": options.turns}
    for wanted in (options.suites - BESIDE_PREFECT, options.suites & BESIDE_PREFECT):
        if wanted:
            _measure(options, wanted, results)
    _print(results)


def _measure(options: argparse.Namespace, wanted: set[str], results: Facts) -> None:
    jobs: dict[str, Callable[[Place], object]] = {
        "contest": lambda place: [one.as_facts for one in hold(place, options.only, Input(), FLIGHTS, options.turns)],
        "memory": lambda place: scale.factors(place, FLIGHTS, options.factors),
        "shapes": scale.shapes,
        "profiles": lambda place: profiling.measure(place, options.turns),
        "live": lambda place: live.measure(place, options.turns),
        "overhead": lambda place: overhead.measure(place.stack, options.turns),
        "workers": lambda place: workers.measure(place, options.worker_turns, options.worker_factor),
        "help": lambda _place: {"help_seconds": round(overhead.help_seconds(options.turns), 3)},
    }
    for venv in sorted({one.venv for one in options.only if one.venv} if "contest" in wanted else ()):
        python_of(venv)  # what is to be installed is installed before the clock starts
    is_whole = bool(wanted & BESIDE_PREFECT)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, open_place(Path(folder), is_whole=is_whole) as place:
        place.warm("flights")
        for suite in (suite for suite in SUITES if suite in wanted):
            print(f"{suite}:", flush=True)
            results[suite] = jobs[suite](place)
            _write(results)


def _write(results: Facts) -> None:
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    if "contest" in results:
        PLOT.write_text(bars(results["contest"]))


def _print(results: Facts) -> None:
    print(f"\n{results['machine']}; medians of {results['turns']}")
    for one in results.get("contest", ()):
        name = f"{one['label']} ({one['goal']})"
        print(f"  {name:38} {one['rows_per_second']:>10,} rows/s   peak {one['peak_mb']:>5,} MB")
    for one in (*results.get("memory", ()), *results.get("shapes", ())):
        speed = one["rows_per_second"]
        print(
            f"  {one['rows']:>10,} {one['shape']:8} {speed['parquet']:>9,} rows/s to Parquet, {speed['warehouse']:>9,} to committed"
            f"   peak {one['peak_mb']:>5,} MB   S3 requests {sum(one['s3_requests'].values())}"
        )
    for verdict in verdicts(results):
        print(f"  {'met    ' if verdict.is_met else 'NOT MET'}  {verdict.text}: {verdict.found}")
    print(f"Written: {RESULTS.name}" + (f", {PLOT.name}" if "contest" in results else ""))


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _versions() -> dict[str, dict[str, str]]:
    ours = {name: importlib.metadata.version(name) for name in ("esteira", "pyarrow", "pandas", "prefect")}
    return {"esteira": ours, **{peer: versions(peer) for peer in PEERS}}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--quick", action="store_true", help="two minutes: one turn of the contest, and the help")
    parser.add_argument("--suites", nargs="+", choices=SUITES)
    parser.add_argument("--only", nargs="+", choices=[one.name for one in ALL], help="contestants")
    parser.add_argument("--turns", type=int, help="runs of each; the median counts (5)")
    parser.add_argument(
        "--factors", nargs="+", type=int, default=[1, 4, 10, 30], help="multiples of the rows for `memory`"
    )
    parser.add_argument("--worker-factor", type=int, default=10, help="multiple of the rows for `workers`")
    parser.add_argument("--worker-turns", type=int, default=1, help="runs of each for `workers`")
    options = parser.parse_args()
    options.suites = set(options.suites or (IN_QUICK if options.quick else SUITES))
    options.turns = options.turns or (1 if options.quick else 5)
    names = options.only or [one.name for one in ALL if not (options.quick and one.is_extra)]
    options.only = [one for one in ALL if one.name in names]
    return options


if __name__ == "__main__":
    main()
