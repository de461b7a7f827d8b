"""`esteira ingest NAME --chunk …`: the flow `backfill` for each dataset, in this process, with live lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from cli.environment import require_prefect
from cli.foreground import watched
from cli.output import DEFECT, dump, error_facts, fail, table
from cli.progress import Lines
from esteira import errors
from esteira.backfill import read_chunk
from esteira.batch import is_snapshot
from esteira.catalogue import active, find_dataset, load_catalogue
from esteira.settings import read_settings
from flows.backfill import backfill
from flows.backfilled import HEADER, BackfillReport, warned
from flows.windows import Outcome
from tasks.progress import following, listening

ENDINGS = frozenset({"Crashed", "Cancelled", "TimedOut", "Deleted"})
"""How a run on the pool ends that says nothing about its window."""
Found = BackfillReport | BaseException


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for; no name means every dataset that has windows."""

    names: tuple[str, ...]
    start: datetime
    end: datetime
    chunk: str | None = None
    force: bool = False
    dry_run: bool = False
    since: datetime | None = None


def run_backfill(request: Request, *, as_json: bool, is_debug: bool) -> int:
    """Load what is missing of a range; returns the exit code: that of the first failure."""
    if request.chunk:
        read_chunk(request.chunk)
    folder = read_settings().datasets
    require_prefect()
    every = [dataset.name for dataset in active(load_catalogue(folder)) if not is_snapshot(dataset)]
    names = [find_dataset(folder, name).name for name in request.names] or every
    found = {name: _backfill(name, request) for name in names}
    codes = [code for each in found.values() if (code := _code(each, is_debug=is_debug))]
    shown = dump([_facts(*each) for each in found.items()]) if as_json else "\n\n".join(_shown(found))
    if shown:
        click.echo(shown)
    return next(iter(codes), 0)


def _backfill(name: str, request: Request) -> Found:
    with watched(), listening(Lines()), following(lambda line: click.echo(line, err=True)):
        fields = request.start, request.end, request.chunk, request.force, request.dry_run, request.since
        state: Any = backfill(name, *fields, return_state=True)
        outcome: Any = state.result(raise_on_failure=False)
    if isinstance(outcome, BackfillReport | BaseException):
        return outcome
    return RuntimeError(f"the run of {name} ended as {state.name}: {state.message} ({DEFECT})")


def _code(found: Found, *, is_debug: bool) -> int:
    if isinstance(found, BaseException):
        return fail(found, is_debug=is_debug)
    return _code_of(found.failures[0]) if found.failures else 0


def _code_of(failure: Outcome) -> int:
    """Of the class that a window failed with. A run of its own that ended without a word may do better the next time."""
    kind = errors.class_of(failure.error)
    if kind is None:
        return errors.TransientError.exit_code if failure.error in ENDINGS else DEFECT
    return kind.exit_code


def _shown(found: dict[str, Found]) -> Sequence[str]:
    return [_one(name, each) for name, each in found.items() if isinstance(each, BackfillReport)]


def _one(name: str, report: BackfillReport) -> str:
    last = warned(report) if report.failures else report.sentence
    return f"{table(HEADER, report.rows)}\n{name}: {last}"


def _facts(name: str, found: Found) -> dict[str, object]:
    if isinstance(found, BaseException):
        return {"dataset": name, "windows": [], **error_facts(found)}
    windows = [dict(zip(HEADER, row, strict=True)) for row in found.rows]
    plan = found.plan
    facts: dict[str, object] = {
        "dataset": name,
        "windows": windows,
        "notes": plan.notes,
        "estimated_seconds": plan.seconds,
    }
    return facts | {"sentence": found.sentence} | ({"next_step": found.again} if found.failures else {})
