"""Commands for whoever writes a contract: draft it, look at what it brings, try it offline, and see whether the place can run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from cli.running import Moment, guarded, run
from cli.upkeep import FOLDER, JSON

FIXTURES = click.option(
    "--fixtures",
    type=click.Path(path_type=Path),
    help="Folder of the recorded pages.  [default: tests/fixtures beside the contracts' folder]",
)


@click.command()
@click.argument("name")
@click.option("--portal", help="Name of the portal block; with --url, of the one to be made.")
@click.option("--path", help="Path below the portal's base URL, with its query.")
@click.option("--url", help="Whole URL, instead of a block; asked without any auth.")
@click.option(
    "--file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A workbook or delimited text, instead of a portal.",
)
@click.option("--sheet", help="With --file: the sheet's name.  [default: the first with a table]")
@click.option("--locale", default="pt-BR", show_default=True, help="With --file: how it prints numbers and days.")
@click.option("--owner", default="", help="Who is asked when the dataset fails.")
@FOLDER
@FIXTURES
@click.pass_obj
def new(is_debug: bool, /, name: str, *, folder: Path | None, **options: Any) -> None:  # noqa: FBT001 - click's object
    """Draft a contract from sample pages or a file: it says what it guessed and why. Overwrites nothing."""
    path, sheet, locale = options.pop("file"), options.pop("sheet"), options.pop("locale")
    if path is not None:
        if options["url"] or options["path"] or options["portal"]:
            raise click.UsageError("Give --file alone, or a portal.")

        def from_file() -> int:
            from cli.new_file import Request, run_new_file

            asked = Request(name, path, sheet, locale, options["owner"], options["fixtures"])
            return run_new_file(asked, is_debug=is_debug)

        run(from_file, is_debug=is_debug, folder=folder, as_json=False)
        return
    if bool(options["url"]) == bool(options["path"]) or (options["path"] and not options["portal"]):
        raise click.UsageError("Give --portal and --path, or --url, or --file.")

    def command() -> int:
        from cli.new import Request, run_new

        return run_new(Request(name, **options), is_debug=is_debug)

    run(command, is_debug=is_debug, folder=folder, as_json=False)


@click.command()
@click.argument("name")
@click.option("--rows", type=click.IntRange(min=1), default=20, show_default=True, help="How many to show.")
@click.option("--start", type=Moment(), help="Begin of the window to look at.")
@click.option("--end", type=Moment(), help="End of the window, exclusive.")
@click.option(
    "--parent",
    "row",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="A row of the parent dataset, to look at its children.",
)
@click.option(
    "--file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of this machine, for a dataset of files.  [default: the next one that a run would take]",
)
@FOLDER
@JSON
@click.pass_obj
def preview(
    is_debug: bool,  # noqa: FBT001 - click's object
    /,
    name: str,
    *,
    row: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show the first rows of a dataset, and what would be quarantined. One page or file is read; nothing is written."""
    if (options["start"] is None) != (options["end"] is None):
        raise click.UsageError("--start and --end go together.")
    if any("=" not in each for each in row):
        raise click.UsageError("--parent is COLUMN=VALUE.")
    parent = tuple((each.partition("=")[0], each.partition("=")[2]) for each in row)

    def command() -> int:
        from cli.preview import Request, run_preview

        return run_preview(name, Request(parent=parent, **options), as_json=as_json)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Every dataset.")
@FOLDER
@FIXTURES
@JSON
@click.pass_obj
def test(
    is_debug: bool,  # noqa: FBT001 - click's object
    names: tuple[str, ...],
    *,
    is_all: bool,
    folder: Path | None,
    fixtures: Path | None,
    as_json: bool,
) -> None:
    """Read the recorded pages of a dataset as its contract says, offline; exit code 65 when it no longer fits."""
    if bool(names) == is_all:
        raise click.UsageError("Name datasets, or say --all.")
    if folder is not None:
        os.environ["ESTEIRA_DATASETS"] = str(folder.resolve())

    def command() -> int:
        from cli.fixture_test import run_test

        return run_test(names, fixtures, as_json=as_json, is_debug=is_debug)

    guarded(command, is_debug=is_debug)


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--account", help="Ask instead what only a person can do in the AWS account of this stage (infra/stages/)."
)
@FOLDER
@JSON
@click.pass_obj
def doctor(
    is_debug: bool,  # noqa: FBT001 - click's object
    names: tuple[str, ...],
    *,
    account: str | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Can this place run? Settings, blocks, AWS, lake, warehouse, portals of the datasets named or of all; nothing is left behind."""
    if account:
        from cli.account import run_account

        # Not in a stage's environment: the laptop stack's would ask the emulator.
        guarded(lambda: run_account(account, as_json=as_json), is_debug=is_debug, as_json=as_json)

    def command() -> int:
        from cli.doctor import run_doctor

        return run_doctor(names, as_json=as_json)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)
