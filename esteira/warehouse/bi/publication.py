"""What stands in `bi` against what should: one query when nothing changed, one transaction under a lock when something did.

What was published is remembered in `esteira.publication`, a row for each definition with its hash and the names of its views.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from esteira.contract import Group
from esteira.errors import ConfigError
from esteira.warehouse import ledger_tables
from esteira.warehouse.bi.definitions import (
    BI_SCHEMA,
    DICTIONARY,
    DICTIONARY_COLUMNS,
    DICTIONARY_NAME,
    Definition,
    grants,
)
from esteira.warehouse.bi.freshness import FACTS, FRESHNESS_NAME, HISTORY_NAME, SNAPSHOT_TABLE, history_of
from esteira.warehouse.config import WarehouseConfig
from esteira.warehouse.connection import Session
from esteira.warehouse.ledger_tables import VIEW_SCHEMA, ledger_table
from esteira.warehouse.own_table import OwnColumn, definition
from esteira.warehouse.statements import LOCK_SCHEMA, table_name

PUBLICATION = f'"{VIEW_SCHEMA}"."publication"'
PUBLICATION_LOCK = f'"{LOCK_SCHEMA}"."_bi"'
"""Held by whoever changes a view; no dataset's name begins with `_`."""
SHAPE = {
    "name": OwnColumn("VARCHAR(127) NOT NULL", "Of a definition: a dataset or a group."),
    "hash": OwnColumn("VARCHAR(64) NOT NULL", "Of what it was made from; another one makes it anew."),
    "views": OwnColumn("VARCHAR(65535) NOT NULL", "JSON: the views that it made, to take away when it goes."),
    "part": OwnColumn("VARCHAR(65535) NOT NULL", "Its part of `bi.freshness`; empty where it has none."),
    "published_at": OwnColumn("TIMESTAMPTZ NOT NULL", "When, by the warehouse's clock."),
}
"""What stands in the schemas bi, so that only what changed is made anew."""
_SNAPSHOT_TYPES = {
    "last_batch": "VARCHAR(128)", "window_end": "TIMESTAMPTZ", "data_as_of": "TIMESTAMPTZ", "loaded_at": "TIMESTAMPTZ",
}  # fmt: skip
_SNAPSHOT_SHAPE = ", ".join(
    [
        "group_name VARCHAR(63) NOT NULL", "snapshot_id BIGINT NOT NULL", "dataset VARCHAR(63) NOT NULL", "sequence BIGINT NOT NULL",
        *(f"{name} {_SNAPSHOT_TYPES.get(name, 'BIGINT')}" for name in FACTS),
        "run VARCHAR(256) NOT NULL", "published_at TIMESTAMPTZ NOT NULL",
    ]
)  # fmt: skip
_CHANGES = "state IN ('committed', 'undone')"
"""Only these entries change a table's rows."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What one query tells.

    Attributes:
        hashes: Hash by the name of each definition that stands.
        numbers: Dataset to the number of its ledger's last entry that changed rows; only of those that were asked for.
        shown: Group and dataset to the number that the group's last snapshot shows.
    """

    hashes: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    shown: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def is_shown(self, group: Group) -> bool:
        """Whether the group's last snapshot shows what its members' ledgers say."""
        return all(self.shown.get((group.name, name)) == self.numbers.get(name, 0) for name in group.of)


def read_standing(session: Session, datasets: Collection[str]) -> Standing:
    """One query for everything.

    Args:
        session: Any.
        datasets: Whose ledgers' numbers are wanted; each must have one.

    Raises:
        LoadError: One has none, or nothing was ever published here.
    """
    asked = [
        f"SELECT 'hash' AS kind, name, hash AS text, CAST(0 AS BIGINT) AS number FROM {PUBLICATION}",
        f"SELECT 'shown', group_name || '.' || dataset, '', MAX(sequence) FROM {SNAPSHOT_TABLE} GROUP BY group_name, dataset",
        *(
            f"SELECT 'number', '{name}', '', COALESCE(MAX(sequence), 0) FROM {ledger_table(name)} WHERE {_CHANGES}"
            for name in datasets
        ),
    ]
    rows = session.rows(" UNION ALL ".join(asked))
    hashes = {str(name): str(text) for kind, name, text, _ in rows if kind == "hash"}
    numbers = {str(name): int(number) for kind, name, _, number in rows if kind == "number"}
    shown = {tuple(str(name).split(".")): int(number) for kind, name, _, number in rows if kind == "shown"}
    return Standing(hashes, numbers, {(group, name): number for (group, name), number in shown.items()})


def prepare(session: Session) -> None:
    """Make what publishing itself needs; idempotent, outside any transaction."""
    for schema in (VIEW_SCHEMA, LOCK_SCHEMA, BI_SCHEMA):
        session.run(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    dictionary = ", ".join(f"{name} {kind}" for name, kind in DICTIONARY_COLUMNS.items())
    session.run(f"CREATE TABLE IF NOT EXISTS {PUBLICATION} ({definition(SHAPE)})")
    session.run(f"CREATE TABLE IF NOT EXISTS {SNAPSHOT_TABLE} ({_SNAPSHOT_SHAPE})")
    session.run(f"CREATE TABLE IF NOT EXISTS {DICTIONARY} ({dictionary})")
    session.run(f"CREATE TABLE IF NOT EXISTS {PUBLICATION_LOCK} (held BOOLEAN)")


def is_prepared(session: Session) -> bool:
    """Whether anything was ever published in this warehouse."""
    query = "SELECT COUNT(*) FROM svv_tables WHERE table_schema = %s AND table_name = 'publication'"
    return session.count(query, (VIEW_SCHEMA,)) > 0


def loaded(session: Session, datasets: Collection[str]) -> list[str]:
    """Those of the datasets that have a ledger in the shape that is read here."""
    versions = ledger_tables.versions(session)
    return [name for name in datasets if versions.get(name) == ledger_tables.VERSION]


def put(session: Session, definitions: Sequence[Definition], config: WarehouseConfig) -> list[str]:
    """Make anew what differs, and the freshness with it, in one transaction; returns the names of what it made.

    Raises:
        ConfigError: A view would have the name of another dataset's.
        LoadError: A view of somebody's own is bound to one that must go.
        WarehouseBusy: Readers kept a view for too long.
    """
    for schema in sorted({view.split(".")[0] for each in definitions for view in each.views}):
        session.run(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    session.limit_statements(min(config.ddl_wait_seconds, config.statement_timeout_seconds))
    with session.transaction():
        session.run(f"LOCK {PUBLICATION_LOCK}")
        stand = _stand(session)
        changed = [each for each in definitions if each.name not in stand or stand[each.name][0] != each.hash]
        for each in changed:
            _refuse_taken(each, stand)
            _replace(session, each, stand[each.name][1] if each.name in stand else [])
        if changed:
            _make_freshness(session, config)
    return [each.name for each in changed]


def take_away(session: Session, dataset: str, config: WarehouseConfig) -> None:
    """Drop what was published of a dataset, and of groups what shows it, in the transaction of whoever drops or renames it."""
    if not is_prepared(session):
        return
    session.run(f"LOCK {PUBLICATION_LOCK}")
    stand = _stand(session)
    groups = {name.split(".")[0] for name in stand if name.endswith(f".{dataset}")}
    for name in stand.keys() & {
        dataset,
        *(f"{group}.{dataset}" for group in groups),
        *(f"{group}." for group in groups),
    }:
        _drop(session, name, stand[name][1])
    session.run(f"DELETE FROM {DICTIONARY} WHERE dataset = %s", (dataset,))
    session.run(f"DELETE FROM {SNAPSHOT_TABLE} WHERE dataset = %s", (dataset,))
    _make_freshness(session, config)


def views(session: Session) -> frozenset[str]:
    """Schema and name of each view that is published, without quotes."""
    if not is_prepared(session):
        return frozenset()
    return frozenset(view.replace('"', "") for _, listed in _stand(session).values() for view in listed)


def _stand(session: Session) -> dict[str, tuple[str, list[str]]]:
    """Name to hash and views of what is published."""
    found = session.rows(f"SELECT name, hash, views FROM {PUBLICATION}")
    return {str(name): (str(hashed), json.loads(listed)) for name, hashed, listed in found}


def _refuse_taken(definition: Definition, stand: Mapping[str, tuple[str, list[str]]]) -> None:
    """Contracts of other folders may be in the same warehouse."""
    for name, (_, listed) in stand.items():
        if name != definition.name and (both := sorted(set(listed) & set(definition.views))):
            raise ConfigError(
                f"The view {both[0]} of {definition.name} would have the name of one of {name}.",
                hint=f'Give {definition.name} another title={{"en": "...", "pt": "..."}}, or retire {name}.',
            )


def _make_freshness(session: Session, config: WarehouseConfig) -> None:
    """The views over all that is published, by whatever contracts."""
    found = session.rows(f"SELECT name, part FROM {PUBLICATION} WHERE part <> '' ORDER BY name")
    datasets = [str(name) for name, _ in found if "." not in name]
    made = {FRESHNESS_NAME: [str(part) for _, part in found], HISTORY_NAME: [history_of(name) for name in datasets]}
    for name, parts in made.items():
        view = table_name(BI_SCHEMA, name)
        session.run(f"DROP VIEW IF EXISTS {view}")
        if parts:
            session.run(f"CREATE VIEW {view} AS {' UNION ALL '.join(parts)} WITH NO SCHEMA BINDING")
    for name in (*(name for name, parts in made.items() if parts), DICTIONARY_NAME):
        for statement in grants(BI_SCHEMA, name, config.bi_groups):
            session.run(statement)


def _replace(session: Session, each: Definition, before: Sequence[str]) -> None:
    _drop(session, each.name, dict.fromkeys([*before, *each.views]))
    for statement in each.statements:
        session.run(statement)
    if each.rows:
        marks = ", ".join(["%s"] * len(DICTIONARY_COLUMNS))
        session.run(f"DELETE FROM {DICTIONARY} WHERE dataset = %s", (each.name,))
        values = ", ".join([f"({marks})"] * len(each.rows))
        session.run(f"INSERT INTO {DICTIONARY} VALUES {values}", [value for row in each.rows for value in row])
    facts = (each.name, each.hash, json.dumps(each.views), each.part)
    session.run(f"INSERT INTO {PUBLICATION} VALUES (%s, %s, %s, %s, GETDATE())", facts)


def _drop(session: Session, name: str, views: Collection[str]) -> None:
    for view in views:
        session.run(f"DROP VIEW IF EXISTS {view}")
    session.run(f"DELETE FROM {PUBLICATION} WHERE name = %s", (name,))
