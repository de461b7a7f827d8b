"""The command line's tree. Imports of Prefect and pandas wait until a command needs them."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from cli.authoring import doctor, new, preview, test
from cli.dataset import pause, rename, resume, retire
from cli.ddl import ddl
from cli.delivery import dictionary, export
from cli.deploy import deploy
from cli.drift import drift
from cli.drop import drop
from cli.environment import state_folder
from cli.quiet import silence
from cli.refresh import refresh
from cli.report import report
from cli.running import NOTHING_RUNS, Moment, guarded, run
from cli.upkeep import erase, maintenance, profile, quarantine, reconcile, undo


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="esteira")
@click.option("--debug", is_flag=True, help="Print tracebacks and Prefect's logs.")
@click.pass_context
def esteira(context: click.Context, *, debug: bool) -> None:
    """Portal tables into trusted Redshift tables, exactly once.

    Exit codes: 0 done, 3 a table needs a person, 65 data, 75 try again later, 77 credentials, 78 configuration, 2 usage, 130 interrupted.
    """
    context.obj = debug


@esteira.command()
@click.argument("names", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Every dataset, referenced tables first.")
@click.option("--start", type=Moment(), help="Begin of an explicit range instead of what is due.")
@click.option("--end", type=Moment(), help="End of the range, exclusive.")
@click.option("--as-of", type=Moment(), help="The run's moment; now by default.")
@click.option(
    "--from",
    "origin",
    type=click.Choice(["portal", "raw", "curated"]),
    help="Load committed batches again, as a new generation, from there.",
)
@click.option("--chunk", help="Load what is missing of the range in windows of at most 12h, 7d, 2w, 1mo or 1y.")
@click.option("--at-once", type=click.IntRange(min=1), help="How many of these windows at once; one by default.")
@click.option("--force", is_flag=True, help="Load these windows again too, as new generations.")
@click.option("--since", type=Moment(), help="With --force: not what was loaded again after this moment.")
@click.option("--dry-run", is_flag=True, help="Only say which windows are loaded, which would be, and in how long.")
@click.option("--batch", "batches", multiple=True, help="With --from: this batch only; also one that was undone.")
@click.option("--accept-loss", is_flag=True, help="With --from: go on although older batches left the lake.")
@click.option("--datasets", "folder", type=click.Path(path_type=Path), help="Folder of contracts.")
@click.option("--json", "as_json", is_flag=True, help="Print a report for machines.")
@click.pass_obj
def ingest(is_debug: bool, /, names: tuple[str, ...], *, is_all: bool, **options: Any) -> None:  # noqa: FBT001 - click's object
    """Extract, validate and load what is due of the named datasets."""
    if bool(names) == is_all:
        raise click.UsageError("Name datasets, or say --all.")
    _check_ingest(options)
    ways = {"again": _again, "backfill": _backfill, "due": _ingest}
    chosen = ways["again" if options["origin"] else "backfill" if _is_backfill(options) else "due"]
    told = {"as_json": options["as_json"], "is_debug": is_debug}
    run(lambda: chosen(names, options, told), is_debug=is_debug, folder=options["folder"], as_json=options["as_json"])


def _check_ingest(options: dict[str, Any]) -> None:
    if (options["start"] is None) != (options["end"] is None):
        raise click.UsageError("--start and --end go together.")
    if options["origin"] is None and (options["batches"] or options["accept_loss"]):
        raise click.UsageError("--batch and --accept-loss go with --from.")
    if _is_backfill(options) and (options["start"] is None or options["origin"] or options["as_of"]):
        raise click.UsageError(
            "--chunk, --at-once, --force and --dry-run go with --start and --end, without --from and --as-of."
        )
    if options["since"] and not options["force"]:
        raise click.UsageError("--since goes with --force.")


def _is_backfill(options: dict[str, Any]) -> bool:
    return any(options[name] for name in ("chunk", "at_once", "force", "dry_run"))


def _again(names: tuple[str, ...], options: dict[str, Any], told: dict[str, bool]) -> int:
    from cli.rebuild import Request, run_rebuild

    chosen = {name: options[name] for name in ("origin", "start", "end", "batches", "accept_loss")}
    return run_rebuild(Request(names, **chosen), **told)


def _backfill(names: tuple[str, ...], options: dict[str, Any], told: dict[str, bool]) -> int:
    from cli.backfill import Request, run_backfill

    chosen = {name: options[name] for name in ("start", "end", "chunk", "force", "dry_run", "since")}
    if options["at_once"]:
        os.environ["ESTEIRA_AT_ONCE"] = str(options["at_once"])
    return run_backfill(Request(names, **chosen), **told)


def _ingest(names: tuple[str, ...], options: dict[str, Any], told: dict[str, bool]) -> int:
    from cli.ingest import Request, run_ingest

    return run_ingest(Request(names, options["start"], options["end"], options["as_of"]), **told)


@esteira.command()
@click.argument("names", nargs=-1)
@click.option("--datasets", "folder", type=click.Path(path_type=Path), help="Folder of contracts.")
@click.option("--json", "as_json", is_flag=True, help="Print a report for machines.")
@click.pass_obj
def status(is_debug: bool, names: tuple[str, ...], *, folder: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's object
    """What is loaded, how fresh it is, and the last batches."""

    def command() -> int:
        from cli.status import run_status

        return run_status(names, as_json=as_json)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)


@esteira.command("break-glass")
@click.argument("name")
@click.option("--as-of", type=Moment(), help="The run's moment; now by default.")
@click.option("--datasets", "folder", type=click.Path(path_type=Path), help="Folder of contracts.")
@click.option("--json", "as_json", is_flag=True, help="Print a report for machines.")
@click.pass_obj
def break_glass(
    is_debug: bool,  # noqa: FBT001 - click's object
    name: str,
    *,
    as_of: datetime | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Load what is due of one dataset without Prefect, which cannot be brought back in time."""

    def command() -> int:
        from cli.break_glass import run_break_glass

        return run_break_glass(name, as_of, as_json=as_json)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)


@esteira.command()
@click.option(
    "--report",
    "path",
    type=click.Path(path_type=Path),
    default=Path("demo-report.json"),
    show_default=True,
    help="Where to write the facts.",
)
@click.pass_obj
def demo(is_debug: bool, *, path: Path) -> None:  # noqa: FBT001 - click's object
    """Run the main job on real data: start the stack, load three times, fail once, stop everything."""

    def command() -> int:
        from cli.demo import run_demo

        return run_demo(state_folder(), path)

    guarded(command, is_debug=is_debug, after_interrupt=NOTHING_RUNS)


@esteira.group()
def stack() -> None:
    """The laptop stack: portal, AWS, Redshift, Prefect and a Slack catcher on 127.0.0.1."""


@stack.command("up")
@click.pass_obj
def stack_up(is_debug: bool) -> None:  # noqa: FBT001 - click's object
    """Start it in the background and register blocks and automations."""

    def command() -> int:
        from cli.stack import stack_up as start

        return start(state_folder())

    guarded(command, is_debug=is_debug)


@stack.command("down")
@click.pass_obj
def stack_down(is_debug: bool) -> None:  # noqa: FBT001 - click's object
    """Stop it; what it holds stays in the state folder."""

    def command() -> int:
        from cli.stack import stack_down as stop

        return stop(state_folder())

    guarded(command, is_debug=is_debug)


@stack.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print a report for machines.")
@click.pass_obj
def stack_status(is_debug: bool, *, as_json: bool) -> None:  # noqa: FBT001 - click's object
    """Which parts run, and where."""

    def command() -> int:
        from cli.stack import stack_status as show

        return show(state_folder(), as_json=as_json)

    guarded(command, is_debug=is_debug)


esteira.add_command(ddl)
esteira.add_command(deploy)
esteira.add_command(dictionary)
esteira.add_command(doctor)
esteira.add_command(drift)
esteira.add_command(drop)
esteira.add_command(erase)
esteira.add_command(export)
esteira.add_command(maintenance)
esteira.add_command(new)
esteira.add_command(pause)
esteira.add_command(preview)
esteira.add_command(profile)
esteira.add_command(quarantine)
esteira.add_command(reconcile)
esteira.add_command(refresh)
esteira.add_command(rename)
esteira.add_command(report)
esteira.add_command(resume)
esteira.add_command(retire)
esteira.add_command(silence)
esteira.add_command(test)
esteira.add_command(undo)


def main() -> None:
    """Entry point of the `esteira` script."""
    esteira()
