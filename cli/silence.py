"""`esteira silence`: what it does and says."""

from __future__ import annotations

import getpass
import socket
from dataclasses import asdict, dataclass
from datetime import datetime

import click

from blocks import incidents
from blocks.incidents import Incident
from cli.environment import require_prefect
from cli.output import dump
from esteira.alerts.silence import Silence, require_end, span
from esteira.catalogue import find_dataset
from esteira.settings import contracts_folder


@dataclass(frozen=True, slots=True)
class Request:
    """Which dataset, for how long or until when, and why."""

    dataset: str
    span: str | None
    until: datetime | None
    why: str


def run_silence(request: Request, now: datetime) -> int:
    """Silence a dataset; returns the exit code."""
    find_dataset(contracts_folder(), request.dataset)
    until = require_end(request.until or now + span(request.span or ""), now)
    require_prefect()
    wanted = Silence(request.dataset, until.replace(microsecond=0), request.why, _who())
    incidents.silence(wanted)
    click.echo(f"{wanted.dataset} is {wanted}. `esteira silence {wanted.dataset} --end` ends it before.")
    return 0


def run_end(name: str) -> int:
    """End a silence; returns the exit code."""
    require_prefect()
    click.echo(f"{name} is told of again." if incidents.end_silence(name) else f"{name} was not silenced.")
    return 0


def run_list(now: datetime, *, as_json: bool) -> int:
    """Print silences and open incidents; returns the exit code."""
    require_prefect()
    silences, found = incidents.silences(now), incidents.open_incidents()
    if as_json:
        click.echo(dump({"silences": silences, "incidents": [asdict(each) for each in found]}))
        return 0
    click.echo("\n".join(quiet_lines(silences, found)) or "Nothing is silenced, and no incident is open.")
    return 0


def quiet_lines(silences: list[Silence], found: list[Incident]) -> list[str]:
    """A line for each."""
    told = [
        f"{each.dataset}: {each.what or each.kind}{f' of {each.batch}' if each.batch else ''}, told {each.since}"
        for each in found
    ]
    return [*(f"{each.dataset} is {each}" for each in silences), *told]


def _who() -> str:
    """The user of this machine; a container may have none."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
