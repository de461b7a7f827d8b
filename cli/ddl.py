"""`esteira ddl`: the statements of a contract, and how the live table differs from it. It reads; only a load changes a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import dump
from cli.running import run

if TYPE_CHECKING:
    from esteira.contract import Dataset
    from esteira.warehouse.shape import Change

PERSON_NEEDED = 3
"""Exit code of `--diff` when a table needs what Esteira does not do by itself."""
_HEADINGS = (
    ("Esteira does at the next load:", lambda change: change.is_ours),
    ("A person does, and nothing is loaded until then:", lambda change: not change.is_ours and change.is_blocking),
    ("A person may do; loads go on without it:", lambda change: not change.is_ours and not change.is_blocking),
)


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--diff", "is_diff", is_flag=True, help="Compare with the live table; exit code 3 when a person must act."
)
@click.option("--datasets", "folder", type=click.Path(path_type=Path), help="Folder of contracts.")
@click.option("--json", "as_json", is_flag=True, help="Print a report for machines.")
@click.pass_obj
def ddl(is_debug: bool, names: tuple[str, ...], *, is_diff: bool, folder: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's object
    """Print the statements that make the tables of the named contracts, or of all."""

    def command() -> int:
        return run_diff(names, as_json=as_json) if is_diff else run_ddl(names, as_json=as_json)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)


def run_ddl(names: tuple[str, ...], *, as_json: bool) -> int:
    """Print the statements of the contracts, without asking the warehouse; returns the exit code."""
    from esteira.settings import read_settings
    from esteira.warehouse.ddl import contract_statements

    settings = read_settings()
    made = {
        dataset.name: contract_statements(dataset, settings.warehouse_schema, settings.reader_group)
        for dataset in _chosen(names, settings.datasets)
    }
    facts = [{"dataset": name, "statements": statements} for name, statements in made.items()]
    click.echo(dump(facts) if as_json else "\n".join(_script(name, statements) for name, statements in made.items()))
    return 0


def run_diff(names: tuple[str, ...], *, as_json: bool) -> int:
    """Print how the live tables differ from the contracts; returns the exit code."""
    from blocks import open_warehouse
    from cli.environment import require_prefect
    from esteira.settings import read_settings
    from esteira.warehouse.ddl import compare

    chosen = _chosen(names, read_settings().datasets)
    require_prefect()
    warehouse = open_warehouse()
    found = {dataset.name: compare(warehouse, dataset) for dataset in chosen}
    facts = [{"dataset": name, "changes": [asdict(change) for change in changes]} for name, changes in found.items()]
    click.echo(dump(facts) if as_json else "\n".join(_report(name, changes) for name, changes in found.items()))
    return PERSON_NEEDED if any(not change.is_ours for changes in found.values() for change in changes) else 0


def _chosen(names: tuple[str, ...], folder: Path) -> list[Dataset]:
    from esteira.catalogue import find_dataset, load_catalogue

    return [find_dataset(folder, name) for name in names] or list(load_catalogue(folder).values())


def _script(name: str, statements: Iterable[str]) -> str:
    body = "".join(f"{statement};\n" for statement in statements)
    return f"-- {name}. A text without max_bytes stands with its shortest length: loads widen it.\n{body}"


def _report(name: str, changes: list[Change]) -> str:
    if not changes:
        return f"{name}: the table is as the contract says."
    lines = [f"{name}:"]
    for heading, belongs in _HEADINGS:
        lines += _section(heading, [change for change in changes if belongs(change)])
    return "\n".join(lines)


def _section(heading: str, changes: list[Any]) -> list[str]:
    """The sentences, then each statement once: several differences may be removed by one rebuild."""
    if not changes:
        return []
    statements = dict.fromkeys(statement for change in changes for statement in change.statements)
    indented = (statement.replace("\n", "\n    ") for statement in statements)
    return [f"  {heading}", *(f"  - {change.what}" for change in changes), *(f"    {each};" for each in indented)]
