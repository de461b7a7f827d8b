"""Refreshes in the warehouse: once for the same batches, in one run at a time, within the limit, and on from where a killed one stopped."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from esteira.contract import Append, Asset, Quality
from esteira.errors import AuthError, RefreshFailed, SourceUnavailable
from esteira.refresh import open_refresher
from esteira.refresh.outcome import Outcome
from esteira.refresh.run import Terms, look, run_assets
from esteira.warehouse import LedgerEntry, ledger, refreshes
from tests.refresh.conftest import SECRETS, wanted_of
from tests.refresh.tools import PowerBiService, Receiver, Tool, serving
from tests.warehouse.conftest import FIRST_DAY

_numbers = itertools.count(1)
CHECKOUT = Path(__file__).resolve().parents[2]
KILLED = """
import sys
from datetime import UTC, datetime, timedelta
from esteira.contract import Asset, Webhook
from esteira.refresh import open_refresher
from esteira.refresh.run import Terms, run_assets
from esteira.warehouse import Credentials, Warehouse, WarehouseConfig
from tests.refresh.conftest import SECRETS
from esteira.contract import ApiSource, Append, Dataset
from tests.warehouse.conftest import Item
config, password, name, dataset, url = eval(sys.argv[1]), *sys.argv[2:]
asset = Asset(name, needs=(dataset,), refresher=Webhook(url, secret="esteira/{stage}/hook", allow_private_hosts=True))
terms = Terms({dataset: Dataset(name=dataset, source=ApiSource(portal='none', path='/none'), schema=Item, write=Append())}, datetime.now(UTC), lambda wanted: open_refresher(wanted, "test", SECRETS.__getitem__), "killed", timedelta(0))
run_assets(Warehouse(config, Credentials("esteira", password)), [asset], terms)
"""


@dataclass
class Desk:
    """An asset of its own, its tool, and runs over it."""

    bench: Any
    tool: Any
    asset: Asset
    datasets: dict[str, Any]
    days: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def load(self, *names: str) -> None:
        """A new batch of each dataset, or of these."""
        day = next(self.days)
        for name in names or self.datasets:
            self.bench.load(self.datasets[name], [{"id": day, "label": "a", "amount": 1}], day=day)

    def terms(self, patience: float = 0.0, *, is_forced: bool = False, run: str = "a run") -> Terms:
        def opened(wanted: Any) -> Any:
            return open_refresher(wanted, "test", SECRETS.__getitem__)

        as_of = datetime(2014, 1, 2, tzinfo=UTC)
        return Terms(self.datasets, as_of, opened, run, timedelta(seconds=patience), is_forced, poll_seconds=0.05)

    def run(self, patience: float = 0.0, **options: Any) -> Outcome:
        return run_assets(self.bench.warehouse, [self.asset], self.terms(patience, **options))[0]

    def look(self) -> Outcome:
        return look(self.bench.warehouse, [self.asset], self.terms())[0]

    def rows(self, columns: str = "state") -> list[Any]:
        found = self.bench.query(
            f"SELECT {columns} FROM esteira.refresh WHERE asset = '{self.asset.name}' ORDER BY sequence"
        )
        return [row[0] if len(row) == 1 else row for row in found]

    def past(self, minutes: int) -> None:
        """As if what is written had been so long ago."""
        shift = ", ".join(
            f"{name} = {name} - INTERVAL '{minutes} minutes'"
            for name in ("started_at", "touched_at", "retry_at", "ended_at")
        )
        self.bench.run(f"UPDATE esteira.refresh SET {shift} WHERE asset = '{self.asset.name}'")


MakeDesk = Callable[..., Desk]


@pytest.fixture
def make_desk(bench: Any, make_dataset: Any) -> Iterator[MakeDesk]:
    opened = []

    def make(tool: Tool, *, count: int = 1, quality: Quality | None = None, **options: Any) -> Desk:
        server = serving(tool)
        server.__enter__()
        opened.append(server)
        made = [make_dataset(Append(), quality=quality) for _ in range(count)]
        datasets = {each.name: each for each in made}
        asset = Asset(
            f"asset_{next(_numbers)}_".ljust(63, "x"), needs=tuple(datasets), refresher=wanted_of(tool), **options
        )
        return Desk(bench, tool, asset, datasets)

    yield make
    for server in opened:
        server.__exit__(None, None, None)


@pytest.mark.parametrize("tool", [Receiver, PowerBiService, lambda: PowerBiService(is_premium=True)])
def test_a_refresh_is_followed_over_runs_to_its_end_and_is_not_repeated_for_the_same_batches(
    make_desk: MakeDesk, tool: Any
):
    desk = make_desk(tool(), count=2)
    assert desk.look().decision.why == f"{next(iter(desk.datasets))} is not loaded yet"
    desk.load()
    assert desk.run().decision.verdict == "follow"
    desk.tool.end("done")
    done = desk.run()
    assert (done.decision.verdict, done.decision.why, done.error) == ("current", "refreshed", None)
    assert desk.run().decision.verdict == "current"
    assert len(desk.tool.begun) == 1
    ((state, shows, tool_id, ended),) = desk.rows("state, shows, tool_id, ended_at")
    assert (state, tool_id.endswith(desk.tool.begun[0]), ended is not None) == ("done", True, True)
    assert shows.count("2014-01-01-0123abcd") == 2


def test_it_waits_for_the_last_of_its_datasets_and_comes_once(make_desk: MakeDesk):
    desk = make_desk(Receiver(is_plain=True), count=2)
    first, second = desk.datasets
    desk.load()
    assert desk.run().decision.why == "refreshed"
    desk.load(first)
    assert desk.run().decision.why == f"{second} has nothing newer yet"
    desk.load(second)
    assert desk.run().decision.why == "refreshed"
    assert len(desk.tool.begun) == 2


def test_it_is_not_refreshed_with_what_is_stale_by_its_contract(make_desk: MakeDesk):
    desk = make_desk(Receiver(), quality=Quality(freshness=timedelta(hours=26)))
    desk.load()
    late = replace(desk.terms(), as_of=datetime(2014, 1, 5, tzinfo=UTC))
    (found,) = run_assets(desk.bench.warehouse, [desk.asset], late)
    assert "is stale" in found.decision.why
    assert desk.tool.begun == []
    assert desk.run().decision.verdict == "follow"


def test_of_two_runs_at_once_one_refreshes_it(make_desk: MakeDesk):
    desk = make_desk(Receiver())
    desk.load()
    found: list[Outcome] = []
    runs = [threading.Thread(target=lambda: found.append(desk.run(1.0))) for _ in range(4)]
    for each in runs:
        each.start()
    for each in runs:
        each.join()
    assert len(desk.tool.begun) == 1
    assert sorted(each.decision.verdict for each in found) == ["elsewhere", "elsewhere", "elsewhere", "follow"]


@pytest.mark.parametrize(("failpoint", "posts"), [("refresh.row", 1), ("refresh.asked", 2)])
def test_a_killed_run_is_gone_on_with_and_nothing_is_begun_twice(
    make_desk: MakeDesk, place: Any, failpoint: str, posts: int
):
    desk = make_desk(Receiver())
    desk.load()
    arguments = [
        repr(desk.bench.warehouse.config),
        desk.bench.warehouse._credentials.password,
        desk.asset.name,
        *desk.datasets,
        desk.asset.refresher.url,
    ]
    environment = dict(os.environ) | {"ESTEIRA_FAILPOINT": f"{failpoint}:kill"}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        env=environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    assert desk.rows() == ["starting"]
    assert desk.run().decision.verdict == "elsewhere"  # it may be alive
    desk.past(6)
    assert desk.run().decision.verdict == "follow"
    assert len(desk.tool.begun) == 1
    assert len([each for each in desk.tool.asked if each.method == "POST"]) == posts
    desk.tool.end("done")
    assert desk.run().decision.why == "refreshed"
    assert desk.rows() == ["done"]


@pytest.mark.fault(61)
def test_a_failure_has_the_tools_reason_is_tried_again_later_and_ends_with_its_tries(make_desk: MakeDesk):
    desk = make_desk(Receiver(), tries=2)
    desk.load()
    for number in (1, 2):
        desk.run()
        desk.tool.end("failed")
        found = desk.run()
        assert isinstance(found.error, RefreshFailed)
        assert found.error.code == "no-connection"
        waits = desk.run()
        assert len(desk.tool.begun) == number
        desk.past(15)
    assert waits.decision.verdict == "failed"
    assert desk.run().decision.why == "2 times for these batches: no-connection: the SQL endpoint closed the connection"
    assert desk.run(is_forced=True).decision.verdict == "follow"
    desk.tool.end("done")
    assert desk.run().decision.why == "refreshed"
    assert desk.rows() == ["failed", "failed", "done"]


def test_the_days_limit_is_counted_from_the_rows_and_a_refusal_is_none(make_desk: MakeDesk):
    desk = make_desk(Receiver(is_plain=True), daily=2)
    desk.tool.refuse = desk.tool.limited()
    desk.load()
    refused = desk.run()
    assert refused.decision.why == "refused: status 429: enough for today"
    assert "tried again" in desk.run().decision.why
    ((ended, retry),) = desk.rows("ended_at, retry_at")
    assert retry - ended == timedelta(seconds=3392)  # what the tool asked for is longer than the first wait
    desk.past(60)
    for _ in range(2):
        assert desk.run().decision.why == "refreshed"
        desk.load()
    full = desk.run()
    assert full.decision.why.startswith("2 of 2 refreshes of 24 hours are used")
    assert full.used == 2
    desk.past(24 * 60)
    assert desk.run().decision.why == "refreshed"


def test_a_tool_that_is_down_leaves_the_order_and_it_is_given_again_under_the_same_key(make_desk: MakeDesk):
    desk = make_desk(Receiver())
    desk.load()
    desk.tool.down = True
    found = desk.run()
    assert isinstance(found.error, SourceUnavailable)
    assert desk.rows() == ["starting"]
    assert "asked again from" in desk.run().decision.why
    desk.tool.down = False
    desk.past(15)
    assert desk.run().decision.verdict == "follow"
    keys = {each.headers["webhook-id"] for each in desk.tool.asked if each.method == "POST"}
    assert len(keys) == len(desk.tool.begun) == 1


def test_a_tool_that_is_down_while_it_is_followed_changes_nothing_of_what_runs(make_desk: MakeDesk):
    desk = make_desk(Receiver())
    desk.load()
    desk.run()
    desk.tool.down = True
    found = desk.run()
    assert (found.error, desk.rows()) == (None, ["running"])
    desk.tool.down = False
    desk.tool.end("done")
    assert desk.run().decision.why == "refreshed"


def test_a_login_that_is_refused_ends_the_attempt_and_says_so(make_desk: MakeDesk):
    desk = make_desk(PowerBiService(secret="another"))
    desk.load()
    found = desk.run()
    assert isinstance(found.error, AuthError)
    assert found.error.dataset == desk.asset.name
    assert desk.rows() == ["refused"]


def test_behind_a_refresh_that_somebody_else_began_our_own_is_begun(make_desk: MakeDesk):
    desk = make_desk(PowerBiService())
    desk.load()
    theirs = desk.tool.foreign()
    assert desk.run().attempt.state == "following"
    desk.tool.states[theirs] = "done"
    found = desk.run()
    assert (found.decision.verdict, found.attempt.state) == ("follow", "running")
    assert desk.rows() == ["followed", "running"]
    assert found.attempt.tool_id == desk.tool.begun[-1] != theirs


def test_what_runs_for_too_long_is_cancelled_and_has_failed(make_desk: MakeDesk):
    desk = make_desk(Receiver(), timeout=timedelta(minutes=30))
    desk.load()
    desk.run()
    desk.past(31)
    found = desk.run()
    assert isinstance(found.error, RefreshFailed)
    assert found.error.code == "timeout"
    assert desk.tool.states[desk.tool.begun[0]] == "cancelled"
    assert desk.rows("reason") == ["timeout: It ran for more than 0:30:00. It was cancelled."]


def test_what_somebody_else_began_is_not_cancelled_for_running_long(make_desk: MakeDesk):
    desk = make_desk(PowerBiService(is_premium=True), timeout=timedelta(minutes=30))
    desk.load()
    theirs = desk.tool.foreign()
    desk.run()
    desk.past(31)
    assert desk.run().error is None
    assert desk.tool.states[theirs] == "running"
    assert desk.rows() == ["followed", "following"]


def test_a_snapshot_that_is_unchanged_again_and_again_is_still_known(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(refreshes, "NEWS_ENTRIES", 1)
    desk = make_desk(Receiver(is_plain=True))
    desk.load()
    assert desk.run().decision.why == "refreshed"
    (name,) = desk.datasets
    with desk.bench.warehouse.session() as session:
        for day in (2, 3):
            window = FIRST_DAY + timedelta(days=day)
            ledger.write_entry(
                session, name, LedgerEntry(f"unchanged-{day}", window, window, state="unchanged", generation=0)
            )
        news = refreshes.read_news(session, [name])[name]
    assert (news.shown.changed, news.shown.sequence) == (1, 3)
    assert desk.run().decision.verdict == "current"


def test_a_batch_that_is_taken_out_is_shown_too_after_the_span(make_desk: MakeDesk):
    desk = make_desk(Receiver(is_plain=True), count=2, within=timedelta(0))
    first, _ = desk.datasets
    desk.load()
    desk.run()
    desk.load(first)
    assert desk.run().decision.why == "refreshed"
    assert len(desk.tool.begun) == 2


def test_what_another_run_holds_is_not_written_over(make_desk: MakeDesk):
    desk = make_desk(Receiver())
    desk.load()
    attempt = desk.run().attempt
    with desk.bench.warehouse.session() as session:
        assert not refreshes.update_attempt(session, replace(attempt, state="done", holder="me"), "somebody")
    assert desk.rows() == ["running"]


def test_looking_makes_nothing(make_desk: MakeDesk):
    desk = make_desk(Receiver())
    desk.load()
    assert desk.look().decision.verdict == "start"
    assert desk.tool.asked == []
