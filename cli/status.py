"""`esteira status`: what the ledger says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import click

from blocks import incidents, open_lake, open_warehouse
from cli.environment import require_prefect
from cli.life import find_orphans, orphan_lines
from cli.output import dump, table
from cli.silence import quiet_lines
from esteira.backfill import left_out
from esteira.batch import is_snapshot
from esteira.catalogue import find_dataset, load_catalogue
from esteira.contract import Dataset
from esteira.lake.layout import CATALOGUE_PAGE
from esteira.report.address import page_address
from esteira.settings import read_settings
from esteira.warehouse import Warehouse
from esteira.warehouse.reads import DatasetStatus, read_status, settled_batches

MAX_GAPS = 3
"""A line is for a person to read; the dry run of a backfill has all."""


def run_status(names: tuple[str, ...], *, as_json: bool) -> int:
    """Print the state of the datasets; returns the exit code."""
    folder = read_settings().datasets
    require_prefect()
    datasets = [find_dataset(folder, name) for name in names] or list(load_catalogue(folder).values())
    warehouse = open_warehouse()
    found, left = read_status(warehouse, datasets), [] if names else find_orphans(warehouse)
    found = [replace(each, gaps=_gaps(warehouse, dataset)) for each, dataset in zip(found, datasets, strict=True)]
    if as_json:
        click.echo(dump([*found, *({"orphan": each.dataset, "holds": each} for each in left)]))
        return 0
    held = [f"{each.dataset} is {each.state}" for each in found if each.state]
    gaps = [_gap_line(each) for each in found if each.gaps]
    click.echo("\n".join([_tables(found), *held, *gaps, *_quiet(names), *orphan_lines(left), pages_line()]))
    return 0


def _gaps(warehouse: Warehouse, dataset: Dataset) -> tuple[str, ...]:
    if is_snapshot(dataset):
        return ()
    return tuple(map(str, left_out(dataset, settled_batches(warehouse, dataset.name))))


def _gap_line(status: DatasetStatus) -> str:
    gaps = status.gaps
    more = f" and {len(gaps) - MAX_GAPS} more" if gaps[MAX_GAPS:] else ""
    start, end = gaps[0].split("→")[0], gaps[-1].split("→")[1].split(" ")[0]
    again = f"`esteira ingest {status.dataset} --start {start} --end {end} --dry-run` says what would load it"
    return f"{status.dataset} does not have {', '.join(gaps[:MAX_GAPS])}{more}; {again}"


def _quiet(names: tuple[str, ...]) -> list[str]:
    """What people are not told of now, and what they were told of and is not over."""
    silences, told = incidents.silences(datetime.now(UTC)), incidents.open_incidents()
    if not names:
        return quiet_lines(silences, told)
    return quiet_lines(
        [each for each in silences if each.dataset in names], [each for each in told if each.dataset in names]
    )


def pages_line() -> str:
    """Where the quality pages are."""
    lake, base = open_lake(), read_settings().report_url
    where = page_address(lake, CATALOGUE_PAGE, base) or lake.uri(CATALOGUE_PAGE)
    return f"\nQuality pages: {where}\n`esteira report` opens the catalogue, `esteira report NAME` the newest batch's page."


def _tables(found: list[DatasetStatus]) -> str:
    overview = table(
        ("dataset", "rows", "loaded up to", "age"),
        [(each.dataset, each.rows, _moment(each.watermark), _age(each.watermark)) for each in found],
    )
    batches = [
        (
            each.dataset,
            entry.batch_id,
            entry.state,
            entry.extracted,
            entry.quarantined,
            entry.inserted,
            entry.updated,
            entry.unchanged,
            _moment(entry.committed_at),
        )
        for each in found
        for entry in each.last
    ]
    header = ("dataset", "batch", "state", "extracted", "quarantined", "inserted", "updated", "unchanged", "committed")
    return f"{overview}\n\nLast batches\n{table(header, batches)}" if batches else overview


def _moment(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%MZ") if moment else "never"


def _age(moment: datetime | None) -> str:
    if moment is None:
        return "—"
    hours = max(0.0, (datetime.now(UTC) - moment).total_seconds() / 3600)  # the slot of a snapshot ends later
    return f"{hours:,.0f} h" if hours < 72 else f"{hours / 24:,.0f} d"
