"""Commands that look after what is loaded: compare it, load it again, take it out."""

from __future__ import annotations

from pathlib import Path

import click

from cli.running import run

FOLDER = click.option("--datasets", "folder", type=click.Path(path_type=Path), help="Folder of contracts.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print a report for machines.")


@click.command()
@click.argument("names", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Every dataset.")
@FOLDER
@JSON
@click.pass_obj
def reconcile(is_debug: bool, names: tuple[str, ...], *, is_all: bool, folder: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's object
    """Compare source, lake, ledger and table; exit code 65 when they differ."""
    if bool(names) == is_all:
        raise click.UsageError("Name datasets, or say --all.")

    def command() -> int:
        from cli.reconcile import run_reconcile

        return run_reconcile(names, as_json=as_json)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)
