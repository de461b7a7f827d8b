"""`make torture`: seeded random strikes; each trial repeats until it ends well and compares the table with the truth.

python -m tests.torture --trials 1000 --seed 7
python -m tests.torture --trials 1000 --seed 7 --record trials.jsonl --minutes 9    # again and again, until all are done
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.torture import rounds


def main() -> int:
    """Run the trials; the exit code is 1 when any of them lost, doubled or contradicted anything, 2 when some are still to do."""
    options = _parse()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        record = options.record or Path(folder) / "trials.jsonl"
        known = rounds.recorded(record, seed)
        numbers = range(options.first, options.first + options.trials)
        missing = tuple(number for number in numbers if number not in known)
        rounds.run(rounds.Round(seed, missing, record, began + 60 * options.minutes))
        done = [trial for number, trial in rounds.recorded(record, seed).items() if number in numbers]
    print(f"{time.monotonic() - began:.0f} s", flush=True)
    if len(done) < options.trials:
        print(f"{options.trials - len(done)} trials are still to do: run the same command again.")
    print(rounds.last_line(done))
    return 1 if not all(map(rounds.is_good, done)) else 2 if len(done) < options.trials else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--from", dest="first", type=int, default=1, help="number of the first trial")
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, printed")
    parser.add_argument("--record", type=Path, help="of finished trials: what is in it is not run again, and counted")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no trial after so long")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
