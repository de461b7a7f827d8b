"""What became of one dataset in a run over many, and the row that tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blocks.runs import Ended
from esteira.warehouse.counts import SUMMARY_COUNTS
from flows.ingest import IngestReport

ALL = "all"
"""Stands in the place of a dataset's name in the row of sums."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One dataset: its report, how its own run ended, or why there is neither."""

    dataset: str
    report: IngestReport | None = None
    error: BaseException | None = None
    skipped_for: str | None = None
    ended: Ended | None = None

    @property
    def is_well(self) -> bool:
        """Whether what needs this dataset may run."""
        return self.report is not None or (self.ended is not None and self.ended.is_completed)


def table(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """The artifact of the whole run: a row for each dataset, and their sum."""
    rows = [row(outcome) for outcome in outcomes]
    well = sum(outcome.is_well for outcome in outcomes)
    total: dict[str, object] = {"dataset": ALL, "state": f"{well} of {len(outcomes)} well"}
    return [*rows, total | {name: sum(int(str(each[name])) for each in rows) for name in ("batches", *SUMMARY_COUNTS)}]


def row(outcome: Outcome) -> dict[str, object]:
    """Its line in the artifact of the whole run."""
    batches = _batches(outcome)
    sums = {name: sum(batch.get(name, 0) for batch in batches) for name in SUMMARY_COUNTS}
    return {"dataset": outcome.dataset, "state": _state(outcome, len(batches)), "batches": len(batches), **sums}


def _batches(outcome: Outcome) -> list[dict[str, int]]:
    if outcome.report is not None:
        return [{name: getattr(batch.entry, name) for name in SUMMARY_COUNTS} for batch in outcome.report.batches]
    return list(outcome.ended.batches) if outcome.ended else []


def _state(outcome: Outcome, batches: int) -> str:
    if outcome.skipped_for:
        return f"skipped: {outcome.skipped_for} failed"
    if outcome.report is None and outcome.ended is None:
        return f"failed: {outcome.error}"
    if outcome.ended is not None and not outcome.ended.is_completed:
        return f"{outcome.ended.state.lower()}: {outcome.ended.message}"
    if batches:
        return "loaded"
    hold = outcome.report.hold if outcome.report else None
    return str(hold or (outcome.ended and outcome.ended.message) or "nothing due")
