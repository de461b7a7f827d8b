"""What a test does with a contract: bring the table into the lake, kill it in the middle, read back what landed.

As a command it is the process that is killed: `python -m tests.portals.story CASE URL BUCKET`.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from esteira.batch import Batch, Known, plan
from esteira.contract import Dataset
from esteira.curate import curate
from esteira.extraction.extract import extract
from esteira.failpoints import VARIABLE
from esteira.lake import Lake, Seal
from esteira.portal import Portal

AS_OF = datetime(2024, 3, 1, 9, tzinfo=UTC)
CHECKOUT = Path(__file__).resolve().parents[2]


def batch_of(dataset: Dataset) -> Batch:
    return plan(dataset, AS_OF, Known())[0]


def landed(dataset: Dataset, lake: Lake, portal: Portal, batch: Batch | None = None) -> list[dict[str, Any]]:
    """Extract, curate, and read the rows that would be loaded, by their key."""
    seal = extract(dataset, batch or batch_of(dataset), portal=portal, lake=lake)
    assert seal is not None
    return curated(dataset, lake, seal)


def curated(dataset: Dataset, lake: Lake, seal: Seal) -> list[dict[str, Any]]:
    result = curate(dataset, seal, lake=lake)
    assert (result.quarantined, result.curated) == (0, seal.extracted), result.reasons
    found = [row for part in result.parts for row in pq.read_table(io.BytesIO(lake.read_part(part))).to_pylist()]
    names = [column.name for column in dataset.columns]
    return sorted(({name: row[name] for name in names} for row in found), key=lambda row: row[names[0]])


def killed(case: str, url: str, bucket: str, failpoint: str) -> None:
    """Extract in a process of its own that dies by SIGKILL at a durable write."""
    command = [sys.executable, "-m", "tests.portals.story", case, url, bucket]
    done = subprocess.run(command, cwd=CHECKOUT, env=os.environ | {VARIABLE: failpoint}, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL


def main() -> None:
    import dataclasses

    from tests.portals.cases import NAMED

    case, url, bucket = NAMED[sys.argv[1]], sys.argv[2], sys.argv[3]
    dataset = dataclasses.replace(case.dataset, source=dataclasses.replace(case.source, pages_per_part=1))
    extract(dataset, batch_of(dataset), portal=case.open(url), lake=Lake(bucket))


if __name__ == "__main__":
    main()
