"""`esteira report`: a quality page made now, and shown in the browser."""

from __future__ import annotations

import webbrowser
from datetime import datetime
from pathlib import Path

import click

from cli.running import Moment, run
from cli.upkeep import FOLDER


@click.command()
@click.argument("name", required=False)
@click.option("--batch", help="This batch instead of the newest one.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the page.  [default: below the state folder]",
)
@click.option("--open/--no-open", "is_opened", default=True, help="Show it in the browser.  [default: open]")
@click.option("--as-of", type=Moment(), help="The moment that ages are counted from; now by default.")
@FOLDER
@click.pass_obj
def report(
    is_debug: bool,  # noqa: FBT001 - click's object
    /,
    name: str | None,
    *,
    batch: str | None,
    out: Path | None,
    is_opened: bool,
    as_of: datetime | None,
    folder: Path | None,
) -> None:
    """The quality page of a dataset's newest batch, or of one batch; without a name the catalogue over all datasets."""
    if batch and not name:
        raise click.UsageError("--batch needs the name of its dataset.")

    def command() -> int:
        from cli.pages import Request, write_pages

        path = write_pages(Request(name, batch, out, as_of))
        click.echo(path)
        if is_opened and not webbrowser.open(path.absolute().as_uri()):
            click.echo("No browser could be started here: open the file with one.", err=True)
        return 0

    run(command, is_debug=is_debug, folder=folder, as_json=False)
