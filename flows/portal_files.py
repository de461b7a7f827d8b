"""Files of a portal: those of a listing that are new, or the one at a fixed address when it is another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from prefect import get_run_logger

from esteira.contract import Dataset, Replace, SpreadsheetSource
from esteira.errors import DataQualityError, EsteiraError, PermanentError
from esteira.extraction.files import sealed_file
from esteira.extraction.known import later_than
from esteira.file_batch import is_about
from esteira.lake import Seal
from esteira.portal.files import Listed
from esteira.warehouse import LedgerEntry
from flows.batches import BatchReport, timed
from flows.file_batches import Kept, Terms, announcing, kept_in_raw, load_kept
from tasks.announce import announce_failure
from tasks.files import find_files, keep_fixed, keep_listed, remember_listed

T = TypeVar("T")


def take_listed(dataset: Dataset, terms: Terms) -> list[BatchReport]:
    """What is new in a listing; what an earlier run left in raw comes first."""
    found = announcing(dataset, partial(find_files.with_options(**terms.policy), dataset))
    begun = (partial(_loaded, dataset, {}, raw, terms) for raw in found.begun if _is_wanted(dataset, raw, terms))
    new = (
        partial(_listed, dataset, each, terms)
        for each in found.new
        if is_about(dataset, each.name, each.changed, terms.span)
    )
    return _each(dataset, [*begun, *new])


def _is_wanted(dataset: Dataset, raw: Seal, terms: Terms) -> bool:
    file = sealed_file(raw)
    return is_about(dataset, file.name, file.moment, terms.span)


def _listed(dataset: Dataset, listed: Listed, terms: Terms) -> BatchReport:
    seconds: dict[str, float] = {}
    raw = timed(seconds, "extract", lambda: keep_listed.with_options(**terms.policy)(dataset, listed))
    report = _loaded(dataset, seconds, raw, terms, listed)
    if not report.is_new:
        remember_listed.with_options(**terms.policy)(dataset, listed, raw)
    return report


def take_fixed(dataset: Dataset, terms: Terms) -> list[BatchReport]:
    """The file at a fixed address, when its bytes are others than those in the table."""
    seconds: dict[str, float] = {}

    def take() -> BatchReport | None:
        raw = timed(seconds, "extract", lambda: keep_fixed.with_options(**terms.policy)(dataset, terms.as_of))
        if raw is None:
            get_run_logger().info("%s: the portal has no other file than the one in the table", dataset.name)
            return None
        return _loaded(dataset, seconds, raw, terms)

    return [each for each in _each(dataset, [take]) if each is not None]


def _each(dataset: Dataset, takes: Iterable[Callable[[], T]]) -> list[T]:
    """One file after the other; what is wrong with one for good does not stop the next, and is raised in the end."""
    done, errors = list[T](), list[EsteiraError]()
    for take in takes:
        try:
            done.append(take())
        except EsteiraError as exc:
            announce_failure(exc.located(dataset=dataset.name), dataset)
            if not isinstance(exc, PermanentError):
                raise
            errors.append(exc)
    if errors:
        raise errors[0]
    return done


def _loaded(
    dataset: Dataset, seconds: dict[str, float], raw: Seal, terms: Terms, listed: Listed | None = None
) -> BatchReport:
    """A portal's file into the table. A listed one keeps its first date, so that it matters only to `Replace` which one is listed as the newest.

    Raises:
        DataQualityError: The portal serves bytes that an earlier batch brought, and the table shows a later one's.
    """
    kept = kept_in_raw(raw, seconds, terms)
    later = _newer_in_table(dataset, kept)
    if later is not None and _is_contradicted(dataset, later, listed):
        raise DataQualityError(
            f"The portal serves again the file that this batch brought, and batch {later.batch_id}, which came later, stands above it in the table.",
            batch=raw.batch,
            hint=f"If the portal took its newer file back, take it out: `esteira undo {later.batch_id} --dataset {dataset.name}`.",
        )
    return load_kept(dataset, kept, terms)


def _newer_in_table(dataset: Dataset, kept: Kept) -> LedgerEntry | None:
    """The batch above that of a file that was committed before, if the table shows one."""
    assert isinstance(dataset.source, SpreadsheetSource)  # noqa: S101 - only datasets of files come here
    if kept.entry is None or kept.entry.state != "committed":
        return None
    return later_than(kept.entry, kept.entries, has_period=dataset.source.period is not None)


def _is_contradicted(dataset: Dataset, later: LedgerEntry, listed: Listed | None) -> bool:
    """Whether the table shows another file than the one that the portal serves as its newest."""
    return listed is None or (isinstance(dataset.write, Replace) and listed.changed >= later.window_end)
