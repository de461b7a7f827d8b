"""`esteira deploy`: what the repository says of the Prefect server, applied; a line for each thing, and nothing written that is right."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.output import dump
from cli.running import run
from cli.upkeep import FOLDER, JSON

if TYPE_CHECKING:
    from deployments.things import Change

NAME_COLUMNS = 38


@click.command()
@click.option("--dry-run", "is_dry", is_flag=True, help="Only say what would be done.")
@click.option("--file", "path", type=click.Path(path_type=Path), help="Another prefect.yaml than this checkout's.")
@FOLDER
@JSON
@click.pass_obj
def deploy(is_debug: bool, *, is_dry: bool, path: Path | None, folder: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's object
    """Apply blocks, work pool, deployments, limits and automations to the Prefect server. Twice in a row changes nothing.

    Removes deployments of this project that left prefect.yaml, and automations of ours; never anybody else's.
    """

    def command() -> int:
        return run_deploy(path, is_dry=is_dry, as_json=as_json)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)


def run_deploy(path: Path | None, *, is_dry: bool, as_json: bool) -> int:
    """Apply it; returns the exit code."""
    from blocks.server import connected
    from cli.environment import require_address
    from deployments.apply import apply_stage
    from deployments.place import read_place
    from deployments.plan import plan_stage
    from esteira.settings import PROJECT_FOLDER, read_settings

    settings, place = read_settings(), read_place()
    plan = plan_stage(path or PROJECT_FOLDER / "prefect.yaml", place, settings.datasets)
    require_address()
    changes: list[Change] = []
    with connected() as client:
        for change in apply_stage(client, plan, place, settings, is_dry=is_dry):
            changes.append(change)
            if not as_json:
                click.echo(_line(change, is_dry=is_dry))
    click.echo(dump({"is_dry": is_dry, "changes": changes}) if as_json else _verdict(changes, is_dry=is_dry))
    return 0


def _line(change: Change, *, is_dry: bool) -> str:
    verb = f"would be {change.verb}" if is_dry and change.verb in {"created", "updated", "removed"} else change.verb
    return f"{change.kind:<11} {change.name:<{NAME_COLUMNS}} {verb}{f': {change.details}' if change.details else ''}"


def _verdict(changes: list[Change], *, is_dry: bool) -> str:
    counts = Counter(change.verb for change in changes)
    done = ", ".join(f"{counts[verb]} {verb}" for verb in ("created", "updated", "removed") if counts[verb])
    if not done:
        return f"Nothing {'would change' if is_dry else 'changed'}: {counts['unchanged']} things are as the repository says."
    if is_dry:
        return f"Dry run: nothing was changed. `esteira deploy` would have {done}."
    return f"{done}, {counts['unchanged']} unchanged."
