"""`esteira ingest NAME --from …` and `esteira undo`: the flows `rebuild` and `undo`, in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from blocks import open_warehouse
from cli.environment import require_prefect
from cli.foreground import watched
from cli.output import dump, error_facts, fail, table
from cli.progress import Lines
from esteira.catalogue import find_dataset, load_catalogue
from esteira.errors import ConfigError
from esteira.rebuild import Origin
from esteira.settings import read_settings
from esteira.warehouse import LoadResult
from esteira.warehouse.reads import datasets_of_batch
from flows.rebuild import rebuild
from flows.undo import undo
from tasks.progress import listening

COLUMNS = (
    "dataset",
    "batch",
    "generation",
    "state",
    "inserted",
    "updated",
    "unchanged",
    "stale",
    "deleted",
    "table rows",
)


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for; no name means every dataset."""

    names: tuple[str, ...]
    origin: Origin
    start: datetime | None = None
    end: datetime | None = None
    batches: tuple[str, ...] = ()
    accept_loss: bool = False


def run_rebuild(request: Request, *, as_json: bool, is_debug: bool) -> int:
    """Load batches again; returns the exit code: that of the first failure."""
    folder = read_settings().datasets
    require_prefect()
    names = [find_dataset(folder, name).name for name in request.names] or list(load_catalogue(folder))
    return _report([_rebuild(name, request) for name in names], names, as_json=as_json, is_debug=is_debug)


def _rebuild(name: str, request: Request) -> Any:
    def start() -> Any:
        return rebuild(
            name,
            request.origin,
            request.start,
            request.end,
            list(request.batches),
            request.accept_loss,
            return_state=True,
        )

    return _outcome(start)


def run_undo(batch: str, name: str | None, reason: str, *, accept_loss: bool, as_json: bool, is_debug: bool) -> int:
    """Take a batch out; returns the exit code."""
    folder = read_settings().datasets
    require_prefect()
    chosen = find_dataset(folder, name or _dataset_of(batch)).name
    found = _outcome(lambda: undo(chosen, batch, reason, accept_loss, return_state=True))
    return _report([found], [chosen], as_json=as_json, is_debug=is_debug)


def _dataset_of(batch: str) -> str:
    found = datasets_of_batch(open_warehouse(), batch)
    if len(found) != 1:
        which = f"{len(found)} datasets have it: {', '.join(found)}" if found else "no dataset's ledger has it"
        raise ConfigError(
            f"{batch!r} names no single batch: {which}.",
            hint="Name the dataset with --dataset; `esteira status` lists batches.",
        )
    return found[0]


def _outcome(start: Callable[[], Any]) -> Any:
    with watched(), listening(Lines()):
        outcome = start().result(raise_on_failure=False)
    return [outcome] if isinstance(outcome, LoadResult) else outcome


def _report(outcomes: list[Any], names: list[str], *, as_json: bool, is_debug: bool) -> int:
    codes = [fail(outcome, is_debug=is_debug) for outcome in outcomes if isinstance(outcome, BaseException)]
    facts = [fact for name, outcome in zip(names, outcomes, strict=True) for fact in _facts(name, outcome)]
    click.echo(dump(facts) if as_json else table(COLUMNS, [_row(fact) for fact in facts if "batch_id" in fact]))
    lost = sorted({batch for fact in facts for batch in fact.get("lost", ())})
    if lost and not as_json:
        click.echo(f"What later batches had overwritten of these batches could not be restored: {', '.join(lost)}.")
    return next(iter(codes), 0)


def _facts(name: str, outcome: Any) -> list[dict[str, Any]]:
    if isinstance(outcome, BaseException):
        return [{"dataset": name, **error_facts(outcome)}]
    counts = ("inserted", "updated", "unchanged", "stale", "duplicate", "deleted", "table_rows")
    return [
        {"dataset": name, "batch_id": result.entry.batch_id, "generation": result.entry.generation}
        | {"state": result.entry.state, "is_new": result.is_new, "lost": result.lost}
        | {count: getattr(result.entry, count) for count in counts}
        for result in outcome
    ]


def _row(fact: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(fact[{"batch": "batch_id", "table rows": "table_rows"}.get(name, name)] for name in COLUMNS)
