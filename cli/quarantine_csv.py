"""`esteira quarantine NAME --csv FILE`: refused cells for the people who correct them, in a file that a spreadsheet program opens.

One line for each reason of each row. What is personal is masked, as everywhere; the address leads to it. No cell of the file can run as a formula.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from blocks import open_lake, open_warehouse
from cli.environment import require_prefect
from cli.output import dump
from cli.quarantine import Request
from esteira.catalogue import find_dataset
from esteira.contract import Dataset
from esteira.errors import ContractError, SpreadsheetError
from esteira.lake import Lake
from esteira.quarantine import Holding, Mask, Refused, holdings, refused_rows
from esteira.quarantine.sentences import sentence
from esteira.settings import read_settings
from esteira.spreadsheet.neutral import neutral
from esteira.warehouse.reads import history

HEADER = ("batch", "file", "where", "column", "rule", "value", "reason", "motivo", "record")
DELIMITER = ";"
"""What Excel expects where the comma is the decimal sign, as in Brazil."""


def run_export(request: Request, path: Path, *, as_json: bool) -> int:
    """Write the refused cells of a dataset; returns the exit code."""
    dataset = find_dataset(read_settings().datasets, request.name or "")
    require_prefect()
    lake, batches = open_lake(), (request.batch,) if request.batch else ()
    found = holdings(dataset, history(open_warehouse(), dataset.name), lake, batches)
    silent: dict[str, str] = {}
    count = write_lines(path, exported_lines(dataset, found, lake, request.rule, silent))
    told = {"dataset": dataset.name, "file": str(path), "cells": count, "untold": silent}
    lines = [f"Wrote {count:,} refused cells of {dataset.name} to {path}."]
    lines += [f"{batch}: its rows cannot be told. {why}" for batch, why in silent.items()]
    click.echo(dump(told) if as_json else "\n".join(lines))
    return 0


def exported_lines(
    dataset: Dataset, found: Iterable[Holding], lake: Lake, rule: str | None, silent: dict[str, str]
) -> Iterator[tuple[str, ...]]:
    """Of every batch; one that cannot be read hides no other."""
    for holding in found:
        try:
            yield from refused_lines(dataset, holding, lake, rule)
        except (SpreadsheetError, ContractError) as exc:
            silent[holding.batch] = exc.message


def refused_lines(dataset: Dataset, holding: Holding, lake: Lake, rule: str | None) -> Iterator[tuple[str, ...]]:
    """The lines of a batch, fit to be shown.

    Raises:
        SealConflict, ContractError: See `refused_rows`.
    """
    mask = Mask(dataset)
    name = holding.raw.provenance.file.name if holding.raw and holding.raw.provenance.file else ""
    for row in refused_rows(dataset, holding, lake, rule=rule):
        yield from _lines(dataset, mask.refused(row), name)


def _lines(dataset: Dataset, row: Refused, name: str) -> Iterator[tuple[str, ...]]:
    for reason in row.reasons:
        motive = sentence(dataset, reason.column, reason.rule, reason.value, "pt")
        said = (reason.column, reason.rule, reason.value, reason.sentence, motive)
        yield (row.batch, name, row.where_of(reason.column), *said, row.record)


def write_lines(path: Path, lines: Iterable[tuple[str, ...]]) -> int:
    """Write them below a header, with the mark by which Excel knows UTF-8; returns how many. A file that stood there is replaced whole."""
    part, count = path.with_name(f"{path.name}.part"), 0
    try:
        with part.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, delimiter=DELIMITER)
            writer.writerow(HEADER)
            for line in lines:
                writer.writerow([neutral(text) for text in line])
                count += 1
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count
