"""The rounds of `esteira demo`: three runs of the daily flow, one that fails, and whether they kept what they promise."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from blocks import PortalBlock, open_warehouse
from cli.foreground import watched
from cli.ingest import COLUMNS, Request, batch_facts, ingest_one, summary_row
from cli.office import OfficeRound, office_facts
from cli.output import table
from cli.progress import Lines
from esteira.catalogue import load_catalogue
from esteira.settings import read_settings
from esteira.warehouse.reads import read_status
from flows.daily import daily
from flows.outcome import Outcome
from local.portal import append_flights
from tasks.progress import listening

FIRST_DAY = datetime(2014, 1, 2, 6, tzinfo=UTC)
LATER_DAY = datetime(2014, 1, 4, 6, tzinfo=UTC)
NEW_FLIGHTS, NEW_FLIGHTS_DAY = 500, date(2014, 1, 2)
SLACK_WAIT_SECONDS = 30.0
BROKEN_PORTAL, BROKEN_DATASET = "portal-without-token", "broken"
_BROKEN_CONTRACT = '''"""A contract whose portal block sends no token: the demo's failing run."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, Replace


class Broken(pa.DataFrameModel):
    """Never loaded."""

    carrier: pd.StringDtype


DATASET = Dataset(
    name="{name}", source=ApiSource(portal="{portal}", path="/flights/airlines.json", records="rows"), schema=Broken, write=Replace(), owner="bi-team"
)
'''


@dataclass(frozen=True, slots=True)
class Round:
    """One run of the daily flow and the rows of each table after it."""

    title: str
    outcomes: list[Outcome]
    rows: dict[str, int]
    seconds: float


def run_rounds(database: Path) -> list[Round]:
    """The first day, the same day again, and a later day with new flights in the portal's database."""
    first = _round("1. The first day: everything", FIRST_DAY)
    second = _round("2. The same day again: nothing is loaded twice", FIRST_DAY)
    append_flights(database, NEW_FLIGHTS_DAY, NEW_FLIGHTS)
    title = f"3. Two days later, with {NEW_FLIGHTS} new flights at the portal: only they arrive (three days are read again; the small snapshots of airlines and airports are replaced whole)"
    return [first, second, _round(title, LATER_DAY)]


def _round(title: str, as_of: datetime) -> Round:
    click.echo(f"\n{title}")
    began = time.monotonic()
    with watched(), listening(Lines()):
        outcomes = _run_daily(as_of)
    seconds = time.monotonic() - began
    click.echo(table(COLUMNS, [summary_row(outcome.report) for outcome in outcomes if outcome.report]))
    for outcome in outcomes:
        if outcome.report is None:
            click.echo(
                f"{outcome.dataset}: {outcome.error or f'skipped because {outcome.skipped_for} failed'}", err=True
            )
    rows = _table_rows([outcome.dataset for outcome in outcomes])
    click.echo(f"In the warehouse: {', '.join(f'{name} {count:,}' for name, count in rows.items())}. {seconds:.1f} s.")
    return Round(title, outcomes, rows, seconds)


def _run_daily(as_of: datetime) -> list[Outcome]:
    """The flow's state is failed when a dataset failed; its data are the outcomes all the same."""
    outcomes: Any = daily(as_of=as_of, return_state=True).result(raise_on_failure=False)
    if isinstance(outcomes, BaseException):
        raise outcomes
    return list(outcomes)


def _table_rows(names: list[str]) -> dict[str, int]:
    datasets = [dataset for name, dataset in load_catalogue(read_settings().datasets).items() if name in names]
    found = read_status(open_warehouse(), datasets)
    return {status.dataset: status.rows or 0 for status in found}


def fail_once(folder: Path) -> str | None:
    """Run a dataset whose portal block sends no token; returns the Slack message, or None when none came."""
    click.echo("\n5. A run that fails: the portal block sends no token")
    contracts = folder / "contracts"
    contracts.mkdir(exist_ok=True)
    (contracts / f"{BROKEN_DATASET}.py").write_text(
        _BROKEN_CONTRACT.format(name=BROKEN_DATASET, portal=BROKEN_PORTAL), encoding="utf-8"
    )
    PortalBlock(base_url=os.environ["ESTEIRA_PORTAL_URL"], allow_private_hosts=True).save(BROKEN_PORTAL, overwrite=True)
    os.environ["ESTEIRA_DATASETS"] = str(contracts)
    try:
        error = ingest_one(BROKEN_DATASET, Request((BROKEN_DATASET,), as_of=FIRST_DAY))
    finally:
        del os.environ["ESTEIRA_DATASETS"]
    click.echo(f"The run ended with: {error}")
    message = _wait_for_slack(BROKEN_DATASET)
    click.echo(f"Slack received:\n{_indent(message)}" if message else "Slack received nothing.")
    return message


def _wait_for_slack(word: str) -> str | None:
    address = os.environ["ESTEIRA_SLACK_URL"].removesuffix("/slack") + "/messages"
    deadline = time.monotonic() + SLACK_WAIT_SECONDS
    while time.monotonic() < deadline:
        with closing(urllib.request.urlopen(address)) as answer:  # noqa: S310 - our own catcher on 127.0.0.1
            found = [text for text in _texts(json.load(answer)) if word in text]
        if found:
            return found[-1]
        time.sleep(0.2)
    return None


def _texts(messages: list[Any]) -> list[str]:
    """The text of each message that the catcher kept."""
    return [str(message["body"]["text"]) for message in messages]


def check(rounds: list[Round], slack: str | None) -> list[str]:
    """What was not as promised, a sentence each."""
    first, second, third = rounds
    problems = [
        f"{outcome.dataset} failed in round {number}"
        for number, each in enumerate(rounds, 1)
        for outcome in each.outcomes
        if outcome.report is None
    ]
    if second.rows != first.rows:
        problems.append(f"the second run changed the tables: {first.rows} → {second.rows}")
    grown = {name: third.rows[name] - count for name, count in first.rows.items() if third.rows[name] != count}
    if grown != {"flights": NEW_FLIGHTS}:
        problems.append(f"the third run changed other rows than the {NEW_FLIGHTS} new flights: {grown}")
    if slack is None:
        problems.append("the failure reached no Slack")
    return problems


def write_report(path: Path, rounds: list[Round], office: OfficeRound, slack: str | None, seconds: float) -> None:
    """The same facts for machines: per dataset the terms of the ledger's equation."""
    facts = {"seconds": round(seconds, 1), "rounds": [_round_facts(each) for each in rounds]}
    facts |= {"office": office_facts(office), "slack": slack}
    path.write_text(json.dumps(facts, indent=2, default=str) + "\n", encoding="utf-8")


def _round_facts(each: Round) -> dict[str, Any]:
    datasets = {
        outcome.dataset: {
            "table_rows": each.rows.get(outcome.dataset),
            "peak_memory_bytes": outcome.report.peak_memory_bytes,
            "batches": [batch_facts(batch) for batch in outcome.report.batches],
        }
        for outcome in each.outcomes
        if outcome.report
    }
    return {"title": each.title, "seconds": round(each.seconds, 1), "datasets": datasets}


def _indent(text: str) -> str:
    return "\n".join(f"  │ {line}" for line in text.splitlines())
