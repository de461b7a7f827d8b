"""After a run: the groups that it completed are copied, and what should stand in `bi` is made where it differs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from esteira.contract import Dataset, Group
from esteira.errors import ConfigError, LoadError
from esteira.warehouse.bi import publication, snapshots
from esteira.warehouse.bi.definitions import Definition, copy_definition, dataset_definition, group_definition
from esteira.warehouse.bi.publication import Standing
from esteira.warehouse.connection import Session, Warehouse
from esteira.warehouse.live import live_columns


@dataclass(frozen=True, slots=True)
class Contracts:
    """All contracts of a stage by name, and their groups."""

    catalogue: Mapping[str, Dataset]
    groups: Sequence[Group] = ()

    def around(self, datasets: Collection[str]) -> list[Group]:
        """The groups that one of the datasets belongs to."""
        return [group for group in self.groups if not set(group.of).isdisjoint(datasets)]

    def members(self, group: Group) -> list[Dataset]:
        """A group's contracts."""
        return [self.catalogue[name] for name in group.of]


@dataclass(frozen=True, slots=True)
class Run:
    """Who publishes, and of which moment."""

    as_of: datetime
    name: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """What a run changed.

    Attributes:
        made: Names of the definitions that were made anew.
        copied: Groups of which a new snapshot is shown.
        waiting: Group to its members of which something is due; it shows the snapshot before.
    """

    made: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()
    waiting: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def publish(warehouse: Warehouse, datasets: Collection[str], contracts: Contracts, run: Run) -> Published:
    """Bring `bi` up to date after a run of these datasets; nothing but one query when nothing changed.

    Args:
        warehouse: Where.
        datasets: Whose run it was; those without a ledger are left out.
        contracts: All of the stage.
        run: The run.

    Raises:
        ConfigError: A database group that may read does not exist.
        LoadError: A view of somebody's own is bound to one that must go, or a copy cannot take the contract's shape.
        WarehouseBusy: Readers kept a view, or a copy, for too long.
    """
    with warehouse.session("esteira publish") as session:
        standing, known = _look(session, datasets, contracts)
        groups = [group for group in contracts.around(known) if set(group.of) <= standing.numbers.keys()]
        copied, waiting = [], {}
        for group in groups:
            if standing.is_shown(group):
                continue
            members = contracts.members(group)
            if late := snapshots.behind(session, members, run.as_of):
                waiting[group.name] = tuple(late)
            elif snapshots.copy(session, group, members, standing, warehouse.config, run.name):
                copied.append(group.name)
        if copied:
            standing = publication.read_standing(session, standing.numbers)
        made = _put(session, _wanted(standing, known, contracts, warehouse), standing, warehouse)
        return Published(tuple(made), tuple(copied), waiting)


def _look(session: Session, datasets: Collection[str], contracts: Contracts) -> tuple[Standing, list[str]]:
    """What stands, and which of the datasets have a ledger. The first query asks for all; only where that fails it is asked what there is."""
    asked = dict.fromkeys([*datasets, *(name for group in contracts.around(datasets) for name in group.of)])
    try:
        return publication.read_standing(session, asked), list(datasets)
    except LoadError:
        publication.prepare(session)
        there = publication.loaded(session, asked)
        return publication.read_standing(session, there), [name for name in datasets if name in there]


def _wanted(
    standing: Standing, datasets: Sequence[str], contracts: Contracts, warehouse: Warehouse
) -> list[Definition]:
    """What should stand of the datasets, and of their groups that have a snapshot of these members."""
    schema, readers = warehouse.config.schema, warehouse.config.bi_groups
    own = [contracts.catalogue[name] for name in datasets if not contracts.catalogue[name].retired]
    wanted = [dataset_definition(each, schema, readers) for each in own]
    for group in contracts.around(datasets):
        if all((group.name, name) in standing.shown for name in group.of):
            members = contracts.members(group)
            wanted += [
                group_definition(group, members),
                *(copy_definition(group.name, each, readers) for each in members),
            ]
    return wanted


def _put(session: Session, wanted: Sequence[Definition], standing: Standing, warehouse: Warehouse) -> list[str]:
    changed = [each for each in wanted if standing.hashes.get(each.name) != each.hash]
    if not changed:
        return []
    for group in warehouse.config.bi_groups:
        _require_group(session, group)
    return publication.put(session, [each for each in changed if _is_ready(session, each)], warehouse.config)


def _is_ready(session: Session, definition: Definition) -> bool:
    """Whether its table has the contract's columns: a new one comes with the next load, and the view then."""
    return definition.source is None or definition.columns <= live_columns(session, *definition.source).keys()


def _require_group(session: Session, group: str) -> None:
    if not session.count("SELECT COUNT(*) FROM pg_group WHERE groname = %s", (group,)):
        raise ConfigError(
            f"The warehouse has no group {group}, which ESTEIRA_BI_GROUP or ESTEIRA_READER_GROUP names.",
            hint=f'Run CREATE GROUP "{group}" as an administrator, or leave the setting out.',
        )
