"""Commands over the life of a dataset: pause, resume, retire, rename."""

from __future__ import annotations

from pathlib import Path

import click

from cli.running import run
from cli.upkeep import FOLDER, JSON

REASON = click.option("--reason", default="", help="Why; it stands in the warehouse.")


@click.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why; it stands in the warehouse.")
@FOLDER
@click.pass_obj
def pause(is_debug: bool, name: str, *, reason: str, folder: Path | None) -> None:  # noqa: FBT001 - click's object
    """Keep a dataset from running by itself, in every runner; a range that is asked for by name still runs."""

    def command() -> int:
        from cli.life import run_pause

        return run_pause(name, reason)

    run(command, is_debug=is_debug, folder=folder, as_json=False)


@click.command()
@click.argument("name")
@REASON
@FOLDER
@click.pass_obj
def resume(is_debug: bool, name: str, *, reason: str, folder: Path | None) -> None:  # noqa: FBT001 - click's object
    """Let a paused or retired dataset run again, from its watermark."""

    def command() -> int:
        from cli.life import run_resume

        return run_resume(name, reason)

    run(command, is_debug=is_debug, folder=folder, as_json=False)


@click.command()
@click.argument("name")
@click.option("--apply", is_flag=True, help="Do it; without this nothing is changed.")
@click.option("--keep-table/--drop-table", "keeps_table", default=True, show_default=True, help="What becomes of it.")
@REASON
@FOLDER
@JSON
@click.pass_obj
def retire(
    is_debug: bool,  # noqa: FBT001 - click's object
    name: str,
    *,
    apply: bool,
    keeps_table: bool,
    reason: str,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Take a dataset whose contract is gone out of planning. Its ledger stays, and so does the lake."""

    def command() -> int:
        from cli.life import Request, run_retire

        return run_retire(name, Request(reason, is_applied=apply), keeps_table=keeps_table, as_json=as_json)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--apply", is_flag=True, help="Do it; without this nothing is changed.")
@REASON
@FOLDER
@click.pass_obj
def rename(is_debug: bool, old: str, new: str, *, apply: bool, reason: str, folder: Path | None) -> None:  # noqa: FBT001 - click's object; one for each option
    """Follow a contract that was renamed: its table and ledger take the new name, and nothing is loaded again."""

    def command() -> int:
        from cli.life import Request, run_rename

        return run_rename(old, new, Request(reason, is_applied=apply))

    run(command, is_debug=is_debug, folder=folder, as_json=False)
