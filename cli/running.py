"""How every command runs: its environment, its exit code, and what an interruption says."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.environment import load_environment
from cli.output import INTERRUPTED, dump, error_facts, fail

if TYPE_CHECKING:
    from collections.abc import Callable

GOES_ON = "The same command goes on where this one stopped."
NOTHING_RUNS = "What it had started is stopped, and nothing is left running. The same command starts anew."


class Moment(click.ParamType[datetime]):
    """An ISO date or moment; without an offset it means UTC."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse; a wrong text is a usage error (exit code 2)."""
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not an ISO moment such as 2014-01-02 or 2014-01-02T06:00:00Z.", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def run(command: Callable[[], int], *, is_debug: bool, folder: Path | None, as_json: bool) -> None:
    """Run a command that needs the stage's environment."""
    if folder is not None:
        os.environ["ESTEIRA_DATASETS"] = str(folder.resolve())
    load_environment(is_debug=is_debug)
    guarded(command, is_debug=is_debug, as_json=as_json)


def guarded(
    command: Callable[[], int], *, is_debug: bool, as_json: bool = False, after_interrupt: str = GOES_ON
) -> None:
    """Turn whatever happens into lines and an exit code."""
    try:
        code = command()
    except KeyboardInterrupt:
        click.echo(f"Interrupted. {after_interrupt}", err=True)
        code = INTERRUPTED
    except Exception as exc:  # noqa: BLE001 - the outermost edge: nothing above prints
        code = fail(exc, is_debug=is_debug)
        if as_json:
            click.echo(dump([error_facts(exc)]))
    sys.exit(code)
