"""One trial: a loader is struck at a write, run again until it ends well, and the table is compared with the truth."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import boto3

from esteira.reconcile import reconcile
from esteira.warehouse.ledger_entry import LedgerEntry
from esteira.warehouse.reads import settled_batches, table_counts
from local.parts import Isolation
from local.ports import Ports
from local.stack import Stack, StackConfig, running
from local.state import StateFolder
from tests.torture.director import Director, Kind
from tests.torture.loader import SCHEMA, Orders, lake_at, main, warehouse_at
from tests.torture.source import portal, truth
from tests.torture.wire import Wires, wires

CLEAN_RUNS = 3
"""How often a run without a strike may be needed: the first may meet the lock of a connection that was cut."""
RUN_SECONDS = 60
_PRELOAD = ["tests.torture.loader", "awswrangler", "pyarrow.parquet", "redshift_connector"]


@dataclass(frozen=True)
class Strike:
    """At which write of a run, and how. `at=0` is a run without one."""

    at: int = 0
    kind: Kind = "kill before"


@dataclass(frozen=True)
class Plan:
    """What a trial does: runs one after the other, each struck once; or the first two at the same time."""

    mode: str
    days: int
    strikes: tuple[Strike, ...]
    is_race: bool = False
    sabotage: str = ""


@dataclass
class Verdict:
    """What came of it.

    Attributes:
        landed: Strikes that happened, by kind.
        writes: What the first run wrote, in order, up to its strike.
        lost, doubled: Rows against the truth.
        mismatches: What reconciliation found between portal, lake, ledger and table, and equations that do not hold.
        failures: Runs without a strike that did not end well, with what they said.
    """

    landed: Counter[str] = field(default_factory=Counter)
    writes: list[str] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    mismatches: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled or told differently, and the last run ended well."""
        return not (self.lost or self.doubled or self.mismatches or self.failures)


class Lab:
    """The stack, the portal, and two pairs of wires: two loaders may run at once.

    Attributes:
        isolation: The database's level.
    """

    def __init__(
        self, stack: Stack, isolation: Isolation, portal_url: str, pairs: Sequence[Wires], folder: Path
    ) -> None:
        self._stack, self.isolation, self._pairs, self._folder = stack, isolation, pairs, folder
        env = stack.env
        session = boto3.Session(profile_name=env["AWS_PROFILE"], region_name="us-east-1")
        keys = session.get_credentials().get_frozen_credentials()
        environment = {
            "AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key, "AWS_SESSION_TOKEN": keys.token,
            "AWS_DEFAULT_REGION": "us-east-1", "SSL_CERT_FILE": env["SSL_CERT_FILE"], "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip
        self._orders = Orders(
            name="", mode="", days=0, portal=portal_url, s3="", sql_port=0, bucket=env["ESTEIRA_LAKE_BUCKET"],
            copy_role=env["ESTEIRA_COPY_ROLE_ARN"], environment=environment,
            password=StateFolder(Path(stack.state)).secret("warehouse-password").read_text(),
        )  # fmt: skip
        self._names = itertools.count(1)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_PRELOAD)
        os.environ.update(environment | {"AWS_ENDPOINT_URL": env["AWS_ENDPOINT_URL"]})

    def run(self, plan: Plan) -> Verdict:
        """Strike, repeat, compare."""
        orders = replace(
            self._orders, name=f"trial_{next(self._names)}", mode=plan.mode, days=plan.days, sabotage=plan.sabotage
        )
        verdict = Verdict()
        strikes = list(plan.strikes)
        if plan.is_race:
            self._race(orders, strikes[:2], verdict)
            strikes = strikes[2:]
        for strike in strikes:
            self._finish(self._begin(orders, strike, 0), strike, verdict)
        self._run_clean(orders, verdict)
        self._compare(orders, plan, verdict)
        return verdict

    def _begin(
        self, orders: Orders, strike: Strike, pair: int, meeting: threading.Barrier | None = None
    ) -> tuple[BaseProcess, Director, Path]:
        pair_of = self._pairs[pair]
        log = self._folder / f"{orders.name}-{pair}.log"
        here = replace(orders, s3=f"http://127.0.0.1:{pair_of.s3_port}", sql_port=pair_of.sql_port)
        process = self._context.Process(target=main, args=(here, str(log)), daemon=True)
        director = Director(strike.at, strike.kind, lambda: _kill(process), meeting)
        pair_of.director = director
        process.start()
        return process, director, log

    def _finish(self, begun: tuple[BaseProcess, Director, Path], strike: Strike, verdict: Verdict) -> bool:
        process, director, log = begun
        process.join(RUN_SECONDS)
        if process.is_alive():
            _kill(process)
            process.join()
            verdict.failures.append(f"{strike}: still running after {RUN_SECONDS} s")
        verdict.writes = verdict.writes or director.seen
        if director.landed:
            verdict.landed[strike.kind] += 1
            if strike.kind.startswith("kill") and process.exitcode != -signal.SIGKILL:
                verdict.failures.append(f"{strike}: the process ended with {process.exitcode}, not by the signal")
        elif process.exitcode != 0:
            verdict.failures.append(f"{strike}: exit {process.exitcode}: {log.read_text()[-600:]}")
            return False
        return process.exitcode == 0

    def _race(self, orders: Orders, strikes: list[Strike], verdict: Verdict) -> None:
        meeting = threading.Barrier(2)
        both = [self._begin(orders, strike, pair, meeting) for pair, strike in enumerate(strikes)]
        for begun, strike in zip(both, strikes, strict=True):
            self._finish(begun, strike, verdict)

    def _run_clean(self, orders: Orders, verdict: Verdict) -> None:
        for _ in range(CLEAN_RUNS):
            attempt = Verdict()
            if self._finish(self._begin(orders, Strike(), 0), Strike(), attempt):
                return
        verdict.failures += attempt.failures

    def _compare(self, orders: Orders, plan: Plan, verdict: Verdict) -> None:
        direct = replace(
            orders, s3=self._stack.env["AWS_ENDPOINT_URL"], sql_port=int(self._stack.env["ESTEIRA_WAREHOUSE_PORT"])
        )
        warehouse, lake = warehouse_at(direct), lake_at(direct)
        with warehouse.session() as session:
            rows = session.rows(f'SELECT id, label, amount FROM "{SCHEMA}"."{orders.name}"')
            in_view = session.count("SELECT COUNT(*) FROM esteira.batch WHERE dataset = %s", (orders.name,))
        found, wanted = Counter(map(tuple, rows)), Counter(truth(plan.mode, plan.days))
        verdict.lost = (wanted - found).total()
        verdict.doubled = (found - wanted).total()
        entries = settled_batches(warehouse, orders.name)
        verdict.mismatches += _broken_equations(entries, plan.days)
        if in_view != len(entries):
            verdict.mismatches.append(f"esteira.batch shows {in_view} of {len(entries)} batches")
        verdict.mismatches += reconcile(orders.name, entries, table_counts(warehouse, orders.name), lake).differences
        lake.client.close()


def _broken_equations(entries: list[LedgerEntry], days: int) -> Iterator[str]:
    if len(entries) != days:
        yield f"the ledger has {len(entries)} batches for {days} days"
    for entry in entries:
        written = entry.inserted + entry.updated + entry.unchanged + entry.stale + entry.duplicate
        if entry.extracted != entry.curated + entry.quarantined or entry.curated != written:
            yield f"{entry.batch_id}: the counts do not add up: {entry}"


def _kill(process: BaseProcess) -> None:
    if process.pid is not None:
        os.kill(
            process.pid, signal.SIGKILL
        )  # it is joined where it was begun: two threads that wait for one child steal its code


@contextmanager
def lab(folder: Path, isolation: Isolation) -> Iterator[Lab]:
    """A stack of S3 and Redshift, whose database has that isolation level, with a lab on it."""
    config = StackConfig(
        state=folder / "stack", ports=Ports.free(), with_prefect=False, with_portal=False, isolation=isolation
    )
    with ExitStack() as stack:
        up = stack.enter_context(running(config))
        kept = dict(os.environ)
        stack.callback(lambda: (os.environ.clear(), os.environ.update(kept)))
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(up.env)
        url = stack.enter_context(portal())
        s3_port, sql_port = (
            int(up.env[name].rsplit(":", 1)[-1]) for name in ("AWS_ENDPOINT_URL", "ESTEIRA_WAREHOUSE_PORT")
        )
        tls = Path(up.state) / "tls"
        pairs = [stack.enter_context(wires(s3_port, sql_port, tls)) for _ in range(2)]
        yield Lab(up, isolation, url, pairs, folder)
