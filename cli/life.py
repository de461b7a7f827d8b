"""`esteira pause`, `resume`, `retire` and `rename`: what they check, do and say."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from blocks import open_lake, open_warehouse
from cli.environment import require_prefect
from cli.output import dump
from esteira.catalogue import find_dataset, load_catalogue, load_groups
from esteira.contract import Dataset
from esteira.errors import ConfigError, EsteiraError
from esteira.observe.standing import put_hold, put_standing
from esteira.renaming import rename_everywhere, renamed_contract, require_nothing_open, require_same_source
from esteira.settings import read_settings
from esteira.warehouse import Warehouse
from esteira.warehouse.bi.publish import Contracts, Run, publish
from esteira.warehouse.life import Remains, orphans, remains, require_renamable, retire
from esteira.warehouse.reads import history
from esteira.warehouse.states import Act, pause, resume

DRY_RUN = "Dry run: nothing was changed. Say --apply to do it."
ZONES = ("raw", "curated", "quarantine")


@dataclass(frozen=True, slots=True)
class Request:
    """Why, and whether it is done or only told."""

    reason: str = ""
    is_applied: bool = False


def run_pause(name: str, reason: str) -> int:
    """Pause a dataset; returns the exit code."""
    dataset, warehouse = _contract(name), open_warehouse()
    pause(warehouse, dataset.name, _act(reason))
    put_hold(open_lake(), name, f"paused: {reason}")
    click.echo(f"{name} is paused: {reason}. `esteira resume {name}` lets it run again, from where it stands.")
    children = [each.name for each in _catalogue().values() if name in each.parents]
    if children:
        click.echo(f"{', '.join(children)} refer to it and go on, against the rows that it has.")
    return 0


def run_resume(name: str, reason: str) -> int:
    """Let a dataset run again; returns the exit code."""
    state = resume(open_warehouse(), _contract(name).name, _act(reason))
    put_hold(open_lake(), name, "" if state.event == "resumed" else str(state))
    again = f"{name} runs again, from where it stands."
    click.echo(again if state.event == "resumed" else f"{name} is {state}. Then `esteira resume {name}` again.")
    return 0


def run_retire(name: str, request: Request, *, keeps_table: bool, as_json: bool) -> int:
    """Retire a dataset, or say what that would do; returns the exit code."""
    require_prefect()
    _require_no_contract(name)
    warehouse = open_warehouse()
    found = remains(warehouse, name)
    if not found.tables:
        raise ConfigError(f"This warehouse holds nothing of {name}.", hint="`esteira status` lists what it holds.")
    if request.is_applied:
        retire(warehouse, name, _act(request.reason), drops_table=not keeps_table)
        put_hold(open_lake(), name, "retired")
    click.echo(dump(found) if as_json else "\n".join(_retirement(found, request, keeps_table=keeps_table)))
    return 0


def run_rename(old: str, new: str, request: Request) -> int:
    """Rename a dataset, or say what that would do; returns the exit code."""
    require_prefect()
    dataset = renamed_contract(_catalogue(), old, new)
    warehouse = open_warehouse()
    found = remains(warehouse, old)
    if found.state is not None and found.state.renamed_to == new:
        click.echo(f"{old} is {found.state}. Nothing is left to do.")
        return 0
    _require_renamable(warehouse, found, dataset)
    if request.is_applied:
        rename_everywhere(warehouse, open_lake(), (old, new), _act(request.reason))
        _pass_on(found, dataset)
        _show(warehouse, new)
    click.echo("\n".join(_renaming(found, new, request)))
    return 0


def _show(warehouse: Warehouse, dataset: str) -> None:
    """The views of the new name. The rename is done, and the next run of the dataset does this too."""
    folder = read_settings().datasets
    try:
        publish(warehouse, [dataset], Contracts(load_catalogue(folder), load_groups(folder)), Run(datetime.now(UTC)))
    except EsteiraError as exc:
        click.echo(f"Its views in bi are made by its next run: {exc}", err=True)


def _pass_on(old: Remains, dataset: Dataset) -> None:
    """The new name is as old as the old one was, and held where that was."""
    lake = open_lake()
    put_hold(lake, old.dataset, f"renamed to {dataset.name}")
    if old.state is not None:
        put_hold(lake, dataset.name, str(old.state))
    if old.watermark is not None:
        put_standing(lake, dataset, old.watermark)


def orphan_lines(found: Iterable[Remains]) -> list[str]:
    """What is in the warehouse without a contract, and what to do about it."""
    return [
        f"orphaned: {each.dataset} ({_figures(each)}) has no active contract. Put its contract back; or `esteira rename {each.dataset} NEW` if "
        f"it has a new name; or `esteira retire {each.dataset}`."
        for each in found
    ]


def find_orphans(warehouse: Warehouse) -> list[Remains]:
    """What the contracts of this folder do not account for; a name that a contract had before included."""
    return orphans(warehouse, [dataset.name for dataset in _catalogue().values() if not dataset.retired])


def _require_renamable(warehouse: Warehouse, found: Remains, dataset: Dataset) -> None:
    require_renamable(found, remains(warehouse, dataset.name))
    entries = history(warehouse, found.dataset)
    require_same_source(dataset, entries)
    require_nothing_open(dataset, found.dataset, {entry.batch_id for entry in entries}, open_lake())


def _require_no_contract(name: str) -> None:
    catalogue = _catalogue()
    if name in catalogue and not catalogue[name].retired:
        raise ConfigError(
            f"{name} still has an active contract, which would be loaded again.",
            dataset=name,
            hint=f"Remove datasets/{name}.py, or write retired=True in it. To stop it for a while, `esteira pause {name}`.",
        )
    children = [each.name for each in catalogue.values() if name in each.parents]
    if children:
        raise ConfigError(
            f"{', '.join(children)} refer to {name}.",
            dataset=name,
            hint="Take the references out of their contracts first.",
        )


def _retirement(found: Remains, request: Request, *, keeps_table: bool) -> list[str]:
    done = "is" if request.is_applied else "would be"
    dropped = ", ".join(".".join(table) for table in found.droppable)
    lines = [
        f"{found.dataset} ({_figures(found)}) {done} retired: no run loads it any more, in no runner.",
        f"The table {done} kept as it is." if keeps_table else f"Dropped in one transaction {done}: {dropped}.",
        f"The ledger stays: esteira_ledger.{found.dataset}, and its rows in esteira.batch.",
        f"The lake stays: {', '.join(f'{zone}/{found.dataset}/' for zone in ZONES)}. No rule removes what is sealed there; a person may.",
    ]
    if found.views and not keeps_table:
        lines.append(
            f"Views that name the table: {', '.join(found.views)}. A bound one forbids the drop, a late-binding one breaks."
        )
    return lines if request.is_applied else [*lines, DRY_RUN]


def _renaming(found: Remains, new: str, request: Request) -> list[str]:
    done = "is" if request.is_applied else "would be"
    places = ", ".join(".".join(table) for table in found.tables)
    lines = [
        f"{found.dataset} ({_figures(found)}) {done} renamed to {new}, in one transaction: {places}.",
        f"{new} goes on from {_moment(found)}; nothing is loaded again. What is sealed under {found.dataset}/ in the lake stays there and is found.",
        f"Reports that ask for the table by its old name break: change them to {new} now. Views that are bound to it follow by themselves.",
    ]
    if found.views:
        lines.append(f"Views that name it, as far as this user sees them: {', '.join(found.views)}.")
    return lines if request.is_applied else [*lines, DRY_RUN]


def _figures(found: Remains) -> str:
    rows = "no table" if found.rows is None else f"{found.rows:,} rows"
    return f"{rows}, {found.batches} batches, up to {_moment(found)}{f', {found.state}' if found.state else ''}"


def _moment(found: Remains) -> str:
    return f"{found.watermark:%Y-%m-%d %H:%MZ}" if found.watermark else "no window"


def _catalogue() -> dict[str, Dataset]:
    return load_catalogue(read_settings().datasets)


def _contract(name: str) -> Dataset:
    folder = read_settings().datasets
    require_prefect()
    return find_dataset(folder, name)


def _act(reason: str) -> Act:
    """Who: the user of this machine; a container may have none."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return Act(f"{user}@{socket.gethostname()}", reason)
