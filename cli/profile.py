"""`esteira profile`: what the columns of a loaded batch hold. Of personal columns a profile has counts only, so nothing is masked here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import msgspec
import pyarrow as pa

from blocks import open_warehouse
from cli.environment import require_prefect
from cli.output import dump, short, table
from esteira.catalogue import find_dataset
from esteira.contract import Dataset
from esteira.errors import ConfigError
from esteira.profile import ColumnProfile
from esteira.profile.shown import shown
from esteira.settings import read_settings
from esteira.warehouse import LedgerEntry
from esteira.warehouse.reads import batch_profile, settled_batches

COLUMNS = ("column", "values", "nulls", "distinct", "minimum", "median", "mean", "maximum", "most frequent")
MEDIAN = 5
"""Place of p50 among the quantiles."""
FREQUENT = 3


def run_profile(name: str, batch: str | None, *, as_json: bool) -> int:
    """Print the profile of a batch, the last one by default; returns the exit code."""
    dataset = find_dataset(read_settings().datasets, name)
    require_prefect()
    warehouse = open_warehouse()
    entry = _chosen(name, batch, settled_batches(warehouse, name))
    places = {column: place for place, column in enumerate(dataset.column_names)}
    found = batch_profile(warehouse, name, entry)
    profile = sorted(found, key=lambda each: (places.get(each.column, len(places)), each.column))
    if as_json:
        columns = [msgspec.structs.asdict(each) for each in profile]
        click.echo(dump({"dataset": name, "batch": entry.batch_id, "generation": entry.generation, "columns": columns}))
    else:
        click.echo("\n".join(_lines(dataset, entry, profile)))
    return 0


def _chosen(name: str, batch: str | None, entries: Iterable[LedgerEntry]) -> LedgerEntry:
    """The batch that was asked for, or the newest window that is in the table."""
    committed = [entry for entry in entries if entry.state == "committed" and batch in {None, entry.batch_id}]
    if committed:
        return committed[-1]
    raise ConfigError(
        f"Batch {batch} is not in the table." if batch else "No batch is in the table.",
        dataset=name,
        hint=f"`esteira status {name}` lists the batches.",
    )


def _lines(dataset: Dataset, entry: LedgerEntry, profile: Sequence[ColumnProfile]) -> list[str]:
    which = f"{dataset.name} {entry.batch_id}, generation {entry.generation}"
    if not profile:
        again = f"esteira ingest {dataset.name} --from raw --batch {entry.batch_id}"
        return [f"{which} was curated before there were profiles, or an erasure took it; `{again}` makes one."]
    kinds = {column.name: column.arrow for column in dataset.columns}
    return [f"{which}: {entry.curated:,} rows", "", table(COLUMNS, [_row(each, kinds) for each in profile])]


def _row(each: ColumnProfile, kinds: Mapping[str, pa.DataType]) -> tuple[Any, ...]:
    kind = kinds.get(each.column, pa.null())
    median = each.quantiles[MEDIAN] if each.quantiles else None
    frequent = ", ".join(f"{short(value)} ({rows:,})" for value, rows in each.top_values[:FREQUENT]) or None
    numbers = _told(median, kind), _told(each.mean, kind)
    counts = each.rows - each.nulls, each.nulls, each.distinct
    return each.column, *counts, short(each.minimum), *numbers, short(each.maximum), frequent


def _told(number: float | None, kind: pa.DataType) -> str:
    """A number, or the moment that it stands for."""
    if number is None:
        return short(None)
    if not pa.types.is_temporal(kind):
        return f"{number:.6g}"
    text = shown(pa.scalar(round(number) * 1_000_000, pa.timestamp("us", "UTC")))
    return text.split("T")[0] if pa.types.is_date(kind) else text
