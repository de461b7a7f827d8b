"""Exports after a load: one version for each state of a table, from the ledger, at least once; `latest` follows it.

A process that dies in the middle leaves objects that nothing names. The next run asks the ledger again and makes what is missing; where
the version stands already, only `latest` and the catalogue are looked after.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from esteira.contract import Column, Dataset
from esteira.contract.export import Export
from esteira.export.beside import Provenance
from esteira.export.files import Wanted, replacing, write_file
from esteira.export.snapshot import ROWS, Rows
from esteira.failpoints import failpoint
from esteira.lake import Lake
from esteira.lake.exports import (
    ExportFile,
    ExportVersion,
    find_version,
    point_at,
    put_version,
    store_export,
    version_id,
)
from esteira.lake.glue import Catalogue
from esteira.lake.layout import export_attempt
from esteira.warehouse import LedgerEntry, Warehouse
from esteira.warehouse.reads import last_change
from esteira.warehouse.statements import table_columns
from esteira.warehouse.unloading import Unloading, unloading

PARQUET = "parquet/"
"""Below an attempt: what the catalogue points at."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where rows come from and go to, and who does it."""

    lake: Lake
    warehouse: Warehouse
    catalogue: Catalogue
    version: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A version, whether this call made it, and whether `latest` names it."""

    version: ExportVersion
    is_new: bool = field(default=False)
    is_latest: bool = field(default=False)


def deliver(dataset: Dataset, places: Places, as_of: datetime) -> Delivered | None:
    """Make the version of the table as it stands, unless it is there, and point at it; None when nothing was ever loaded.

    Raises:
        ConfigError: The disk is full, or the catalogue has no such database.
        AuthError: The warehouse may not write, or we may not.
        WarehouseBusy, LakeUnavailable: It may go the next time.
    """
    entry = last_change(places.warehouse, dataset.name)
    if entry is None:
        return None
    found = find_version(places.lake, dataset.name, _version_id(dataset, entry))
    made = found or _make(dataset, places, as_of)
    is_latest = point_at(places.lake, made)
    for each in _parquet_exports(dataset.exports) if is_latest else ():
        places.catalogue.register(dataset, made, each.partition_by)
    return Delivered(made, is_new=found is None, is_latest=is_latest)


def _make(dataset: Dataset, places: Places, as_of: datetime) -> ExportVersion:
    """What is unloaded is the newest state, which may have changed since it was asked for: the version is that one's."""
    with unloading(places.warehouse, dataset) as moment:
        columns, left_out = split_columns(moment.columns)
        version = _version_id(dataset, moment.entry)
        folder = export_attempt(dataset.name, version, places.lake.new_attempt())
        rows = _unload(moment, columns, places.lake.uri(folder))
    failpoint("export.rows")
    provenance = provenance_of(moment, left_out, as_of, places.version)
    with tempfile.TemporaryDirectory(prefix="esteira-export-") as temporary:
        source = Rows(places.lake, f"{folder}{ROWS}", columns, Path(temporary))
        files = tuple(_files(dataset, source, provenance, folder, places.lake))
    made = put_version(places.lake, _version(moment, version, provenance, rows, (columns, files)))
    failpoint("export.version")
    return made


def _version_id(dataset: Dataset, entry: LedgerEntry) -> str:
    """A contract with another export, or another column that may be shown, asks for another version of the same state."""
    kept, left_out = split_columns(table_columns(dataset))
    return version_id(entry.sequence, entry.batch_id, (dataset.exports, [column.name for column in kept], left_out))


def split_columns(columns: tuple[Column, ...]) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Those that an export holds, and the names of the personal ones that it does not."""
    kept = tuple(column for column in columns if not column.is_pii)
    return kept, tuple(column.name for column in columns if column.is_pii)


def provenance_of(moment: Unloading, left_out: tuple[str, ...], as_of: datetime, made_by: str) -> Provenance:
    """Where the rows of a moment come from."""
    entry = moment.entry
    return Provenance(
        entry.batch_id, entry.seal_hash, moment.loaded_up_to, entry.committed_at, as_of, left_out, made_by
    )


def _unload(moment: Unloading, columns: tuple[Column, ...], target: str) -> int:
    """What the exports need; all of one moment."""
    rows = 0
    exports = moment.dataset.exports
    if any(each.format != "parquet" for each in exports):
        rows = moment.unload(columns, f"{target}{ROWS}", is_ordered=True)
    for each in _parquet_exports(exports):
        rows = moment.unload(columns, f"{target}{PARQUET}", partition_by=each.partition_by)
    return rows


def _parquet_exports(exports: tuple[Export, ...]) -> tuple[Export, ...]:
    return tuple(each for each in exports if each.format == "parquet")


def _files(dataset: Dataset, source: Rows, provenance: Provenance, folder: str, lake: Lake) -> Iterator[ExportFile]:
    for each in dataset.exports:
        if each.format == "parquet":
            size = sum(lake.sizes(f"{folder}{PARQUET}").values())
            yield ExportFile("parquet", each.locale, f"{folder}{PARQUET}", size_bytes=size)
        else:
            yield _file(Wanted(dataset, each), source, provenance, folder, lake)
            failpoint("export.file")


def _file(wanted: Wanted, source: Rows, provenance: Provenance, folder: str, lake: Lake) -> ExportFile:
    export, name = wanted.export, f"{wanted.dataset.name}.{wanted.export.suffix}"
    with tempfile.TemporaryDirectory(prefix="esteira-export-") as temporary:
        path = Path(temporary) / name
        with replacing(path) as file:
            write_file(wanted, source, provenance, file)
        size, digest = store_export(lake, path, f"{folder}{name}")
    return ExportFile(export.format, export.locale, f"{folder}{name}", name, size, digest)


def _version(
    moment: Unloading,
    version: str,
    provenance: Provenance,
    rows: int,
    made: tuple[tuple[Column, ...], tuple[ExportFile, ...]],
) -> ExportVersion:
    columns, files = made
    return ExportVersion(
        dataset=moment.dataset.name, version=version, sequence=moment.entry.sequence, batch=provenance.batch,
        generation=moment.entry.generation, seal_hash=provenance.seal_hash, loaded_up_to=provenance.loaded_up_to,
        committed_at=provenance.committed_at, made_at=provenance.made_at, rows=rows,
        columns=tuple(column.name for column in columns), left_out=provenance.left_out, files=files, made_by=provenance.made_by,
    )  # fmt: skip
