"""`esteira silence`: no message about a dataset until a moment."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli.running import Moment, run
from cli.upkeep import FOLDER, JSON


@click.command()
@click.argument("name", required=False)
@click.option("--for", "span", help="How long: 90m, 2h or 3d.")
@click.option("--until", type=Moment(), help="Until when, instead.")
@click.option("--why", default="", help="Why; others read it in `esteira status`.")
@click.option("--end", "is_end", is_flag=True, help="Send messages again.")
@click.option("--list", "is_list", is_flag=True, help="What is silenced, and which incidents are open.")
@FOLDER
@JSON
@click.pass_obj
def silence(
    is_debug: bool,  # noqa: FBT001 - click's object
    /,
    name: str | None,
    *,
    is_list: bool,
    folder: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Send no message about a dataset for a while; it ends by itself, 30 days later at most.

    Runs go on, and their failures stand in the Prefect UI. One that lasts longer than the silence is told after it.
    """
    if is_list is not (name is None):
        raise click.UsageError("Name a dataset, or say --list.")
    if name is not None and sum(bool(options[each]) for each in ("span", "until", "is_end")) != 1:
        raise click.UsageError("Say one of --for, --until and --end.")

    def command() -> int:
        from cli.silence import Request, run_end, run_list, run_silence

        now = datetime.now(UTC)
        if name is None:
            return run_list(now, as_json=as_json)
        request = Request(name, options["span"], options["until"], options["why"])
        return run_end(name) if options["is_end"] else run_silence(request, now)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)
