"""`make torture`: seeded random strikes; each trial repeats until it ends well and compares the table with the truth.

python -m tests.torture --trials 1000 --seed 7
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.torture.loader import WRITE_MODES
from tests.torture.trial import Lab, Plan, Strike, Verdict, lab
from tests.torture.wire import KINDS

WRITES_A_DAY = 40
"""About as many as one day's load makes: strikes are spread over a little more, so that some runs end before theirs."""
SAY_EVERY = 25


def main() -> int:
    """Run the trials; the exit code is 1 when any of them lost, doubled or contradicted anything."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, printed")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder, lab(Path(folder)) as bench:
        verdicts = [_trial(bench, number, seed, options.trials) for number in range(1, options.trials + 1)]
    print(f"{time.monotonic() - began:.0f} s", flush=True)
    print(_last_line(verdicts))
    return 0 if all(verdict.is_good for verdict in verdicts) else 1


def random_plan(chance: random.Random) -> Plan:
    """One to four strikes, on one to three days; every fifth trial begins with two loaders at once."""
    days = chance.randint(1, 3)
    is_race = chance.random() < 0.2
    count = chance.randint(2 if is_race else 1, 4)
    strikes = tuple(Strike(chance.randint(1, WRITES_A_DAY * days), chance.choice(KINDS)) for _ in range(count))
    return Plan(chance.choice(list(WRITE_MODES)), days, strikes, is_race)


def _trial(bench: Lab, number: int, seed: int, trials: int) -> Verdict:
    plan = random_plan(random.Random(f"{seed}-{number}"))
    verdict = bench.run(plan)
    if not verdict.is_good:
        print(f"trial {number} of seed {seed}: {plan}\n  {verdict}", flush=True)
    if number % SAY_EVERY == 0:
        print(f"{number} of {trials}", flush=True)
    return verdict


def _last_line(verdicts: list[Verdict]) -> str:
    kills = sum(verdict.landed["kill before"] + verdict.landed["kill after"] for verdict in verdicts)
    strikes = sum(verdict.landed.total() for verdict in verdicts)
    return (
        f"trials {len(verdicts)} · kills that landed {kills} (of {strikes} strikes) · "
        f"rows lost {sum(verdict.lost for verdict in verdicts)} · rows doubled {sum(verdict.doubled for verdict in verdicts)} · "
        f"ledger mismatches {sum(len(verdict.mismatches) for verdict in verdicts)} · "
        f"runs that did not end well {sum(len(verdict.failures) for verdict in verdicts)}"
    )


if __name__ == "__main__":
    sys.exit(main())
