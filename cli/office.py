"""The demo's office: somebody drops a workbook while the stack runs, and what the table shows is compared with what was meant, cell by cell."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq

import local
from blocks import open_lake, open_warehouse
from cli.ingest import COLUMNS, Request, ingest_one, summary_row
from cli.output import table
from esteira.lake import Lake
from esteira.lake.inbox import DropZone
from esteira.settings import read_settings
from esteira.warehouse import LedgerEntry
from flows.ingest import IngestReport
from local.office.workbook import AS_LOADED, FILE_NAME, Aircraft, fleet, slips, write_workbook

DATASET = "fleet"
CONTRACTS = Path(local.__file__).parent / "contracts"


@dataclass(frozen=True, slots=True)
class OfficeRound:
    """What came of the workbook.

    Attributes:
        entry: Its ledger row, or None when the run failed.
        error: Why it failed.
        cells: Cells of the table that were compared with the portal's own rows.
        different: Those that differ, a few of them, as text.
        places: Where the quarantined cells are, by the quarantine.
    """

    entry: LedgerEntry | None
    error: BaseException | None = None
    cells: int = 0
    different: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


def drop_workbook(folder: Path, database: Path) -> OfficeRound:
    """Write the workbook, drop it, take what waits, and compare.

    Args:
        folder: Where the office keeps its file.
        database: The portal's tables, from which it was made.
    """
    click.echo(
        f"\n4. Somebody drops {FILE_NAME} into the inbox: titles, two rows of headers, 1.234,56, dd/mm/yyyy, a total, three slips"
    )
    rows, path = fleet(database), folder / FILE_NAME
    write_workbook(rows, path)
    settings = read_settings()
    key = DropZone.under(settings.lake_bucket, settings.drop_profile).put(path, DATASET)
    click.echo(f"It waits in s3://{settings.lake_bucket}/{key}")
    outcome = _ingest()
    if not isinstance(outcome, IngestReport):
        return OfficeRound(None, outcome)
    click.echo(table(COLUMNS, [summary_row(outcome)]))
    if not outcome.batches:
        return OfficeRound(
            None, RuntimeError("; ".join(each.refusal.sentence for each in outcome.rejected) or "nothing was taken")
        )
    found = _compared(outcome.batches[0].entry, rows, settings.warehouse_schema)
    click.echo(
        f"Quarantined: {', '.join(found.places)}. {found.cells:,} cells of the table equal the portal's own rows.\n"
        "With the stack up: `esteira quarantine fleet --datasets local/contracts` says why."
    )
    return found


def problems_of(office: OfficeRound, database: Path) -> Iterator[str]:
    """What was not as promised, a sentence each."""
    if office.entry is None:
        yield f"the workbook was not loaded: {office.error}"
        return
    rows, bad = len(fleet(database)), slips()
    counts = (office.entry.extracted, office.entry.curated, office.entry.quarantined)
    if counts != (rows, rows - len(bad), len(bad)):
        yield f"the workbook has {rows} rows and {len(bad)} slips, and the ledger says {counts}"
    if set(office.places) != set(bad.values()):
        yield f"the quarantine names {', '.join(office.places)} and the slips are at {', '.join(bad.values())}"
    if office.different or not office.cells:
        yield f"cells of the table differ from the portal's: {'; '.join(office.different)}"


def office_facts(office: OfficeRound) -> dict[str, Any]:
    """The same for machines."""
    entry = office.entry
    counts = {"extracted": entry.extracted, "curated": entry.curated, "quarantined": entry.quarantined} if entry else {}
    return {
        "dataset": DATASET,
        **counts,
        "places": office.places,
        "cells_compared": office.cells,
        "different": office.different,
    }


def _ingest() -> IngestReport | BaseException:
    os.environ["ESTEIRA_DATASETS"] = str(CONTRACTS)
    try:
        return ingest_one(DATASET, Request((DATASET,), as_of=datetime.now(UTC)))
    finally:
        del os.environ["ESTEIRA_DATASETS"]


def _compared(entry: LedgerEntry, rows: list[Aircraft], schema: str) -> OfficeRound:
    with open_warehouse().session("esteira demo") as session:
        loaded = {row[0]: tuple(row) for row in session.rows(AS_LOADED.format(schema=schema))}
    meant = {row.tailnum: _cells(row) for number, row in enumerate(rows) if number not in slips()}
    different = [
        f"{name}: {loaded.get(name)} for {cells}" for name, cells in meant.items() if loaded.get(name) != cells
    ]
    different += [f"{name} is in the table" for name in loaded.keys() - meant.keys()]
    cells = sum(len(row) for row in meant.values())
    return OfficeRound(entry, None, cells, tuple(different[:5]), tuple(sorted(_places(entry, open_lake()))))


def _cells(row: Aircraft) -> tuple[Any, ...]:
    return (
        row.tailnum, row.manufacturer, row.year, row.seats, row.base, row.base_name, float(row.altitude_m), row.next_check,
    )  # fmt: skip


def _places(entry: LedgerEntry, lake: Lake) -> set[str]:
    seal = lake.find_settled_seal("curated", DATASET, entry.batch_id, entry.generation)
    parts = seal.quarantine if seal else ()
    tables = (pq.read_table(io.BytesIO(lake.read_part(part))) for part in parts)
    return {place for each in tables for place in each.column("place").to_pylist()}
