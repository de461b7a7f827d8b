"""How a BI asset stands after a run: what was decided about it, the row of `esteira.refresh` that was written, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

from esteira.contract import Asset
from esteira.errors import EsteiraError
from esteira.refresh.due import NOT_COUNTED, Decision, Situation, Verdict, decide, spent
from esteira.warehouse.refreshes import Attempt


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an asset stands after a run.

    Attributes:
        asset: Which.
        decision: What was found, or done.
        attempt: The row that this run wrote; None where it asked no tool.
        last_good: The last refresh that succeeded.
        used: Refreshes of the last 24 hours.
        error: What went wrong in this run.
    """

    asset: Asset
    decision: Decision
    attempt: Attempt | None = None
    last_good: Attempt | None = None
    used: int = 0
    error: EsteiraError | None = None

    @classmethod
    def of(cls, asset: Asset, at: Situation) -> Outcome:
        """How it stands before any tool is asked."""
        return cls(asset, decide(asset, at), last_good=at.last_good, used=len(spent(at.attempts, at.now)))

    @property
    def row(self) -> Attempt:
        """The row that this run wrote, once a tool is asked."""
        assert self.attempt is not None  # noqa: S101 - no tool is asked before its row is written
        return self.attempt

    @property
    def is_running(self) -> bool:
        """Whether there is something to ask the tool about."""
        return self.attempt is not None and self.attempt.state in {"running", "following"} and self.error is None

    def concluded(self) -> Outcome:
        """With the decision that the run came to, for people: what its row says now."""
        attempt = self.attempt
        if attempt is None:
            return self
        is_done = attempt.state == "done"
        verdict: Verdict = "current" if is_done else "follow" if attempt.is_open else "waits"
        why = "refreshed" if is_done else f"{attempt.state}{f': {attempt.reason}' if attempt.reason else ''}"
        return replace(
            self,
            used=self.used + (self.decision.verdict == "start" and attempt.state not in NOT_COUNTED),
            decision=Decision(verdict, why, attempt.shows, attempt),
            last_good=attempt if is_done else self.last_good,
        )
