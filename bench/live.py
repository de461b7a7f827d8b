"""Our extract from the live Datasette portal against a client that only reads the same pages' bytes: `python -m bench.live`.

The child process of each turn gets `--extract` or `--read`; both walk the flights in pages of 10,000.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections import Counter
from urllib.parse import urlencode

from bench.contestants import Facts
from bench.contracts import contract
from bench.image import ROOT, without_extras
from bench.limit import read_only
from bench.ours import AS_OF, open_lake, open_portal
from bench.peers.facts import print_facts
from bench.place import Place
from esteira.batch import Known, plan
from esteira.curate import curate
from esteira.extraction.ahead import extract_ahead
from esteira.vault import read_secret

SIZE = 10_000


def measure(place: Place, turns: int) -> Facts:
    """Both in turns; the ratio of their medians."""
    seconds: dict[str, list[float]] = {"read": [], "extract": []}
    for _ in range(turns):
        for what, found in seconds.items():
            command = [sys.executable, "-m", "bench.live", f"--{what}"]
            done = subprocess.run(
                command, env=place.environment(), cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
            )
            facts = json.loads(done.stdout.splitlines()[-1])
            found.append(facts["seconds"][what])
            print(f"  live {what}: {facts['rows']:,} rows in {found[-1]:.2f} s", flush=True)
    ratio = statistics.median(seconds["read"]) / statistics.median(seconds["extract"])
    return {"seconds": seconds, "ratio": round(ratio, 3)}


def main() -> None:
    """One walk."""
    parser = argparse.ArgumentParser(prog="python -m bench.live")
    parser.add_argument("--extract", action="store_true")
    parser.add_argument("--read", action="store_true")
    options = parser.parse_args()
    token = read_secret(os.environ["ESTEIRA_PORTAL_SECRET"])["token"]
    (_extract if options.extract else _read)(os.environ["ESTEIRA_PORTAL_URL"], token)


def _read(url: str, token: str) -> None:
    query = urlencode({"_size": SIZE, "_shape": "objects"})
    began = time.monotonic()
    rows = read_only(f"{url}/flights/flights.json?{query}", token)
    print_facts(rows=rows, read=time.monotonic() - began)


def _extract(url: str, token: str) -> None:
    without_extras()
    dataset = contract("flights", f"bench_live_{secrets.token_hex(4)}", size=SIZE, factor=1, write="append")
    (batch,) = plan(dataset, AS_OF, Known())
    lake, portal = open_lake(Counter()), open_portal(url, token)
    began = time.monotonic()
    found = extract_ahead(dataset, batch, portal=portal, lake=lake)
    seal = curate(dataset, found.raw, lake=lake, ahead=found.ahead)
    print_facts(rows=seal.extracted, extract=time.monotonic() - began)


if __name__ == "__main__":
    main()
