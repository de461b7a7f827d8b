"""`esteira test`: does a contract still fit its fixture? Offline: recorded pages and files are read by the code that reads the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
import pyarrow as pa

from cli.file_fixture import recorded_files, try_files
from cli.fit import Fit, check_fit
from cli.output import dump, error_facts, fail, table
from cli.recorded import playing, read_pages
from esteira.catalogue import find_dataset, load_catalogue
from esteira.contract import Dataset, SpreadsheetSource
from esteira.errors import EsteiraError, PayloadError
from esteira.extraction.opening import opening
from esteira.portal import Asked, given_to
from esteira.quality import curate_records
from esteira.settings import contracts_folder


def run_test(names: Sequence[str], fixtures: Path | None, *, as_json: bool, is_debug: bool) -> int:
    """Try the named contracts, or all; returns the exit code: that of the first that no longer fits."""
    folder = contracts_folder()
    chosen = [find_dataset(folder, name) for name in names] or list(load_catalogue(folder).values())
    place = fixtures or folder.resolve().parent / "tests" / "fixtures"
    outcomes = {dataset.name: _tried(dataset, place / dataset.name) for dataset in chosen}
    fits = [found for found in outcomes.values() if isinstance(found, Fit)]
    codes = [fail(found, is_debug=is_debug) for found in outcomes.values() if isinstance(found, EsteiraError)]
    click.echo(dump([_facts(name, found) for name, found in outcomes.items()]) if as_json else report(fits))
    return next(iter(codes), 0)


def _tried(dataset: Dataset, folder: Path) -> Fit | EsteiraError:
    try:
        if isinstance(dataset.source, SpreadsheetSource):
            return try_files(dataset, recorded_files(dataset, folder))
        return try_contract(dataset, read_pages(folder))
    except EsteiraError as exc:
        return exc.located(dataset=dataset.name)


def try_contract(dataset: Dataset, bodies: Sequence[bytes]) -> Fit:
    """Read recorded pages as a run would.

    Raises:
        PayloadError: The records, the total, the link or the token are not where the contract says.
        ContractError: A column is in no record.
        DataQualityError: More rows than allowed break their rules, or a key is not unique.
    """
    records, count = _read(dataset, bodies)
    made = curate_records(records, dataset)
    check_fit(made, dataset, len(records))
    return Fit(
        dataset.name, count, len(records), made.good.num_rows, made.bad_rows, made.reasons, made.new_columns
    )  # fmt: skip


def _read(dataset: Dataset, bodies: Sequence[bytes]) -> tuple[list[msgspec.Raw], int]:
    """The records, and how many recorded pages the paginator came to."""
    source, records, count = dataset.api, list[msgspec.Raw](), 0
    begun = opening(dataset, datetime.now(UTC), row=_parent_row(dataset))
    asked = Asked(begun.value, None if begun.row is None else [begun.row])
    with playing(source, bodies) as portal:
        for page in portal.pages(source, begun.window, asked=asked):
            records += given_to(page.records, page.given)
            count += bool(page.records)
            if source.total and page.number == 1 and page.total is None:
                raise PayloadError(f"There is no total at {source.total}.", hint="Correct ApiSource(total=...).")
    if not records:
        raise PayloadError("The fixture holds no record, so it shows nothing.", hint="Record a page that has some.")
    if count < len(bodies):
        raise PayloadError(
            f"The walk ended after page {count} of the {len(bodies)} recorded ones.", hint="Correct the paginator."
        )
    return records, count


def _parent_row(dataset: Dataset) -> dict[str, str | int] | None:
    """Some row of the parent: the recorded pages are of one, whichever it was."""
    types = {column.name: column.arrow for column in dataset.columns}
    added = dataset.source.parent.columns if dataset.source.parent else {}
    wanted = {column: types.get(dataset.source.rename.get(name, name), pa.int64()) for name, column in added.items()}
    row = {column: _some(wanted.get(column, pa.int64())) for column in dataset.source.parent_columns}
    return row if dataset.source.parent else None


def _some(arrow: pa.DataType) -> str | int:
    if pa.types.is_temporal(arrow):
        return "2000-01-01"
    return "1" if pa.types.is_string(arrow) else 1


def report(fits: Sequence[Fit]) -> str:
    """The counts, and why rows were quarantined."""
    if not fits:
        return "No contract fits its fixture."
    header = ("dataset", "pages", "records", "curated", "quarantined")
    lines = [table(header, [(fit.dataset, fit.pages, fit.records, fit.curated, fit.quarantined) for fit in fits])]
    for fit in fits:
        lines += [f"{fit.dataset}: quarantined for {reason} ({count})" for reason, count in fit.reasons.items()]
        lines += [f"{fit.dataset}: new column {', '.join(fit.new_columns)}"] if fit.new_columns else []
    return "\n".join(lines)


def _facts(name: str, found: Fit | EsteiraError) -> dict[str, object]:
    return (
        {"dataset": name, **error_facts(found)} if isinstance(found, EsteiraError) else {**asdict(found), "fits": True}
    )
