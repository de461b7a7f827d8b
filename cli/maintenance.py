"""`esteira maintenance`: the flow of the same name in this process, and what it did or would do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import click

from cli.environment import require_prefect
from cli.foreground import watched
from cli.output import dump, error_facts, fail, table
from esteira.catalogue import find_dataset
from esteira.settings import read_settings
from flows.maintenance import RESTORABLE, DatasetUpkeep, MaintenanceReport, maintenance, summary

SHOWN_OBJECTS = 20
"""Of each dataset; `--json` lists all."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for; no name means every dataset."""

    names: tuple[str, ...] = ()
    as_of: datetime | None = None
    older_than_days: int | None = None
    apply: bool = False
    superseded: bool = False


def run_maintenance(request: Request, *, as_json: bool, is_debug: bool) -> int:
    """Run it and print what was done; the exit code is that of the first dataset that is not well."""
    folder = read_settings().datasets
    require_prefect()
    for name in request.names:
        find_dataset(folder, name)
    report = _run(request)
    click.echo(dump(_facts(report)) if as_json else _text(report))
    errors = [error for error in (*(each.error for each in report.datasets), report.error) if error]
    return next(iter([fail(error, is_debug=is_debug) for error in errors]), 0)


def _run(request: Request) -> MaintenanceReport:
    options: dict[str, Any] = asdict(request)
    names = list(options.pop("names")) or None
    options["as_of"] = request.as_of or datetime.now(UTC)
    with watched():
        state = maintenance(names, **options, return_state=True)
    outcome: Any = state.result(raise_on_failure=False)
    if isinstance(outcome, MaintenanceReport):
        return outcome
    raise outcome if isinstance(outcome, BaseException) else RuntimeError(f"the run ended as {state.name}")


def _text(report: MaintenanceReport) -> str:
    rows = [{name: value for name, value in row.items() if name not in {"care", "error"}} for row in summary(report)]
    lines = [table(list(rows[0]), [list(row.values()) for row in rows])]
    for each in report.datasets:
        lines += _details(each)
    lines += [f"unfinished upload of {upload.begun_at:%Y-%m-%d}: {upload.key}" for upload in report.uploads]
    verdict = "Done." if report.is_applied else "Dry run: nothing was changed. `esteira maintenance --apply` does it."
    return "\n".join([*lines, f"{verdict} {RESTORABLE}"])


def _details(each: DatasetUpkeep) -> list[str]:
    removals = each.sweep.removals if each.sweep else ()
    lines = [f"{removal.reason}: {removal.key}" for removal in removals[:SHOWN_OBJECTS]]
    if len(removals) > SHOWN_OBJECTS:
        lines.append(f"{each.dataset}: … and {len(removals) - SHOWN_OBJECTS} more; --json lists all")
    lines += [f"{each.dataset}: {warning}" for warning in (each.sweep.warnings if each.sweep else ())]
    if each.table:
        lines += [f"warehouse: {statement}" for statement in each.table.statements]
    return lines


def _facts(report: MaintenanceReport) -> dict[str, Any]:
    return {
        "as_of": report.as_of,
        "is_applied": report.is_applied,
        "datasets": [_dataset_facts(each) for each in report.datasets],
        "uploads": [asdict(upload) for upload in report.uploads],
        **({"failed": error_facts(report.error)} if report.error else {}),
    }


def _dataset_facts(each: DatasetUpkeep) -> dict[str, Any]:
    return {
        "dataset": each.dataset,
        "removals": [asdict(removal) for removal in each.sweep.removals] if each.sweep else None,
        "bytes": each.sweep.size_bytes if each.sweep else None,
        "warnings": each.sweep.warnings if each.sweep else (),
        "table": asdict(each.table) if each.table else None,
        "reconciliation": asdict(each.reconciliation) if each.reconciliation else None,
        **({"failed": error_facts(each.error)} if each.error else {}),
    }
