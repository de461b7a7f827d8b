"""`esteira preview` of a dataset of files: one file read by its contract, and nothing written. The file of the person, or the one that is next."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from blocks import open_lake, open_portal
from cli.environment import require_prefect
from cli.output import dump, short, table
from cli.preview_rows import fitted, shown_rows, verdict_line
from esteira.batch import Batch
from esteira.contract import Dataset, Download, Listing, SpreadsheetSource
from esteira.curated_file import curated_file
from esteira.errors import ConfigError, SpreadsheetError
from esteira.extraction.known import name_fits
from esteira.file_batch import file_batch
from esteira.lake import SealedFile
from esteira.lake.files import file_hash
from esteira.lake.inbox import INBOX, DropZone
from esteira.portal.files import fetch_fixed, fetch_listed, list_files
from esteira.quality import Curated
from esteira.quarantine import Holding, Kept, Mask, gather
from esteira.quarantine.again import lenient_form
from esteira.reception.routing import refusal_by_name


@dataclass(frozen=True, slots=True)
class Found:
    """A file on this machine's disk.

    Attributes:
        path: Where it lies.
        name: Its name where it came from.
        place: Where that is, for a person.
        moment: What its batch's moment would be.
    """

    path: Path
    name: str
    place: str
    moment: datetime


def preview_file(dataset: Dataset, file: Path | None, rows: int, *, as_json: bool) -> int:
    """Print the first rows of a file and what is known of it; returns the exit code.

    Args:
        dataset: One of files.
        file: Of this machine; None takes the next one that a run would load.
        rows: How many good ones to show.
        as_json: For a machine.
    """
    with _found(dataset, file) as found:
        seen = _read(dataset, found, rows)
        click.echo(dump(seen.facts()) if as_json else "\n".join(seen.lines()))
    return 0


@dataclass(slots=True)
class FilePreview:
    """A file that was read to its end: its first good rows, and what would be quarantined."""

    dataset: Dataset
    found: Found
    rows: list[list[Any]] = field(default_factory=list)
    good: int = 0
    bad: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    nulled: Counter[str] = field(default_factory=Counter)
    new: dict[str, None] = field(default_factory=dict)
    kept: Kept | None = None

    def add(self, made: Curated, most: int) -> None:
        """Take a piece."""
        self.rows += shown_rows(self.dataset, made.good, max(most - len(self.rows), 0))
        self.good, self.bad = self.good + made.good.num_rows, self.bad + made.bad_rows
        self.reasons.update(made.reasons)
        self.nulled.update(made.nulled)
        self.new |= dict.fromkeys(made.new_columns)

    def lines(self) -> Iterator[str]:
        """For a person."""
        yield f"File: {self.found.name}, {self.found.path.stat().st_size:,} bytes, {self.found.place}"
        batch, refusal = self._batch()
        yield f"Batch: {batch.id}, window {batch.window}" if batch else f"Batch: none. {refusal}"
        yield f"Got: {self.good + self.bad:,} rows"
        yield ""
        yield from fitted(self.dataset.column_names, self.rows, shutil.get_terminal_size().columns)
        yield ""
        if self.new:
            yield f"New: {', '.join(self.new)} is not in the contract ({self.dataset.new_columns})."
        if self.nulled:
            yield f"Made null: {', '.join(f'{reason} ({number:,})' for reason, number in self.nulled.items())}."
        yield verdict_line(self.dataset, self.bad, self.good + self.bad, "rows")
        if self.bad:
            yield table(("column", "rule", "rows", "first", "its value"), self._rules())
        if self.good + self.bad < self.dataset.quality.min_rows:
            yield f"It has fewer rows than Quality(min_rows={self.dataset.quality.min_rows}): a run would not take it."

    def facts(self) -> dict[str, Any]:
        """For a machine."""
        batch, refusal = self._batch()
        return {
            "dataset": self.dataset.name, "file": self.found.name, "place": self.found.place, "batch": batch.id if batch else None,
            "window": str(batch.window) if batch else None, "refusal": refusal, "records": self.good + self.bad,
            "rows": [dict(zip(self.dataset.column_names, row, strict=True)) for row in self.rows],
            "quarantined": self.bad, "reasons": dict(self.reasons), "nulled": dict(self.nulled), "new_columns": list(self.new),
            "first": [dict(zip(("column", "rule", "rows", "where", "value"), each, strict=True)) for each in self._rules()],
        }  # fmt: skip

    def _batch(self) -> tuple[Batch | None, str | None]:
        """The batch that a run would make of it, or why a run would not take it."""
        path, name = self.found.path, self.found.name
        refusal = refusal_by_name(self.dataset, name, path.stat().st_size)
        if refusal is not None:
            return None, refusal.sentence
        file = SealedFile(name, path.stat().st_size, file_hash(path), self.found.moment, self.found.place)
        try:
            return file_batch(self.dataset, file), None
        except SpreadsheetError as exc:
            return None, exc.message

    def _rules(self) -> Iterator[tuple[Any, ...]]:
        for each in self.kept.rules if self.kept else ():
            where = self.kept.where(each) if self.kept else ""
            yield each.column, each.rule, each.rows, where, short(each.example)


def _read(dataset: Dataset, found: Found, most: int) -> FilePreview:
    """To its end, a piece at a time."""
    seen = FilePreview(dataset, found)

    def refused() -> Iterator[pa.Table]:
        for made in curated_file(found.path, found.name, lenient_form(dataset)):
            seen.add(made, most)
            yield made.bad

    holding = Holding("preview", 1, "stopped", 0, None, refused)
    seen.kept = Mask(dataset).kept(gather(dataset, holding, None))
    return seen


@contextmanager
def _found(dataset: Dataset, given: Path | None) -> Iterator[Found]:
    """The file to look at."""
    if given is not None:
        yield Found(given, given.name, "on this machine", datetime.now(UTC))
        return
    require_prefect()
    with tempfile.TemporaryDirectory(prefix="esteira-preview-") as folder:
        yield _fetched(dataset, Path(folder) / "file")


def _fetched(dataset: Dataset, path: Path) -> Found:
    source = dataset.source
    assert isinstance(source, SpreadsheetSource)  # noqa: S101 - asked for datasets of files only
    if isinstance(source.origin, Download):
        portal = open_portal(source.origin.portal, dataset.name)
        got = fetch_fixed(portal, source.origin, path, source.limits.size_bytes, {})
        return Found(path, source.origin.file_name, f"from {got.place}", datetime.now(UTC))
    if isinstance(source.origin, Listing):
        return _newest_listed(dataset, source.origin, source.limits.size_bytes, path)
    return _oldest_drop(dataset, path)


def _newest_listed(dataset: Dataset, origin: Listing, limit_bytes: int, path: Path) -> Found:
    portal = open_portal(origin.endpoint.portal, dataset.name)
    listed = list(list_files(portal, origin))
    fitting = [each for each in listed if name_fits(dataset, each.name)]
    if not fitting:
        raise ConfigError(
            f"The portal lists {len(listed):,} files, and the name of none matches the contract's pattern.",
            dataset=dataset.name,
            hint="Correct SpreadsheetSource(match=...) or Listing(...).",
        )
    newest = max(fitting, key=lambda each: (each.changed, each.name))
    got = fetch_listed(portal, newest, path, limit_bytes)
    place = f"the newest of {len(fitting):,} that fit among {len(listed):,} listed, from {got.place}"
    return Found(path, newest.name, place, newest.changed)


def _oldest_drop(dataset: Dataset, path: Path) -> Found:
    zone = DropZone(open_lake())
    drop = next(iter(zone.waiting(dataset.name)), None)
    if drop is None or not zone.fetch(drop, path):
        raise ConfigError(
            f"Nothing waits in {INBOX}{dataset.name}/.",
            dataset=dataset.name,
            hint=f"Look at a file of this machine: `esteira preview {dataset.name} --file FILE`.",
        )
    return Found(path, drop.name, f"which waits in {drop.key}", drop.moment)
