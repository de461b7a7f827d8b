"""`esteira preview`: what a contract brings, before anything is loaded. One page is asked for; nothing is written anywhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from blocks import open_portal
from cli.environment import require_prefect
from cli.output import dump, short, table
from cli.preview_rows import fitted, shown_rows, verdict_line
from esteira.batch import Batch
from esteira.catalogue import find_dataset
from esteira.contract import Dataset, SpreadsheetSource
from esteira.errors import ConfigError
from esteira.extraction.opening import opening
from esteira.portal.first_page import FirstPage, first_page
from esteira.portal.question import Call
from esteira.quality import Curated, curate_records
from esteira.quarantine import Holding, Mask, gather
from esteira.redaction import redact_url
from esteira.settings import contracts_folder


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for.

    Without a range it is the first window that an empty warehouse would be given; a file is for datasets of files, which without one take the
    next that a run would load.
    """

    rows: int
    start: datetime | None = None
    end: datetime | None = None
    parent: tuple[tuple[str, str], ...] = ()
    file: Path | None = None


def run_preview(name: str, request: Request, *, as_json: bool) -> int:
    """Print the first rows and what is known of them; returns the exit code."""
    dataset = find_dataset(contracts_folder(), name)
    if isinstance(dataset.source, SpreadsheetSource):
        from cli.preview_file import preview_file

        if request.start or request.parent:
            raise ConfigError(
                "--start, --end and --parent choose rows of a portal, and this dataset's rows come in files.",
                hint="Name a file: --file. Without it, the next one that a run would take is looked at.",
                dataset=dataset.name,
            )
        return preview_file(dataset, request.file, request.rows, as_json=as_json)
    if request.file is not None:
        raise ConfigError("Its rows come from a portal's API, not from files.", dataset=name, hint="Leave --file out.")
    require_prefect()
    portal = open_portal(dataset.api.portal)
    span = (request.start, request.end) if request.start and request.end else None
    begun = opening(dataset, datetime.now(UTC), span, dict(request.parent) or None)
    found = first_page(portal, dataset.api, begun.question, begun.row)
    schemes = tuple(type(scheme).__name__ for scheme in portal.config.auth)
    preview = Preview(dataset, begun.batch, found, curate_records(found.records, dataset), schemes)
    shown = preview.facts(request.rows) if as_json else "\n".join(preview.lines(request.rows))
    click.echo(dump(shown) if as_json else shown)
    return 0


@dataclass(frozen=True, slots=True)
class Preview:
    """One page, asked for and validated."""

    dataset: Dataset
    batch: Batch
    found: FirstPage
    curated: Curated
    schemes: tuple[str, ...]

    def lines(self, rows: int) -> Iterator[str]:
        """For a person."""
        page, following = self.found.page, self.found.following
        total = f" of {page.total:,}" if page.total is not None else ""
        yield f"Asked: {self.dataset.api.method} {page.url}"
        yield f"Proved by: {', '.join(self.schemes) or 'nothing'} (values are not shown)"
        if not self.batch.is_snapshot:
            yield f"Window: {self.batch.window}"
        yield f"Got: {len(page.records):,}{total} records, {len(page.body):,} bytes"
        yield f"Next: {_target(following)}. {self.found.why}" if following else f"Next: nothing. {self.found.why}"
        yield ""
        yield from fitted(
            self.dataset.column_names,
            shown_rows(self.dataset, self.curated.good, rows),
            shutil.get_terminal_size().columns,
        )
        yield ""
        yield from self._verdict()

    def facts(self, rows: int) -> dict[str, Any]:
        """For a machine."""
        page, following = self.found.page, self.found.following
        return {
            "dataset": self.dataset.name, "asked": page.url, "records": len(page.records), "total": page.total,
            "window": None if self.batch.is_snapshot else str(self.batch.window),
            "next": _target(following) if following else None, "why": self.found.why,
            "rows": [dict(zip(self.dataset.column_names, row, strict=True)) for row in shown_rows(self.dataset, self.curated.good, rows)],
            "quarantined": self.curated.bad_rows, "reasons": self.curated.reasons,
            "nulled": self.curated.nulled, "new_columns": self.curated.new_columns, "absent": self.curated.absent,
        }  # fmt: skip

    def _verdict(self) -> Iterator[str]:
        """What a run would say of these records."""
        made, count = self.curated, len(self.found.page.records)
        optional = {column.name for column in self.dataset.columns if column.is_optional}
        if absent := [name for name in made.absent if name not in optional]:
            yield f"Missing: {', '.join(absent)} is in none of these records; if it is in none at all, the run fails."
        if made.new_columns:
            yield f"New: {', '.join(made.new_columns)} is not in the contract ({self.dataset.new_columns})."
        if made.nulled:
            yield f"Made null: {', '.join(f'{reason} ({number:,})' for reason, number in made.nulled.items())}."
        yield verdict_line(self.dataset, made.bad_rows, count, "records")
        if made.bad_rows:
            yield table(("column", "rule", "records", "first", "its value"), self._reasons())

    def _reasons(self) -> Iterator[tuple[Any, ...]]:
        """Each reason once: how many records have it, and the first of them."""
        count = len(self.found.page.records)
        holding = Holding(self.batch.id, 1, "stopped", count, None, lambda: iter((self.curated.bad,)))
        for each in Mask(self.dataset).kept(gather(self.dataset, holding, None)).rules:
            yield each.column, each.rule, each.rows, each.first + 1, short(each.example)


def _target(following: Call) -> str:
    query = "&".join(f"{name}={value}" for name, value in following.params.items())
    body = f" with {', '.join(following.body)} in the body" if following.body else ""
    return redact_url(f"{following.target}{'?' if query else ''}{query}") + body
