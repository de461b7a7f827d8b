"""Commands that look after what is loaded: compare it, load it again, take it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli.running import Moment, run

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


@click.command()
@click.argument("names", nargs=-1)
@click.option("--apply", is_flag=True, help="Do it; without this nothing is changed.")
@click.option(
    "--older-than", "older_than_days", type=click.IntRange(min=1), help="Days; younger objects stay.  [default: 7]"
)
@click.option("--superseded", is_flag=True, help="Also remove generations that a later one replaced: no undo to them.")
@click.option("--as-of", type=Moment(), help="The run's moment; now by default.")
@FOLDER
@JSON
@click.pass_obj
def maintenance(
    is_debug: bool,  # noqa: FBT001 - click's object
    /,
    names: tuple[str, ...],
    *,
    folder: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Sweep the lake, vacuum and analyse the tables, compare everything: of the named datasets, or all.

    Without --apply it only says what it would do.
    """

    def command() -> int:
        from cli.maintenance import Request, run_maintenance

        return run_maintenance(Request(names, **options), as_json=as_json, is_debug=is_debug)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)


@click.command()
@click.argument("batch")
@click.option("--dataset", "name", help="Its dataset; needed only when two datasets have a batch of this id.")
@click.option("--reason", default="", help="Why; it stands in the ledger.")
@click.option("--accept-loss", is_flag=True, help="Go on although older batches left the lake.")
@FOLDER
@JSON
@click.pass_obj
def undo(is_debug: bool, /, batch: str, *, folder: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001 - click's object
    """Take a batch out of its table as if it had never been loaded; earlier versions of its rows come back."""

    def command() -> int:
        from cli.rebuild import run_undo

        return run_undo(batch, as_json=as_json, is_debug=is_debug, **options)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)


@click.command()
@click.argument("name", required=False)
@click.option("--batch", help="This batch only.")
@click.option("--rule", help="Rows that break this rule only: `column: rule`, a rule or a column as they are listed.")
@click.option("--samples", type=click.IntRange(min=0), default=0, show_default=True, help="Rows of each rule to show.")
@click.option(
    "--csv",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every refused cell into this file, with its address and the reason in both languages, for whoever corrects them.",
)
@click.option("--replay", "is_replay", is_flag=True, help="Try the rows again, and load those that pass now.")
@click.option("--dry-run", "is_dry", is_flag=True, help="With --replay: only say what would pass.")
@FOLDER
@JSON
@click.pass_obj
def quarantine(
    is_debug: bool,  # noqa: FBT001 - click's object
    /,
    name: str | None,
    *,
    folder: Path | None,
    as_json: bool,
    is_replay: bool,
    is_dry: bool,
    csv: Path | None,
    **options: Any,
) -> None:
    """Rows that were refused, by rule, with their reasons and where they came from; personal values are masked.

    With --replay they are tried again after the contract was mended; those that pass join their batch, once.
    """
    if is_replay and name is None:
        raise click.UsageError("Name the dataset whose rows are tried again.")
    if is_dry and not is_replay:
        raise click.UsageError("--dry-run goes with --replay.")
    if csv is not None and (is_replay or name is None):
        raise click.UsageError("--csv goes with the name of a dataset, and without --replay.")

    def command() -> int:
        from cli.quarantine import Request, run_listing, run_replay

        request = Request(name, **options)
        if csv is not None:
            from cli.quarantine_csv import run_export

            return run_export(request, csv, as_json=as_json)
        if is_replay:
            return run_replay(request, is_dry=is_dry, as_json=as_json, is_debug=is_debug)
        return run_listing(request, as_json=as_json)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)


@click.command()
@click.argument("name")
@click.option("--batch", help="Which; the last one by default.")
@FOLDER
@JSON
@click.pass_obj
def profile(is_debug: bool, name: str, *, batch: str | None, folder: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's object
    """What the columns of a loaded batch hold: counts, extremes, mean, distinct and frequent values."""

    def command() -> int:
        from cli.profile import run_profile

        return run_profile(name, batch, as_json=as_json)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)


@click.command()
@click.argument("name")
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    metavar="COLUMN=VALUE",
    help="Which rows; repeat it for several columns. `-` reads such lines from the standard input.",
)
@click.option("--request", "request_id", help="Id of the person's request, for the audit; a random one by default.")
@click.option("--apply", "is_applied", is_flag=True, help="Do it; without this nothing is changed.")
@FOLDER
@JSON
@click.pass_obj
def erase(is_debug: bool, /, name: str, *, folder: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001 - click's object
    """Erase a person (LGPD): their rows out of the table and out of every object of the lake, for good.

    Without --apply it only says what it would do.
    """

    def command() -> int:
        from cli.erase import run_erase

        return run_erase(name, as_json=as_json, **options)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)
