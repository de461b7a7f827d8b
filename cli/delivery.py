"""Commands for who reads the data: `esteira export` and `esteira dictionary`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.running import run
from cli.upkeep import FOLDER, JSON

if TYPE_CHECKING:
    from esteira.export.conventions import Language

LANG = click.option("--lang", type=click.Choice(["en", "pt"]), help="Of titles and words.  [default: the locale's]")


@click.command()
@click.argument("name")
@click.option("--format", "kind", type=click.Choice(["parquet", "csv", "xlsx"]), help="[default: what --out ends with]")
@click.option(
    "--locale",
    type=click.Choice(["pt-BR", "en-US", "iso"]),
    default="iso",
    show_default=True,
    help="Whose office program opens a CSV or XLSX.",
)
@LANG
@click.option("--personal", "with_personal", is_flag=True, help="With the columns that the contract marks as personal.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file; one that stands there is replaced whole.",
)
@FOLDER
@JSON
@click.pass_obj
def export(is_debug: bool, /, name: str, *, folder: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001 - click's object
    """Write a dataset's table into a file: Parquet for programs, CSV or XLSX for people.

    A workbook has the data, the dictionary, and how fresh the data are and where they come from.
    """

    def command() -> int:
        from cli.export import Request, run_export

        return run_export(Request(name, **options), as_json=as_json)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one page that needs no network.")
@click.option("--xlsx", type=click.Path(path_type=Path, dir_okay=False), help="Write a workbook.")
@LANG
@FOLDER
@click.pass_obj
def dictionary(
    is_debug: bool,  # noqa: FBT001 - click's object
    names: tuple[str, ...],
    *,
    html: Path | None,
    xlsx: Path | None,
    lang: Language | None,
    folder: Path | None,
) -> None:
    """The data dictionary of the named contracts, or of all: titles, types, units, descriptions, rules, owners.

    The page is in both languages; a workbook is in that of --lang. It asks no warehouse.
    """
    if html is None and xlsx is None:
        raise click.UsageError("Say --html FILE, --xlsx FILE, or both.")

    def command() -> int:
        from cli.dictionary import run_dictionary

        return run_dictionary(names, html, xlsx, lang)

    run(command, is_debug=is_debug, folder=folder, as_json=False)
