"""Refreshes of BI assets: a row for each attempt, written before the tool is asked and brought up to date after; and how the datasets stand.

`esteira.refresh` is for analysts too: which batches an asset shows, since when, and why it shows no newer ones. It is no ledger of a
dataset, so it does not stand beside those.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal

from esteira.warehouse import ledger, ledger_tables
from esteira.warehouse.connection import Session
from esteira.warehouse.ledger_entry import State as LedgerState
from esteira.warehouse.own_table import OwnColumn, definition
from esteira.warehouse.statements import LOCK_SCHEMA

TABLE = f'"{ledger_tables.VIEW_SCHEMA}"."refresh"'
LOCK = f'"{LOCK_SCHEMA}"."_refresh"'
"""No dataset's name begins with `_`."""
SHAPE = {
    "asset": OwnColumn("VARCHAR(63) NOT NULL", "Name of the dashboard, model or dataset of a BI tool."),
    "sequence": OwnColumn("BIGINT NOT NULL", "Order of the asset's rows, counting from 1."),
    "attempt": OwnColumn("VARCHAR(128) NOT NULL", "Id of the attempt, which the tool is told where it takes one."),
    "shows": OwnColumn(
        "VARCHAR(65535) NOT NULL",
        "JSON: by dataset its newest ledger row, the newest that changed the table, and its batch.",
    ),
    "tool": OwnColumn("VARCHAR(64) NOT NULL", "Which kind of refresher."),
    "state": OwnColumn(
        "VARCHAR(16) NOT NULL",
        "`starting`, `running`, `following` (somebody else began it), `done`, `failed`, `cancelled`, `refused`, `unknown`, `followed` (somebody else's, over).",
    ),
    "tool_id": OwnColumn("VARCHAR(2048) NOT NULL", "The tool's own id of the refresh."),
    "reason": OwnColumn("VARCHAR(4096) NOT NULL", "The tool's words about what went wrong."),
    "run": OwnColumn("VARCHAR(256) NOT NULL", "Name of the run that wrote it last."),
    "holder": OwnColumn("VARCHAR(64) NOT NULL", "Who follows it now; empty when nobody does."),
    "started_at": OwnColumn("TIMESTAMPTZ NOT NULL", "When it began, by the warehouse's clock."),
    "touched_at": OwnColumn("TIMESTAMPTZ NOT NULL", "When its follower was last heard of."),
    "retry_at": OwnColumn("TIMESTAMPTZ", "Not asked again before."),
    "ended_at": OwnColumn("TIMESTAMPTZ", "When it was over; null while it is under way."),
}
"""A row for each attempt at a refresh."""
_KEPT_SHORT = {"tool_id": 2048, "reason": 1000, "run": 250}
"""Characters; of a text in any language the column has room for four bytes each, but for ids, which are ASCII."""
NEWS_ENTRIES = 100
"""Newest changes among which the first one is looked for that no refresh has shown: more are older than any span that is waited."""
State = Literal["starting", "running", "following", "done", "failed", "cancelled", "refused", "unknown", "followed"]
NEVER = datetime.min.replace(tzinfo=UTC)
OPEN = frozenset({"starting", "running", "following"})
_CHANGES: tuple[LedgerState, ...] = ("committed", "undone")
_NEWS: tuple[LedgerState, ...] = (*_CHANGES, "unchanged")


@dataclass(frozen=True, slots=True)
class Shown:
    """Of one dataset, what an attempt shows: its newest ledger row, the newest that changed the table, and that one's batch."""

    sequence: int
    changed: int
    batch: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row.

    Attributes:
        asset, attempt: Whose, and its key.
        shows: By dataset.
        tool: Which kind of refresher.
        state: `starting`: the tool is being asked; `running`; `following`: one that somebody else began; `done`; `failed`, `cancelled` at the
            tool; `refused`: the tool took nothing; `unknown`: the tool does not say; `followed`: somebody else's, which is over.
        tool_id, reason: The tool's.
        run: Name of the run that wrote it last.
        holder: Who follows it now; empty when nobody does.
        started_at, touched_at, ended_at: The warehouse's clock.
        retry_at: Not asked again before.
        sequence: Order of the asset's rows, counting from 1; the clock tells whole seconds.
    """

    asset: str
    attempt: str
    shows: Mapping[str, Shown]
    tool: str
    state: State = "starting"
    tool_id: str = ""
    reason: str = ""
    run: str = ""
    holder: str = ""
    started_at: datetime = NEVER
    touched_at: datetime = NEVER
    retry_at: datetime | None = None
    ended_at: datetime | None = None
    sequence: int = 0

    @property
    def is_open(self) -> bool:
        """Whether the tool may still be at it."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class News:
    """How one dataset stands.

    Attributes:
        dataset: Its name.
        shown: What would be shown now; None when nothing was ever loaded.
        changes: When each of the newest changes was committed, by its ledger row's number.
        watermark: End of the last window.
    """

    dataset: str
    shown: Shown | None = None
    changes: Mapping[int, datetime] = field(default_factory=dict)
    watermark: datetime | None = None


_READ = tuple(each.name for each in fields(Attempt))


def ensure_refreshes(session: Session) -> None:
    """Make the table and its lock; idempotent."""
    for schema in (ledger_tables.VIEW_SCHEMA, LOCK_SCHEMA):
        session.run(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    session.run(f"CREATE TABLE IF NOT EXISTS {TABLE} ({definition(SHAPE)})")
    session.run(f"CREATE TABLE IF NOT EXISTS {LOCK} (held BOOLEAN)")


def has_refreshes(session: Session) -> bool:
    """Whether any asset was ever refreshed here; asks and makes nothing."""
    query = "SELECT COUNT(*) FROM svv_tables WHERE table_schema = %s AND table_name = 'refresh'"
    return session.count(query, (ledger_tables.VIEW_SCHEMA,)) > 0


@contextmanager
def deciding(session: Session) -> Iterator[datetime]:
    """A transaction in which one run at a time decides and writes; gives the warehouse's time."""
    with session.transaction():
        session.run(f"LOCK {LOCK}")
        yield now(session)


def now(session: Session) -> datetime:
    """The warehouse's clock, which all rows are stamped by."""
    found: datetime = session.rows("SELECT CAST(GETDATE() AS TIMESTAMPTZ)")[0][0]
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def read_attempts(session: Session, asset: str) -> list[Attempt]:
    """All attempts of an asset, the newest first. The table must exist."""
    query = f"SELECT {', '.join(_READ)} FROM {TABLE} WHERE asset = %s ORDER BY sequence DESC"
    return [_attempt(row) for row in session.rows(query, (asset,))]


def write_attempt(session: Session, attempt: Attempt) -> None:
    """A new row, inside a transaction that holds the lock; the warehouse numbers it."""
    following = f"SELECT COALESCE(MAX(sequence), 0) + 1 FROM {TABLE} WHERE asset = %s"
    values = _values(attempt) | {"sequence": session.count(following, (attempt.asset,))}
    marks = ", ".join(["%s"] * len(values))
    session.run(f"INSERT INTO {TABLE} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))


def update_attempt(session: Session, attempt: Attempt, holder: str) -> bool:
    """Bring a row up to date; False when another run holds it by now, and nothing is changed."""
    values = {name: value for name, value in _values(attempt).items() if name != "sequence"}
    sets = ", ".join(f"{name} = %s" for name in values)
    where = "asset = %s AND attempt = %s AND holder = %s"
    parameters = (*values.values(), attempt.asset, attempt.attempt, holder)
    session.run(f"UPDATE {TABLE} SET {sets} WHERE {where}", parameters)
    left = f"SELECT COUNT(*) FROM {TABLE} WHERE {where}"
    return session.count(left, (attempt.asset, attempt.attempt, attempt.holder)) > 0


def read_news(session: Session, datasets: Iterable[str]) -> dict[str, News]:
    """How datasets stand, by name."""
    return {name: _news(session, name) for name in datasets}


def _news(session: Session, dataset: str) -> News:
    changes = ledger.read_newest(session, dataset, _CHANGES, NEWS_ENTRIES)
    watermark = ledger.read_standing(session, dataset).watermark
    if not changes:
        return News(dataset, watermark=watermark)
    (newest,) = ledger.read_newest(session, dataset, _NEWS, 1)
    shown = Shown(newest.sequence, changes[0].sequence, changes[0].batch_id)
    return News(dataset, shown, {each.sequence: each.committed_at for each in changes if each.committed_at}, watermark)


def _values(attempt: Attempt) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(attempt, name) for name in _READ}
    shows = {name: [each.sequence, each.changed, each.batch] for name, each in sorted(attempt.shows.items())}
    short = {name: values[name][:most] for name, most in _KEPT_SHORT.items()}
    return values | short | {"shows": json.dumps(shows)}


def _attempt(row: Iterable[Any]) -> Attempt:
    values = dict(zip(_READ, row, strict=True))
    shows = {
        name: Shown(int(each[0]), int(each[1]), str(each[2])) for name, each in json.loads(values["shows"]).items()
    }
    return Attempt(**(values | {"shows": shows}))
