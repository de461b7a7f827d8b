"""`esteira demo`: the main job on real data, three times and once in vain, on a laptop stack of its own.

Prefect reads its settings when it is imported, so `cli.rounds`, which imports it, is imported only when the stack's are in place.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import click

from cli.environment import adopt, load_environment
from cli.output import DEFECT
from cli.stack import prepare_prefect, told_as_our_error, where_to_look
from local.stack import StackConfig, running


@told_as_our_error()
def run_demo(state: Path, report: Path) -> int:
    """Run it; returns the exit code: 0 only when every promise was kept."""
    began = time.monotonic()
    folder = state / "demo"
    shutil.rmtree(folder, ignore_errors=True)  # the demo starts from nothing, so that it can be repeated
    click.echo("Starting portal, AWS, Redshift, Prefect and the Slack catcher on 127.0.0.1 …")
    with running(StackConfig(state=folder), on_progress=lambda line: click.echo(f"  {line}")) as stack:
        adopt(stack.env)
        load_environment()
        prepare_prefect()
        from cli.foreground import drained
        from cli.office import drop_workbook, problems_of
        from cli.rounds import check, fail_once, run_rounds, write_report

        with drained():
            rounds = run_rounds(folder / "portal" / "flights.db")
            office = drop_workbook(folder, folder / "portal" / "flights.db")
            slack = fail_once(folder)
        places = where_to_look()
    problems = [*check(rounds, slack), *problems_of(office, folder / "portal" / "flights.db")]
    write_report(report, rounds, office, slack, time.monotonic() - began)
    click.echo(f"\nWhere to look, after `ESTEIRA_STATE={os.path.relpath(folder)} make up`:\n{places}")
    click.echo(f"\nThe same facts stand in {report}. {time.monotonic() - began:.0f} s in all.")
    for problem in problems:
        click.echo(f"NOT AS PROMISED: {problem}", err=True)
    return DEFECT if problems else 0
