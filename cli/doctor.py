"""`esteira doctor`: can this place run? Each check asks the real thing, leaves nothing behind, and says what to do when it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import click

from cli import machine_checkup
from cli.checkup import Checkup
from cli.inbox_checkup import InboxCheckup
from cli.output import DEFECT, dump, table
from esteira.errors import EsteiraError

RUNBOOK = "docs/operations/runbook.md"
_LAKE = ("block of the lake", "aws identity")
"""What each question about the lake rests on."""
State = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What came out of one check.

    Attributes:
        check: Its name.
        state: ok, failed, or skipped because a check before it failed.
        found: What was found.
        next_step: What to do.
        runbook: The section to read.
        seconds: How long it took.
        exit_code: Of a failure.
    """

    check: str
    state: State
    found: str
    next_step: str = ""
    runbook: str = ""
    seconds: float = 0.0
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """One question.

    Attributes:
        name: For people.
        ask: Returns what it found, or raises.
        needs: Checks without which it cannot be asked.
    """

    name: str
    ask: Callable[[], str]
    needs: tuple[str, ...] = ()


def run_doctor(names: Sequence[str], *, as_json: bool) -> int:
    """Ask everything; returns the exit code: that of the first failure."""
    findings = []
    for finding in examine(checks(names)):
        findings.append(finding)
        if not as_json:
            click.echo(_line(finding))
    failed = [finding for finding in findings if finding.state == "failed"]
    if as_json:
        click.echo(dump(findings))
    else:
        click.echo(_verdict(findings))
    return failed[0].exit_code if failed else 0


def examine(questions: Sequence[Check]) -> Iterator[Finding]:
    """Ask one after the other."""
    states: dict[str, State] = {}
    for check in questions:
        lacking = [name for name in check.needs if states.get(name) != "ok"]
        finding = Finding(check.name, "skipped", f"needs {', '.join(lacking)}") if lacking else _asked(check)
        states[check.name] = finding.state
        yield finding


def checks(names: Sequence[str]) -> list[Check]:
    """The questions, in the order in which one rests on another."""
    up = Checkup(tuple(names))
    return [
        Check("python", machine_checkup.python),
        Check("locked packages", machine_checkup.packages),
        Check("disk", machine_checkup.disk),
        Check("settings", up.settings),
        Check("contracts", up.contracts),
        Check("prefect", up.prefect),
        Check("alerts", up.alerts, ("prefect",)),
        Check("block of the lake", up.lake_block, ("prefect",)),
        Check("aws identity", up.identity),
        *(Check(f"lake {zone}/", partial(up.zone, zone), _LAKE) for zone in ("raw", "curated", "quarantine")),
        *(_of_drops(up.drops) if up.takes_drops() else ()),
        Check("clock against S3", up.s3_clock, ("lake raw/",)),
        Check("block of the warehouse", up.warehouse_block, ("prefect", "aws identity")),
        Check("warehouse login", up.warehouse_login, ("block of the warehouse",)),
        Check("warehouse grants", up.warehouse_grants, ("warehouse login",)),
        Check("COPY role", up.copy_role, ("warehouse login", "block of the lake")),
        *(check for name in up.portals() for check in _of_portal(up, name)),
    ]


def _of_drops(drops: InboxCheckup) -> list[Check]:
    return [
        Check("contracts of drops", drops.drop_contracts, ("contracts",)),
        Check("inbox", drops.inbox, _LAKE),
        Check("inbox-rejected", drops.rejected, _LAKE),
        Check("dropping", drops.drop, (*_LAKE, "settings")),
    ]


def _of_portal(up: Checkup, name: str) -> list[Check]:
    return [
        Check(f"block of portal {name}", partial(up.portal_block, name), ("prefect",)),
        Check(f"portal {name}", partial(up.portal, name), (f"block of portal {name}", "aws identity")),
        Check(f"clock against portal {name}", partial(up.portal_clock, name), (f"portal {name}",)),
    ]


def _asked(check: Check) -> Finding:
    began = time.monotonic()
    try:
        found = check.ask()
    except EsteiraError as exc:
        runbook = f"{RUNBOOK}#{exc.runbook}"
        return Finding(check.name, "failed", exc.message, exc.hint, runbook, time.monotonic() - began, exc.exit_code)
    except Exception as exc:  # noqa: BLE001 - a doctor that dies of one check says nothing of the others
        message, step = f"{type(exc).__name__}: {exc}", "This is a defect of Esteira: report it with the text above."
        return Finding(check.name, "failed", message, step, RUNBOOK, time.monotonic() - began, DEFECT)
    return Finding(check.name, "ok", found, seconds=time.monotonic() - began)


def _line(finding: Finding) -> str:
    mark = {"ok": "ok     ", "failed": "FAILED ", "skipped": "skipped"}[finding.state]
    line = f"{mark}  {finding.check}: {finding.found}"
    return (
        f"{line}\n         Next step: {finding.next_step}\n         Runbook: {finding.runbook}"
        if finding.next_step
        else line
    )


def _verdict(findings: Sequence[Finding]) -> str:
    counts = {state: sum(finding.state == state for finding in findings) for state in ("ok", "failed", "skipped")}
    return "\n" + table(("checks", *counts), [(len(findings), *counts.values())])
