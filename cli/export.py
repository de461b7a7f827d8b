"""`esteira export`: the committed table as it stands now, in one file that is there whole or not at all."""

from __future__ import annotations

import importlib.metadata
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import click

from blocks import open_lake, open_warehouse
from cli.environment import require_prefect
from cli.output import dump
from esteira.catalogue import find_dataset
from esteira.contract.export import Export, Format
from esteira.errors import ConfigError
from esteira.export.beside import Provenance
from esteira.export.delivery import provenance_of, split_columns
from esteira.export.files import Wanted, Written, replacing, write_file
from esteira.export.snapshot import ROWS, Rows
from esteira.lake.exports import version_id
from esteira.lake.layout import export_attempt
from esteira.settings import read_settings
from esteira.warehouse.unloading import unloading

if TYPE_CHECKING:
    from esteira.contract import Dataset
    from esteira.export.conventions import Language

FORMATS = get_args(Format)


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for."""

    name: str
    out: Path
    kind: Format | None = None
    locale: str = "iso"
    lang: Language | None = None
    with_personal: bool = False

    @property
    def export(self) -> Export:
        """Format and locale.

        Raises:
            ConfigError: The name of the file says another format, or none.
        """
        ending = self.out.suffix.removeprefix(".").lower()
        if self.kind is None and ending not in FORMATS:
            raise ConfigError(
                f"{self.out.name} does not tell the format.",
                hint=f"Add --format {'|'.join(FORMATS)}, or end the name so.",
            )
        kind = self.kind or cast("Format", ending)
        if ending in FORMATS and ending != kind:
            raise ConfigError(
                f"{self.out.name} ends as {ending}, and --format says {kind}: the program that opens it goes by the name.",
                hint=f"Name it {self.out.with_suffix(f'.{kind}').name}, or leave --format out.",
            )
        return Export(kind) if kind == "parquet" else Export(kind, self.locale)


def run_export(request: Request, *, as_json: bool) -> int:
    """Write the file; returns the exit code."""
    began, export = time.monotonic(), request.export
    dataset = find_dataset(read_settings().datasets, request.name)
    require_prefect()
    replaces = request.out.exists()
    lines = Lines(dataset.name)
    try:
        with replacing(request.out) as file, tempfile.TemporaryDirectory(prefix="esteira-export-") as temporary:
            rows, provenance = _rows(dataset, request, Path(temporary), lines)
            written = write_file(Wanted(dataset, export, request.lang), rows, provenance, file)
    finally:
        lines.end()
    told = _facts(request, written, provenance, time.monotonic() - began)
    click.echo(dump(told) if as_json else _text(told | {"replaces": replaces}, provenance))
    return 0


class Lines:
    """How far it is, on the standard error: a line that moves on a terminal, one every few seconds elsewhere."""

    EVERY_SECONDS = 5.0

    def __init__(self, name: str) -> None:
        self._name, self._printed, self.total = name, time.monotonic(), 0
        self._is_terminal, self._moves = sys.stderr.isatty(), False

    def __call__(self, rows: int) -> None:
        """So many rows are written."""
        if self._is_terminal or time.monotonic() - self._printed >= self.EVERY_SECONDS:
            self.say(f"{rows:,} of {self.total:,} rows", moves=self._is_terminal)

    def say(self, text: str, *, moves: bool = False) -> None:
        """A line, which the next one may overwrite."""
        self._printed, before = time.monotonic(), "\r\033[K" if self._moves else ""
        click.echo(f"{before}{self._name}: {text}", nl=not moves, err=True)
        self._moves = moves

    def end(self) -> None:
        """Leave the moving line."""
        if self._moves:
            click.echo("", err=True)


def _rows(dataset: Dataset, request: Request, folder: Path, lines: Lines) -> tuple[Rows, Provenance]:
    lake = open_lake()
    with unloading(open_warehouse(), dataset) as moment:
        kept, left_out = split_columns(moment.columns)
        columns, left_out = (moment.columns, ()) if request.with_personal else (kept, left_out)
        version = version_id(moment.entry.sequence, moment.entry.batch_id, "by hand")
        target = f"{export_attempt(dataset.name, version, lake.new_attempt())}{ROWS}"
        lines.say("the warehouse unloads the table …")
        lines.total = moment.unload(columns, lake.uri(target), is_ordered=True)
    provenance = provenance_of(moment, left_out, datetime.now(UTC), importlib.metadata.version("esteira"))
    return Rows(lake, target, columns, folder, lines), provenance


def _facts(request: Request, written: Written, provenance: Provenance, seconds: float) -> dict[str, Any]:
    export = request.export
    return {
        "dataset": request.name, "file": str(request.out), "format": export.format, "locale": export.locale, "rows": written.rows,
        "size_bytes": request.out.stat().st_size, "batch": provenance.batch, "loaded_up_to": provenance.loaded_up_to,
        "seal_hash": provenance.seal_hash, "left_out": provenance.left_out, "cut_texts": written.cut_texts, "seconds": round(seconds, 1),
    }  # fmt: skip


def _text(told: dict[str, Any], provenance: Provenance) -> str:
    size = told["size_bytes"] / 1e6
    verb = "Replaced" if told["replaces"] else "Wrote"
    upto = f"{provenance.loaded_up_to:%Y-%m-%d %H:%M}Z" if provenance.loaded_up_to else "never"
    lines = [
        f"{verb} {told['file']}: {told['rows']:,} rows of {told['dataset']}, {size:,.1f} MB, in {told['seconds']} s.",
        f"Last batch {told['batch']}, loaded up to {upto}, seal {told['seal_hash'][:16]}.",
    ]
    if told["left_out"]:
        lines.append(f"Left out, since they are personal: {', '.join(told['left_out'])}. --personal includes them.")
    if told["cut_texts"]:
        lines.append(f"{told['cut_texts']:,} texts are longer than a cell takes: cut, and end with …")
    return "\n".join(lines)
