"""Random trials, each with a number: the seed and the number say all of it, also in which isolation level it runs.

Trials of one level share a lab. Both labs run side by side, in processes of their own, and write each finished trial down.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from local.parts import Isolation
from tests.torture.director import KINDS
from tests.torture.loader import WRITE_MODES
from tests.torture.trial import Lab, Plan, Strike, Verdict, lab

LEVELS: tuple[Isolation, ...] = get_args(Isolation)
WRITES_A_DAY = 40
"""About as many as one day's load makes: strikes are spread over a little more, so that some runs end before theirs."""
SAY_EVERY = 25


@dataclass(frozen=True)
class Round:
    """What is to be done, and where it is written down.

    Attributes:
        seed: Repeats the same trials.
        numbers: Which trials.
        record: File to which each finished trial adds a line of JSON.
        deadline: No trial begins after this moment of the monotonic clock, which all processes share.
    """

    seed: int
    numbers: tuple[int, ...]
    record: Path
    deadline: float = float("inf")


def random_plan(chance: random.Random) -> Plan:
    """One to four strikes, on one to three days; every fifth trial begins with two loaders at once."""
    days = chance.randint(1, 3)
    is_race = chance.random() < 0.2
    count = chance.randint(2 if is_race else 1, 4)
    strikes = tuple(Strike(chance.randint(1, WRITES_A_DAY * days), chance.choice(KINDS)) for _ in range(count))
    return Plan(chance.choice(list(WRITE_MODES)), days, strikes, is_race)


def level_of(number: int) -> Isolation:
    """Half of the trials in each level."""
    return LEVELS[number % len(LEVELS)]


def run(wanted: Round) -> None:
    """Run the trials, the labs side by side; returns when all are done or time is up."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(LEVELS), mp_context=context) as pool:
        for done in [pool.submit(_run_level, wanted, level) for level in LEVELS]:
            done.result()


def recorded(record: Path, seed: int) -> dict[int, Mapping[str, Any]]:
    """The finished trials of a seed, by number."""
    if not record.exists():
        return {}
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    return {line["number"]: line for line in lines if line["seed"] == seed}


def last_line(trials: Iterable[Mapping[str, Any]]) -> str:
    """The figures of all of them together."""
    done = list(trials)
    landed = sum((Counter(trial["landed"]) for trial in done), Counter[str]())
    levels = Counter(trial["isolation"] for trial in done)
    return (
        f"trials {len(done)} ({', '.join(f'{levels[level]} {level}' for level in LEVELS)}) · "
        f"kills that landed {landed['kill before'] + landed['kill after']} (of {landed.total()} strikes) · "
        f"rows lost {sum(trial['lost'] for trial in done)} · rows doubled {sum(trial['doubled'] for trial in done)} · "
        f"ledger mismatches {sum(len(trial['mismatches']) for trial in done)} · "
        f"runs that did not end well {sum(len(trial['failures']) for trial in done)}"
    )


def is_good(trial: Mapping[str, Any]) -> bool:
    """Whether a recorded trial lost, doubled and contradicted nothing, and ended well."""
    return not (trial["lost"] or trial["doubled"] or trial["mismatches"] or trial["failures"])


def _run_level(wanted: Round, level: Isolation) -> None:
    numbers = [number for number in wanted.numbers if level_of(number) == level]
    if not numbers:
        return
    with tempfile.TemporaryDirectory(prefix="torture-") as folder, lab(Path(folder), level) as bench:
        for number in numbers:
            if time.monotonic() > wanted.deadline:
                return
            _note(wanted, number, bench)


def _note(wanted: Round, number: int, bench: Lab) -> None:
    plan = random_plan(random.Random(f"{wanted.seed}-{number}"))
    verdict = bench.run(plan)
    if not verdict.is_good:
        print(f"trial {number} of seed {wanted.seed}: {plan}\n  {verdict}", flush=True)
    if number % SAY_EVERY == 0:
        print(f"{time.strftime('%X')} trial {number}", flush=True)
    _append(wanted.record, _line(wanted.seed, number, verdict))


def _line(seed: int, number: int, verdict: Verdict) -> str:
    facts = {name: value for name, value in vars(verdict).items() if name != "writes"}
    return json.dumps({"seed": seed, "number": number, "isolation": level_of(number)} | facts)


def _append(record: Path, line: str) -> None:
    """In one write, so that the lines of two processes never mix."""
    descriptor = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)
