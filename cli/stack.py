"""`esteira stack`: the laptop stack as a whole, ready to ingest."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from cli.environment import load_environment
from cli.output import dump, table
from esteira.errors import ConfigError
from local.background import down, status, up
from local.dashboard import URL_VARIABLE
from local.dashboard.analyst import admit
from local.ports import PortError
from local.stack import StackConfig
from local.state import StateFolder
from local.supervisor import StackError


@contextmanager
def told_as_our_error() -> Iterator[None]:
    """Raise the stack's errors again as the one that a command prints as a paragraph; anything else it would call a defect."""
    try:
        yield
    except (StackError, PortError) as exc:
        raise ConfigError(str(exc), hint="Mend that, then run the same command again.") from exc


@told_as_our_error()
def stack_up(state: Path) -> int:
    """Start the stack in the background and prepare Prefect; returns the exit code."""
    up(StackConfig(state=state, with_dashboard=True), on_progress=lambda line: click.echo(line, err=True))
    load_environment()
    prepare_stack(state)
    click.echo(where_to_look())
    return 0


@told_as_our_error()
def stack_down(state: Path) -> int:
    """Stop it; returns the exit code."""
    down(state)
    click.echo("The stack is down.")
    return 0


def stack_status(state: Path, *, as_json: bool) -> int:
    """Print the parts; exit code 0 when all of them run, 1 otherwise."""
    parts = status(state)
    rows = [(part.name, "running" if part.is_listening else "down", f"127.0.0.1:{part.port}") for part in parts]
    click.echo(dump(parts) if as_json else table(("part", "state", "address"), rows))
    return 0 if parts and all(part.is_listening for part in parts) else 1


def prepare_stack(state: Path) -> None:
    """Let the dashboard's analyst in, and prepare Prefect."""
    admit(StateFolder(state.resolve()), os.environ)
    prepare_prefect()


def prepare_prefect() -> None:
    """Register blocks, their limits and the automations in the stage's Prefect server."""
    from blocks.register import register_blocks
    from deployments.automations import apply_here
    from deployments.limits import apply_limits
    from esteira.settings import read_settings

    settings = read_settings()
    register_blocks(settings)
    apply_limits()
    apply_here(settings.datasets)


def where_to_look() -> str:
    """Addresses for a person."""
    env = os.environ
    slack = env.get("ESTEIRA_SLACK_URL", "").removesuffix("/slack")
    rows = [
        ("Prefect UI", env.get("PREFECT_UI_URL", "")),
        ("Portal", f"{env.get('ESTEIRA_PORTAL_URL', '')} (token-protected)"),
        ("Slack catcher", slack),
        *([("Dashboard", env[URL_VARIABLE])] if URL_VARIABLE in env else []),
        ("Quality pages", f"{env.get('ESTEIRA_REPORT_URL')} (or `esteira report`, without a server)"),
        ("Warehouse", f"{_warehouse(env)} (password in secret {env.get('ESTEIRA_WAREHOUSE_SECRET')})"),
        ("S3 and the rest of AWS", f"{env.get('AWS_ENDPOINT_URL')} (profile {env.get('AWS_PROFILE')} in {env.get('AWS_CONFIG_FILE')})"),
    ]  # fmt: skip
    return table(("what", "where"), rows)


def _warehouse(env: Mapping[str, str]) -> str:
    return f"{env.get('ESTEIRA_WAREHOUSE_HOST')}:{env.get('ESTEIRA_WAREHOUSE_PORT')}/{env.get('ESTEIRA_WAREHOUSE_DATABASE')}"
