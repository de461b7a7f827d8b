"""The windows of a backfill, in this process or as runs of their own on the pool: some at once, one failure for itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from blocks.runs import INGEST, REBUILD, Ended, Wanted, start, wait_for_any
from esteira.backfill import Planned
from esteira.errors import AuthError, ConfigError, EsteiraError, class_of
from esteira.warehouse import LedgerEntry
from flows.ingest import IngestReport, ingest
from flows.rebuild import rebuild

Fate = Literal["loaded", "loaded again", "loaded before", "taken out", "failed", "not tried"]
HOPELESS = frozenset({AuthError.__name__, ConfigError.__name__})
"""What no other window would be spared: after one of these none is begun."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one window.

    Attributes:
        planned: The window.
        fate: What became of it.
        rows, quarantined: Rows that it brought, and how many of them were refused.
        seconds: How long it took in this run.
        error: Class of the error that it failed with.
        message: What the error says.
    """

    planned: Planned
    fate: Fate
    rows: int = 0
    quarantined: int = 0
    seconds: float = 0.0
    error: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What all windows of a run have in common.

    Attributes:
        dataset: Name of the contract.
        as_of: The run's moment.
        at_once: How many may be under way.
        is_on_pool: Whether each is a run of its own on the pool.
        size: `cpu` and `memory` of such a run, where they differ from the task definition's.
    """

    dataset: str
    as_of: datetime
    at_once: int = 1
    is_on_pool: bool = False
    size: dict[str, int] = field(default_factory=dict)


def stands(planned: Planned) -> Outcome:
    """The outcome of a window that needs nothing."""
    entry = planned.entry
    if entry is None or entry.state == "undone":
        return Outcome(planned, "taken out")
    return Outcome(planned, "loaded before", entry.extracted, entry.quarantined)


def load(wanted: Iterable[Planned], terms: Terms) -> Iterator[Outcome]:
    """Load windows; yields each when it has ended."""
    return _on_pool(list(wanted), terms) if terms.is_on_pool else _here(list(wanted), terms)


def _here(wanted: list[Planned], terms: Terms) -> Iterator[Outcome]:
    turn = _turn(terms)
    if terms.at_once == 1:
        yield from map(turn, wanted)
        return
    with ThreadPoolExecutor(terms.at_once) as pool:
        try:
            turns = [pool.submit(copy_context().run, turn, each) for each in wanted]
            for ended in as_completed(turns):
                yield ended.result()
        finally:  # whoever stops the run waits for the windows under way, and for no other
            pool.shutdown(cancel_futures=True)


def _turn(terms: Terms) -> Callable[[Planned], Outcome]:
    hopeless: list[str] = []

    def turn(planned: Planned) -> Outcome:
        if hopeless:
            return Outcome(planned, "not tried")
        outcome = _load_here(planned, terms)
        hopeless.extend({outcome.error} & HOPELESS)
        return outcome

    return turn


def _load_here(planned: Planned, terms: Terms) -> Outcome:
    began, window = time.monotonic(), planned.batch.window
    if planned.is_again:
        state: Any = rebuild(terms.dataset, "portal", batches=[planned.batch.id], return_state=True)
    else:
        state = ingest(terms.dataset, start=window.start, end=window.end, as_of=terms.as_of, return_state=True)
    found = state.result(raise_on_failure=False)
    if isinstance(found, BaseException):
        message = found.paragraph() if isinstance(found, EsteiraError) else str(found)
        return Outcome(planned, "failed", seconds=time.monotonic() - began, error=type(found).__name__, message=message)
    return _loaded(planned, _entries(found), time.monotonic() - began)


def _entries(found: Any) -> list[LedgerEntry]:
    """Of a rebuild or an ingestion, also of the single result that Prefect takes out of a list of one."""
    if isinstance(found, IngestReport):
        return [batch.entry for batch in found.batches]
    return [each.entry for each in (found if isinstance(found, list | tuple) else [found])]


def _loaded(planned: Planned, entries: list[LedgerEntry], seconds: float) -> Outcome:
    counts = [(entry.extracted, entry.quarantined) for entry in entries]
    return _brought(planned, counts, seconds)


def _brought(planned: Planned, counts: list[tuple[int, int]], seconds: float) -> Outcome:
    """Nothing was brought where another run was faster."""
    fate: Fate = "loaded again" if planned.is_again else "loaded" if counts else "loaded before"
    return Outcome(planned, fate, sum(rows for rows, _ in counts), sum(refused for _, refused in counts), seconds)


def _on_pool(wanted: list[Planned], terms: Terms) -> Iterator[Outcome]:
    under_way: dict[UUID, Planned] = {}
    is_over = False
    while wanted or under_way:
        while wanted and (is_over or len(under_way) < terms.at_once):
            planned = wanted.pop(0)
            outcome = Outcome(planned, "not tried") if is_over else _start(planned, terms, under_way)
            is_over = is_over or bool(outcome and outcome.error in HOPELESS)
            if outcome:
                yield outcome
        for run, ended in wait_for_any(under_way).items() if under_way else ():
            outcome = _ended(under_way.pop(run), ended)
            is_over = is_over or outcome.error in HOPELESS
            yield outcome


def _start(planned: Planned, terms: Terms, under_way: dict[UUID, Planned]) -> Outcome | None:
    try:
        under_way[start(_wanted(planned, terms))] = planned
    except EsteiraError as exc:
        return Outcome(planned, "failed", error=type(exc).__name__, message=exc.paragraph())
    return None


def _wanted(planned: Planned, terms: Terms) -> Wanted:
    """The same window, or the same generation of it, is asked for once at a time, whoever asks."""
    name, batch = terms.dataset, planned.batch
    if planned.is_again and planned.entry:
        parameters: dict[str, Any] = {"dataset": name, "source": "portal", "batches": [batch.id]}
        key = f"rebuild {name} {batch.id} after {planned.entry.generation}"
        return Wanted(REBUILD, name, key, parameters, terms.size)
    span = {"start": batch.window.start.isoformat(), "end": batch.window.end.isoformat()}
    parameters = {"dataset": name, **span, "as_of": terms.as_of.isoformat()}
    return Wanted(INGEST, name, f"ingest {name} {batch.id}", parameters, terms.size)


def _error_of(ended: Ended) -> str:
    """The class of our error with which a run's state begins; the state itself where it is none of ours, as of a container that died."""
    word = ended.message.split(" ")[0].rstrip(":")
    return word if class_of(word) else ended.state


def _ended(planned: Planned, ended: Ended) -> Outcome:
    if not ended.is_completed:
        message = ended.message or f"The run {ended.run} ended as {ended.state}."
        return Outcome(planned, "failed", seconds=ended.seconds, error=_error_of(ended), message=message)
    counts = [(batch.get("extracted", 0), batch.get("quarantined", 0)) for batch in ended.batches]
    return _brought(planned, counts, ended.seconds)
