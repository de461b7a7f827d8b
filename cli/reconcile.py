"""`esteira reconcile`: source, lake, ledger and table side by side."""

from __future__ import annotations

import click

from blocks import open_lake, open_warehouse
from cli.environment import require_prefect
from cli.life import find_orphans, orphan_lines
from cli.output import dump, table
from esteira.catalogue import find_dataset, load_catalogue
from esteira.errors import DataQualityError
from esteira.reconcile import Reconciliation, reconcile
from esteira.settings import read_settings
from esteira.warehouse.reads import settled_batches, table_counts

COLUMNS = ("dataset", "batches", "source", "raw", "curated", "quarantined", "ledger", "table", "agrees")


def run_reconcile(names: tuple[str, ...], *, as_json: bool) -> int:
    """Print one line for each dataset and one sentence for each difference; the exit code says whether there is any."""
    folder = read_settings().datasets
    require_prefect()
    datasets = [find_dataset(folder, name).name for name in names] or list(load_catalogue(folder))
    found = [_reconcile(name) for name in datasets]
    if as_json:
        click.echo(dump(found))
    else:
        left = [] if names else find_orphans(open_warehouse())
        click.echo("\n".join([_lines(found), *orphan_lines(left)]))
    return 0 if all(each.agrees for each in found) else DataQualityError.exit_code


def _reconcile(name: str) -> Reconciliation:
    warehouse = open_warehouse()
    return reconcile(name, settled_batches(warehouse, name), table_counts(warehouse, name), open_lake())


def _lines(found: list[Reconciliation]) -> str:
    rows = [
        (
            each.dataset,
            each.batches,
            each.source,
            each.raw,
            each.curated,
            each.quarantined,
            each.ledger,
            each.table,
            each.agrees,
        )
        for each in found
    ]
    differences = [f"{each.dataset}: {sentence}" for each in found for sentence in each.differences]
    return "\n".join([table(COLUMNS, rows), *differences])
