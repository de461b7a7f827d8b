"""The command line's tree. Imports of Prefect and pandas wait until a command needs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli.authoring import doctor, new, preview, test
from cli.dataset import pause, rename, resume, retire
from cli.ddl import ddl
from cli.deploy import deploy
from cli.drift import drift
from cli.drop import drop
from cli.environment import state_folder
from cli.quiet import silence
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
@click.option("--batch", "batches", multiple=True, help="With --from: this batch only; also one that was undone.")
@click.option("--accept-loss", is_flag=True, help="With --from: go on although older batches left the lake.")
@click.option("--datasets", "folder", type=click.Path(path_type=Path), help="Folder of contracts.")
@click.option("--json", "as_json", is_flag=True, help="Print a report for machines.")
@click.pass_obj
def ingest(is_debug: bool, /, names: tuple[str, ...], *, is_all: bool, **options: Any) -> None:  # noqa: FBT001 - click's object
    """Extract, validate and load what is due of the named datasets."""
    if bool(names) == is_all:
        raise click.UsageError("Name datasets, or say --all.")
    if (options["start"] is None) != (options["end"] is None):
        raise click.UsageError("--start and --end go together.")
    if options["origin"] is None and (options["batches"] or options["accept_loss"]):
        raise click.UsageError("--batch and --accept-loss go with --from.")

    def again() -> int:
        from cli.rebuild import Request, run_rebuild

        chosen = {name: options[name] for name in ("origin", "start", "end", "batches", "accept_loss")}
        return run_rebuild(Request(names, **chosen), as_json=options["as_json"], is_debug=is_debug)

    def command() -> int:
        from cli.ingest import Request, run_ingest

        return run_ingest(
            Request(names, options["start"], options["end"], options["as_of"]),
            as_json=options["as_json"],
            is_debug=is_debug,
        )

    chosen = again if options["origin"] else command
    run(chosen, is_debug=is_debug, folder=options["folder"], as_json=options["as_json"])


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
esteira.add_command(doctor)
esteira.add_command(drift)
esteira.add_command(drop)
esteira.add_command(erase)
esteira.add_command(maintenance)
esteira.add_command(new)
esteira.add_command(pause)
esteira.add_command(preview)
esteira.add_command(profile)
esteira.add_command(quarantine)
esteira.add_command(reconcile)
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
