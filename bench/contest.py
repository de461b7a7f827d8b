"""All contestants in turns, each in a process of its own, each one's rows counted: a noisy minute strikes all of them."""

from __future__ import annotations

import json
import secrets
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.contestants import Contestant, Facts, Input
from bench.counting import WrongRows
from bench.image import ROOT
from bench.place import Place
from bench.watch import TreePeak


@dataclass
class Measure:
    """One contestant's runs to one goal; memory is that of all its processes, or of the largest where that is more."""

    contestant: Contestant
    goal: str
    rows: int
    seconds: list[float] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)

    @property
    def rows_per_second(self) -> float:
        """The median."""
        return self.rows / statistics.median(self.seconds)

    @property
    def as_facts(self) -> Facts:
        """For the results file."""
        return {
            "contestant": self.contestant.name,
            "label": self.contestant.label,
            "goal": self.goal,
            "rows": self.rows,
            "rows_per_second": round(self.rows_per_second),
            "seconds": [round(one, 3) for one in self.seconds],
            "peak_mb": round(max(self.peak_bytes) / 1e6),
        }


def hold(place: Place, contestants: Sequence[Contestant], what: Input, rows: int, turns: int) -> list[Measure]:
    """Run every contestant `turns` times, in turns.

    Raises:
        WrongRows: One of them wrote other rows than `rows`.
    """
    measures = {(one.name, goal): Measure(one, goal, rows) for one in contestants for goal in one.measures}
    for turn in range(1, turns + 1):
        for contestant in contestants:
            facts = run(place, contestant, what, rows)
            for goal in contestant.measures:
                measures[contestant.name, goal].seconds.append(facts["seconds"][goal])
                measures[contestant.name, goal].peak_bytes.append(facts["peak_bytes"])
            print(f"  turn {turn}: {contestant.name:13} {_in_words(facts['seconds'])}", flush=True)
    return list(measures.values())


def run(place: Place, contestant: Contestant, what: Input, rows: int) -> Facts:
    """Run one contestant once; returns the facts that it told, with the memory of its whole tree.

    Raises:
        WrongRows: It wrote other rows than `rows`.
    """
    name = f"run_{secrets.token_hex(4)}"
    url = place.replay_url(what.rows, size=what.size, factor=what.factor)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        env = place.peer_environment() if contestant.venv else place.environment()
        env |= {"BENCH_URL": url, "BENCH_RUN": name, "BENCH_FOLDER": folder}
        out, peak = _run(contestant.command(place, what), env, Path(folder) if contestant.venv else ROOT)
    facts: Facts = json.loads(out.splitlines()[-1])
    facts |= {"run": name, "peak_bytes": max(peak, facts["peak_bytes"])}
    _check(contestant, contestant.count(place, facts), rows)
    return facts


def _run(command: list[str], env: dict[str, str], folder: Path) -> tuple[str, int]:
    process = subprocess.Popen(
        command, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    with TreePeak(process.pid) as tree:
        out, errors = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{command} ended with {process.returncode}:\n{out[-2000:]}\n{errors[-4000:]}")
    return out, tree.bytes


def _check(contestant: Contestant, found: dict[str, int], rows: int) -> None:
    wrong = {goal: count for goal, count in found.items() if count != rows}
    if wrong or not found:
        raise WrongRows(f"{contestant.name} wrote {found} rows where {rows} were sent")


def _in_words(seconds: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
