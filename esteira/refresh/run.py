"""One run over assets: decide under the lock, write the row, ask the tool, follow what runs, write what became of it.

A run that is killed anywhere leaves a row that says how far it came; the next one goes on with it. The tool is never asked while the
lock is held.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from esteira.contract import Asset, Dataset
from esteira.contract.refresher import Refreshing
from esteira.errors import EsteiraError, TransientError
from esteira.failpoints import failpoint
from esteira.refresh.answers import about_tool, end_late, failure_of, state_after
from esteira.refresh.due import Decision, Situation, failures, retry_wait
from esteira.refresh.outcome import Outcome
from esteira.refresh.progress import Order, Progress, Refresher, told
from esteira.warehouse import Warehouse, refreshes
from esteira.warehouse.connection import Session
from esteira.warehouse.refreshes import Attempt

POLL_SECONDS = 15.0
Open = Callable[[Refreshing], Refresher]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """What all assets of a run have in common.

    Attributes:
        datasets: The contracts, by name.
        as_of: The run's moment.
        open: Makes the one who talks to a tool.
        run: The run's name.
        patience: How long what runs at a tool is followed; the next run goes on with it.
        is_forced: See `Situation`.
        poll_seconds: Between two questions.
    """

    datasets: Mapping[str, Dataset]
    as_of: datetime
    open: Open
    run: str = ""
    patience: timedelta = timedelta(minutes=15)
    is_forced: bool = False
    poll_seconds: float = POLL_SECONDS


def look(warehouse: Warehouse, assets: Iterable[Asset], terms: Terms) -> list[Outcome]:
    """How assets stand; nothing is asked of any tool, nor written."""
    with warehouse.session("esteira refresh") as session:
        is_known = refreshes.has_refreshes(session)
        return [
            Outcome.of(asset, _situation(session, asset, terms, refreshes.now(session), is_known=is_known))
            for asset in assets
        ]


def run_assets(warehouse: Warehouse, assets: Iterable[Asset], terms: Terms) -> list[Outcome]:
    """Refresh what is due: first all are begun, then all that run are followed together."""
    with warehouse.session("esteira refresh") as session:
        refreshes.ensure_refreshes(session)
    follower = _Follower(warehouse, terms)
    outcomes = {asset.name: follower.begin(asset) for asset in assets}
    try:
        follower.follow(outcomes)
    finally:
        follower.let_go(outcomes)
    return [outcome.concluded() for outcome in outcomes.values()]


@dataclass
class _Follower:
    """Begins refreshes and follows them. It is the holder of their rows meanwhile, so that no other run follows them too."""

    warehouse: Warehouse
    terms: Terms
    holder: str = field(default_factory=lambda: secrets.token_hex(8))

    def begin(self, asset: Asset) -> Outcome:
        """Decide, and ask the tool for what is to be begun."""
        with self.warehouse.session(f"esteira refresh {asset.name}") as session, refreshes.deciding(session) as now:
            outcome = Outcome.of(asset, _situation(session, asset, self.terms, now))
            attempt = self._claimed(asset, outcome.decision, now)
            if attempt is None:
                return outcome
            is_new = outcome.decision.verdict == "start"
            if is_new:
                refreshes.write_attempt(session, attempt)
            else:
                before = outcome.decision.attempt
                refreshes.update_attempt(session, attempt, before.holder if before else "")
        failpoint("refresh.row")
        outcome = replace(outcome, attempt=attempt)
        return self._started(outcome, is_again=not is_new) if attempt.state == "starting" else outcome

    def follow(self, outcomes: dict[str, Outcome]) -> None:
        """Ask about all that run, until they are over or patience is."""
        deadline = time.monotonic() + self.terms.patience.total_seconds()
        while running := [each for each in outcomes.values() if each.is_running]:
            for outcome in running:
                outcomes[outcome.asset.name] = self._own_after(self._polled(outcome))
            if not any(each.is_running for each in outcomes.values()):
                continue
            if time.monotonic() >= deadline:
                return
            time.sleep(self.terms.poll_seconds)

    def let_go(self, outcomes: Mapping[str, Outcome]) -> None:
        """Give up the rows of what is still under way: the next run goes on with them."""
        for outcome in outcomes.values():
            if outcome.attempt is not None and outcome.attempt.is_open and outcome.attempt.holder:
                self._write(outcome, holder="")

    def _claimed(self, asset: Asset, decision: Decision, now: datetime) -> Attempt | None:
        """The row that this run holds from now on, new or of a run that has ended; None where no tool is to be asked."""
        if decision.verdict == "start":
            key = f"{asset.name.replace('_', '-')}-{now:%Y%m%d%H%M%S}-{secrets.token_hex(4)}"
            tool = type(asset.refresher).__name__
            return Attempt(
                asset.name,
                key,
                decision.shows,
                tool,
                run=self.terms.run,
                holder=self.holder,
                started_at=now,
                touched_at=now,
            )
        if decision.verdict == "follow" and decision.attempt:
            return replace(decision.attempt, run=self.terms.run, holder=self.holder, touched_at=now)
        return None

    def _own_after(self, outcome: Outcome) -> Outcome:
        """When a refresh that somebody else began is over, our own is begun: theirs may have read before our batches came."""
        return self.begin(outcome.asset) if outcome.attempt and outcome.attempt.state == "followed" else outcome

    def _started(self, outcome: Outcome, *, is_again: bool) -> Outcome:
        attempt = outcome.row
        batches = {name: each.batch for name, each in attempt.shows.items()}
        order = Order(attempt.attempt, attempt.started_at, attempt.asset, batches, is_again)
        return self._asked(outcome, lambda tool: tool.start(order))

    def _polled(self, outcome: Outcome) -> Outcome:
        attempt = outcome.row
        asset = outcome.asset
        if datetime.now(UTC) - attempt.started_at > asset.timeout:
            return self._asked(outcome, lambda tool: end_late(tool, attempt, asset))
        return self._asked(outcome, lambda tool: tool.poll(attempt.tool_id))

    def _asked(self, outcome: Outcome, ask: Callable[[Refresher], Progress]) -> Outcome:
        """Ask the tool one thing, and write the answer."""
        try:
            tool = self.terms.open(outcome.asset.refresher)
            try:
                progress = ask(tool)
            finally:
                tool.close()
        except EsteiraError as exc:
            return self._unanswered(outcome, about_tool(exc.located(dataset=outcome.asset.name)))
        failpoint("refresh.asked")
        return self._taken(outcome, progress)

    def _unanswered(self, outcome: Outcome, error: EsteiraError) -> Outcome:
        """Nothing is known of the tool: what runs there goes on, and what was being begun is asked for again under the same key."""
        attempt = outcome.row
        reason = told(error.message)
        _log.warning("%s: %s", outcome.asset.name, reason)
        if attempt.state != "starting":
            is_passing = isinstance(error, TransientError)
            return self._write(replace(outcome, error=None if is_passing else error), reason=reason)
        is_over = (
            not isinstance(error, TransientError) or datetime.now(UTC) - attempt.started_at > outcome.asset.timeout
        )
        return self._write(replace(outcome, error=error), state="refused" if is_over else "starting", reason=reason)

    def _taken(self, outcome: Outcome, progress: Progress) -> Outcome:
        """Write what the tool answered, and with it what went wrong."""
        attempt = outcome.row
        state = state_after(attempt, progress)
        if state == "starting" and datetime.now(UTC) - attempt.started_at > outcome.asset.timeout:
            state = "unknown"
        written = partial(self._write, state=state, tool_id=progress.id or attempt.tool_id, reason=progress.sentence)
        if state in {"running", "following", "done", "followed"}:
            return written(outcome)
        error = failure_of(outcome.asset, state, progress)
        return written(replace(outcome, error=error), wait_seconds=progress.wait_seconds or 0.0)

    def _write(self, outcome: Outcome, *, wait_seconds: float = 0.0, **changes: object) -> Outcome:
        """Bring the row up to date; a row that another run holds by now is its business."""
        attempt = outcome.row
        with self.warehouse.session(f"esteira refresh {attempt.asset}") as session, refreshes.deciding(session) as now:
            changed: Attempt = replace(attempt, run=self.terms.run, touched_at=now, **changes)  # type: ignore[arg-type] # the names are the row's
            if not changed.is_open:
                changed = replace(changed, ended_at=now, holder="")
            if outcome.error is not None:
                tried = len(failures(refreshes.read_attempts(session, attempt.asset), attempt.shows)) + 1
                changed = replace(changed, retry_at=now + max(retry_wait(tried), timedelta(seconds=wait_seconds)))
            if not refreshes.update_attempt(session, changed, attempt.holder):
                _log.warning("%s: another run has taken its refresh over", attempt.asset)
        return replace(outcome, attempt=changed)


def _situation(session: Session, asset: Asset, terms: Terms, now: datetime, *, is_known: bool = True) -> Situation:
    attempts = refreshes.read_attempts(session, asset.name) if is_known else []
    datasets = {name: terms.datasets[name] for name in asset.needs}
    return Situation(datasets, refreshes.read_news(session, asset.needs), attempts, terms.as_of, now, terms.is_forced)
