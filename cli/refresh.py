"""`esteira refresh`: the flow of the same name in this process, or how the BI assets stand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.running import Moment, run
from cli.upkeep import FOLDER, JSON

if TYPE_CHECKING:
    from esteira.refresh.outcome import Outcome


@click.command()
@click.argument("name", required=False)
@click.option("--dry-run", is_flag=True, help="Only say how the assets stand, and which would be refreshed.")
@click.option(
    "--force", is_flag=True, help="Refresh it whatever is fresh, has failed or waits; the tool's daily limit stays."
)
@click.option(
    "--wait",
    "minutes",
    type=click.FloatRange(min=0),
    default=15,
    show_default=True,
    help="Minutes to follow what runs at the tool.",
)
@click.option("--as-of", type=Moment(), help="The run's moment; now by default.")
@FOLDER
@JSON
@click.pass_obj
def refresh(is_debug: bool, /, name: str | None, *, folder: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001 - click's object
    """Refresh the BI assets that are due, or the one that is named."""
    if options["force"] and not name:
        raise click.UsageError("--force goes with the name of one asset.")

    def command() -> int:
        return run_refresh(name, options, as_json=as_json, is_debug=is_debug)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)


def run_refresh(name: str | None, options: dict[str, Any], *, as_json: bool, is_debug: bool) -> int:
    """Run it and print how each asset stands; the exit code is that of the first that failed."""
    from cli.environment import require_prefect
    from cli.output import dump, fail
    from esteira.catalogue.assets import find_asset
    from esteira.settings import read_settings

    settings = read_settings()
    require_prefect()
    if name:
        find_asset(settings.datasets, name)
    outcomes = _looked(name, options) if options["dry_run"] else _run(name, options)
    click.echo(dump([_facts(each) for each in outcomes]) if as_json else _text(outcomes))
    return next(iter([fail(each.error, is_debug=is_debug) for each in outcomes if each.error]), 0)


def _looked(name: str | None, options: dict[str, Any]) -> list[Outcome]:
    from blocks import open_warehouse
    from esteira.refresh.run import look
    from esteira.settings import read_settings
    from tasks.refresh import assets_of, terms_of

    settings = read_settings()
    terms = terms_of(settings, options["as_of"] or datetime.now(UTC), is_forced=options["force"])
    return look(open_warehouse(), assets_of(settings, [name] if name else None), terms)


def _run(name: str | None, options: dict[str, Any]) -> list[Outcome]:
    from cli.foreground import watched
    from flows.refresh import refresh as refresh_flow

    with watched():
        state = refresh_flow(
            name, options["as_of"] or datetime.now(UTC), options["minutes"], force=options["force"], return_state=True
        )
    found: Any = state.result(raise_on_failure=False)
    if isinstance(found, list):
        return found
    raise found if isinstance(found, BaseException) else RuntimeError(f"the run ended as {state.name}")


def _text(outcomes: list[Outcome]) -> str:
    from cli.output import table
    from tasks.refresh import row

    if not outcomes:
        return "There is no BI asset in this stage: docs/bi/connect.md shows how one is written."
    rows = [row(each) for each in outcomes]
    return table(list(rows[0]), [list(each.values()) for each in rows])


def _facts(outcome: Outcome) -> dict[str, Any]:
    from cli.output import error_facts
    from tasks.refresh import row

    attempt = outcome.attempt
    facts: dict[str, Any] = {
        **row(outcome),
        "attempt": attempt.attempt if attempt else None,
        "tool_id": attempt.tool_id if attempt else None,
    }
    return facts | ({"failed": error_facts(outcome.error)} if outcome.error else {})
