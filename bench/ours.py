"""Our own path without Prefect, in a process of its own: portal -> raw -> curated, and with `--load` -> warehouse.

It calls what the tasks call, with what the blocks make, under the role of a task. The clock starts when everything is
imported and connected, as it does for the peers.
"""

from __future__ import annotations

import argparse
import os
import secrets
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import awswrangler  # noqa: F401 - before the clock starts, like every other import

import flows  # noqa: F401 - what a run has too: how seldom the garbage collector looks
from bench.contracts import WRITES, contract
from bench.image import without_extras
from bench.peers.facts import peak_bytes, print_facts
from bench.rows import SETS
from esteira.auth import Bearer
from esteira.aws import aws_session
from esteira.batch import Batch, Known, plan
from esteira.contract import Dataset
from esteira.curate import curate
from esteira.extraction.ahead import extract_ahead
from esteira.history import lake_history
from esteira.lake import Lake, Seal
from esteira.portal import Portal, PortalConfig
from esteira.profile import Profiler
from esteira.vault import read_secret
from esteira.warehouse import Credentials, Loader, LoadRequest, Warehouse, WarehouseConfig

AS_OF = datetime(2014, 1, 1, tzinfo=UTC)


def main() -> None:
    """Run one batch and tell its facts."""
    without_extras()
    options = _options()
    name = f"bench_{options.rows}_{secrets.token_hex(4)}"
    dataset = contract(options.rows, name, size=options.size, factor=options.factor, write=options.write)
    (batch,) = plan(dataset, AS_OF, Known())
    requests: Counter[str] = Counter()
    lake, portal = open_lake(requests), open_portal(options.url, os.environ["BENCH_TOKEN"])
    loader = open_loader(lake) if options.load else None
    if options.without_profile:
        Profiler.add = lambda self, table: None  # type: ignore[method-assign]  # noqa: ARG005
    began, began_cpu = time.monotonic(), time.process_time()
    found = extract_ahead(dataset, batch, portal=portal, lake=lake)
    extracted = time.monotonic()
    seal = curate(dataset, found.raw, lake=lake, ahead=found.ahead)
    seconds = {"extract": extracted - began, "parquet": time.monotonic() - began}
    other: dict[str, Any] = {"parquet_peak_bytes": peak_bytes(), "s3_requests": dict(requests)}
    if loader is not None:
        _load(loader, dataset, batch, seal, lake)
        seconds["warehouse"] = time.monotonic() - began
    other |= {
        "dataset": name,
        "cpu_seconds": time.process_time() - began_cpu,
        "quarantined": seal.quarantined,
        "objects": _objects(lake, name),
        "part_bytes": _part_bytes(found.raw),
    }
    print_facts(rows=seal.curated, other=other, **seconds)


def open_lake(requests: Counter[str]) -> Lake:
    """The stage's lake, with every request to S3 counted by its operation."""
    session = aws_session()  # a second one would read botocore's models again: 10 MB that no task has
    session.events.register("before-send.s3", lambda event_name, **_: requests.update([event_name.rsplit(".", 1)[1]]))
    return Lake(os.environ["ESTEIRA_LAKE_BUCKET"], session)


def open_portal(url: str, token: str) -> Portal:
    """The portal at the origin of a URL."""
    origin = urlsplit(url)
    config = PortalConfig(
        name="bench",
        base_url=f"{origin.scheme}://{origin.netloc}",
        secret="bench",
        auth=(Bearer(),),
        allow_private_hosts=True,
    )
    return Portal(config, {"token": token})


def open_loader(lake: Lake) -> Loader:
    """A loader on the stage's warehouse."""
    env = os.environ
    fields = read_secret(env["ESTEIRA_WAREHOUSE_SECRET"])
    config = WarehouseConfig(
        env["ESTEIRA_WAREHOUSE_HOST"], int(env["ESTEIRA_WAREHOUSE_PORT"]), env["ESTEIRA_WAREHOUSE_DATABASE"],
        env["ESTEIRA_WAREHOUSE_SECRET"], env["ESTEIRA_COPY_ROLE_ARN"],
    )  # fmt: skip
    warehouse = Warehouse(config, Credentials(fields["username"], fields["password"]))
    return Loader(warehouse, history=lake_history(lake), read_part=lake.read_part)


def _load(loader: Loader, dataset: Dataset, batch: Batch, seal: Seal, lake: Lake) -> None:
    loader.load(LoadRequest.of_seal(dataset, batch, seal, lake, run="bench", version="0"))


def _part_bytes(raw: Seal) -> int:
    """The largest raw part as the portal sent it: the unit of memory."""
    return max(sum(page.size_bytes for page in part.pages) for part in raw.parts)


def _objects(lake: Lake, name: str) -> dict[str, list[int]]:
    """Sizes in bytes of what a run left in each zone, the smallest first."""
    zones = ("raw", "curated", "quarantine")
    return {zone: sorted(lake.sizes(f"{zone}/{name}/").values()) for zone in zones}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ours")
    parser.add_argument("--url", required=True, help="the portal; only its origin is used")
    parser.add_argument("--rows", choices=SETS, default="flights")
    parser.add_argument("--size", type=int, default=10_000, help="records a page")
    parser.add_argument("--factor", type=int, default=1)
    parser.add_argument("--write", choices=WRITES, default="append")
    parser.add_argument("--load", action="store_true")
    parser.add_argument(
        "--without-profile", action="store_true", help="see no value: what profiles cost is the difference"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
