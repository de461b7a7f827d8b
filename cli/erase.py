"""`esteira erase`: in this process and without a flow, since Prefect would store a flow's parameters, and with them the person."""

from __future__ import annotations

import importlib.metadata
import secrets
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from blocks import open_lake, open_loader, open_swept_lake, open_warehouse
from cli.environment import require_prefect
from cli.output import dump, table
from esteira.catalogue import find_dataset, load_catalogue
from esteira.erasure import Places, Report, Request, erase, plan, read_key
from esteira.errors import ConfigError, EsteiraError
from esteira.export.delivery import Places as Exporting
from esteira.export.delivery import deliver
from esteira.lake.glue import Catalogue
from esteira.report.gather import Sources, read_ledger
from esteira.report.shelf import put_batch_page
from esteira.settings import read_settings
from tasks.report import stage_of

STDIN = "-"
MAX_ID_LENGTH = 200
"""With `erase ` before it the id must fit into the ledger's `run`."""
SOURCE = "What the portal still has comes back with the next extraction: have the source erase first."


def run_erase(name: str, keys: Sequence[str], request_id: str | None, *, is_applied: bool, as_json: bool) -> int:
    """Erase, or say what would be erased; returns the exit code."""
    settings = read_settings()
    require_prefect()  # the blocks are there
    dataset = find_dataset(settings.datasets, name)
    key = read_key(dataset, list(_given(keys)))
    version = importlib.metadata.version("esteira")
    request = Request(dataset, key, _checked_id(request_id, key.texts), version, datetime.now(UTC))
    places = Places(open_lake(), open_swept_lake(settings.upkeep_profile), open_warehouse(), open_loader())
    report = (erase if is_applied else plan)(request, places)
    if is_applied:
        _remake(request, places, report)
    click.echo(dump(_facts(request, report)) if as_json else _text(request, report))
    return 0


def _remake(request: Request, places: Places, report: Report) -> None:
    """The pages and exports that went, from what stands now. Without them nothing of the erasure is missing."""
    settings, dataset = read_settings(), request.dataset
    _export_again(request, places)
    try:
        found = Sources(places.lake, places.warehouse, load_catalogue(settings.datasets))
        settled = [entry.batch_id for entry in read_ledger(found, dataset.name).current]
        for batch in settled:
            if batch in {*report.rows, *report.purged, settled[-1]}:
                put_batch_page(found, dataset, batch, stage_of(settings, found, request.as_of))
    except EsteiraError as exc:
        click.echo(f"The quality pages are not made again: {exc} `esteira report {dataset.name}` makes them.", err=True)


def _export_again(request: Request, places: Places) -> None:
    if not request.dataset.exports:
        return
    settings = read_settings()
    catalogue = Catalogue(f"esteira_{settings.stage}", places.lake)
    try:
        deliver(request.dataset, Exporting(places.lake, places.warehouse, catalogue, request.version), request.as_of)
    except EsteiraError as exc:
        click.echo(
            f"The exports are not made again: {exc} The next run of {request.dataset.name} makes them.", err=True
        )


def _given(keys: Sequence[str]) -> Iterator[str]:
    """What stands on the command line also stands in the shell's history and in the list of processes; `-` keeps it out of both."""
    for key in keys:
        if key == STDIN:
            yield from (line.rstrip("\r\n") for line in sys.stdin if line.strip())
        else:
            yield key


def _checked_id(given: str | None, texts: Sequence[str]) -> str:
    """It is kept for ever, so it may not be what is erased."""
    chosen = given or f"erasure-{secrets.token_hex(4)}"
    if len(chosen) > MAX_ID_LENGTH or any(text and text in chosen for text in texts):
        raise ConfigError(
            f"The id of a request has at most {MAX_ID_LENGTH} characters and holds no value of the key.",
            hint="Use the number under which the request was filed: it stays in audit, ledger and lake.",
        )
    return chosen


def _facts(request: Request, report: Report) -> dict[str, Any]:
    return {
        "dataset": request.dataset.name,
        "request": request.id,
        "columns": request.key.columns,
        "digest": request.key.digest(request.id),
        "is_applied": report.is_applied,
        "batches": [{"batch_id": batch, "rows": rows} for batch, rows in report.rows.items()],
        "purged": report.purged,
        "rows": sum(report.rows.values()),
        "objects": report.objects,
        "unmatched": report.unmatched,
    }


def _text(request: Request, report: Report) -> str:
    rows = [*report.rows.items(), *((batch, 0) for batch in report.purged)]
    lines = [table(("batch", "rows"), rows)] if rows else ["No batch holds the key."]
    verb = "erased" if report.is_applied else "would be erased"
    lines.append(
        f"{request.id}: {sum(report.rows.values())} rows of {len(rows)} batches and {report.objects} versions of objects {verb}."
    )
    if report.unmatched:
        lines.append(
            f"{report.unmatched} quarantined records or old parts could not be told: the contract makes the key's column."
        )
    if not report.is_applied:
        lines.append("Dry run: nothing was changed. The same command with --apply does it.")
    return "\n".join([*lines, SOURCE])
