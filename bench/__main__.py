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

from bench import live, overhead, scale
from bench.contest import ROOT, hold
from bench.contestants import ALL, Facts, Input
from bench.place import Place, open_place
from bench.plot import bars
from bench.targets import verdicts
from bench.venvs import PEERS, python_of, versions

FLIGHTS = 336_776
RESULTS, PLOT = ROOT / "bench-results.json", ROOT / "bench-results.svg"
QUICK = {"contest", "help"}
SUITES = ("contest", "memory", "shapes", "live", "overhead", "help")


def main() -> None:
    """Measure, print, write."""
    options = _options()
    suites = options.suites or (QUICK if options.quick else set(SUITES))
    turns = options.turns or (1 if options.quick else 5)
    results: Facts = {"machine": _machine(), "versions": _versions(), "turns": turns}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        results |= _measure(Path(folder), suites, turns, options)
    _print(results)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    if "contest" in results:
        PLOT.write_text(bars(results["contest"]))
    print(f"Written: {RESULTS.name}" + (f", {PLOT.name}" if "contest" in results else ""))


def _measure(folder: Path, suites: set[str], turns: int, options: argparse.Namespace) -> Facts:
    chosen = [one for one in ALL if (one.name in options.only if options.only else not (options.quick and one.is_slow))]
    for peer in PEERS:
        python_of(peer)  # what is to be installed is installed before the clock starts
    with_prefect = "overhead" in suites
    with open_place(folder, with_portal=bool({"live", "overhead"} & suites), with_prefect=with_prefect) as place:
        place.warm("flights")
        jobs: dict[str, Callable[[Place], object]] = {
            "contest": lambda place: [one.as_facts for one in hold(place, chosen, Input(), FLIGHTS, turns)],
            "memory": lambda place: scale.factors(place, FLIGHTS, options.factors),
            "shapes": scale.shapes,
            "live": lambda place: live.measure(place, turns),
            "overhead": lambda place: overhead.measure(place.stack, turns),
            "help": lambda _place: {"help_seconds": round(overhead.help_seconds(turns), 3)},
        }
        found: Facts = {}
        for suite in (suite for suite in SUITES if suite in suites):
            print(f"{suite}:", flush=True)
            found[suite] = jobs[suite](place)
    return found


def _print(results: Facts) -> None:
    print(f"\n{results['machine']}; medians of {results['turns']}")
    for one in results.get("contest", ()):
        name = f"{one['label']} ({one['goal']})"
        print(f"  {name:38} {one['rows_per_second']:>10,} rows/s   peak {one['peak_mb']:>5,} MB")
    for one in results.get("shapes", ()):
        print(f"  {one['shape']:8} {one['rows']:>9,} rows   {one['rows_per_second']}   peak {one['peak_mb']} MB")
    for verdict in verdicts(results):
        print(f"  {'met    ' if verdict.is_met else 'NOT MET'}  {verdict.text}: {verdict.found}")


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _versions() -> dict[str, dict[str, str]]:
    ours = {name: importlib.metadata.version(name) for name in ("esteira", "pyarrow", "pandas", "prefect")}
    return {"esteira": ours, **{peer: versions(peer) for peer in PEERS}}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--quick", action="store_true", help="two minutes: one turn of the contest, and the help")
    parser.add_argument("--suites", nargs="+", choices=SUITES, type=str)
    parser.add_argument("--only", nargs="+", choices=[one.name for one in ALL], help="contestants")
    parser.add_argument("--turns", type=int, help="runs of each; the median counts (5)")
    parser.add_argument(
        "--factors", nargs="+", type=int, default=[1, 4, 10, 30], help="multiples of the rows for `memory`"
    )
    options = parser.parse_args()
    options.suites = set(options.suites or ())
    return options


if __name__ == "__main__":
    main()
