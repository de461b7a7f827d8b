"""Which sessions are ours: each try of a load is noted before its transaction begins, so that a successor can prove an orphan its own.

A client that vanished without a word may hold its transaction, and the dataset's lock, for hours. Rows are written and removed by
statements of their own (autocommit), never in the load's transaction: a note must outlive the transaction that hangs, and block nobody.
A row whose session is gone means nothing; old ones are removed by whoever comes next.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from esteira.errors import AuthError, EsteiraError, LoadError
from esteira.warehouse.connection import Session
from esteira.warehouse.own_table import OwnColumn, definition

SCHEMA, TABLE = "esteira", '"esteira"."attempt"'
KEPT_DAYS = 2
"""No session lives longer than its client by days; a note is removed when its load ends, or after this."""
SHAPE = {
    "dataset": OwnColumn("VARCHAR(63) NOT NULL", "What is loaded."),
    "batch_id": OwnColumn("VARCHAR(128) NOT NULL", "Which batch of it."),
    "load": OwnColumn("VARCHAR(16) NOT NULL", "Random id of the call of the loader; its tries share it."),
    "run": OwnColumn("VARCHAR(256) NOT NULL", "Name of the run."),
    "pid": OwnColumn("INTEGER NOT NULL", "The session's backend, for `pg_terminate_backend`."),
    "session_started": OwnColumn("TIMESTAMP NOT NULL", "When that session began (UTC): a pid is given again."),
    "recorded_at": OwnColumn("TIMESTAMP NOT NULL", "When the note was written (UTC, the warehouse's clock)."),
}
"""Sessions of loads that are under way, so that a successor can end those that hang; a row goes when its load ends."""
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Attempt:
    """One call of the loader; its tries share the `load` id, each has a session of its own.

    Attributes:
        dataset, batch: What is loaded.
        run: Name of the run.
        load: Random id of the call.
        tries: Sessions so far.
    """

    dataset: str
    batch: str
    run: str = ""
    load: str = field(default_factory=lambda: secrets.token_hex(8))
    tries: int = 0


@contextmanager
def recorded(session: Session, attempt: Attempt) -> Iterator[None]:
    """Note this session as one of ours while inside; from the second try on, end what is left of the earlier ones."""
    is_noted = _write(session, attempt)
    attempt.tries += 1
    if is_noted and attempt.tries > 1:
        end_earlier(session, attempt)
    try:
        yield
    finally:
        if is_noted:
            _forget(session, attempt)


def load_of(session: Session, pid: int, started: datetime) -> str | None:
    """The load whose try this session is; None when it is not provably ours: a number alone may have been given again."""
    try:
        found = session.rows(f"SELECT load, session_started FROM {TABLE} WHERE pid = %s", (pid,))
    except LoadError:
        return None  # no load has ever noted anything
    return next((str(load) for load, noted in found if noted == started), None)


def end_earlier(session: Session, attempt: Attempt) -> None:
    """End the sessions of earlier tries of the same load: their client, which is this process, has given them up."""
    noted = session.rows(
        f"SELECT pid, session_started FROM {TABLE} WHERE load = %s AND pid <> %s", (attempt.load, session.pid)
    )
    alive = dict(session.rows("SELECT process, starttime FROM stv_sessions"))
    for pid, started in noted:
        if alive.get(pid) == started:
            logger.info("%s: ending session %s of an earlier try of this load", attempt.dataset, pid)
            end_session(session, pid)


def end_session(session: Session, pid: int) -> None:
    """End a session and roll back its transaction: https://docs.aws.amazon.com/redshift/latest/dg/PG_TERMINATE_BACKEND.html."""
    session.rows(f"SELECT pg_terminate_backend({pid:d})")


def _session_start(session: Session) -> datetime | None:
    """When this session began; None where the warehouse does not show it, as Serverless may not."""
    try:
        found = session.rows("SELECT starttime FROM stv_sessions WHERE process = %s", (session.pid,))
    except (LoadError, AuthError):
        return None
    return found[0][0] if found else None


def _write(session: Session, attempt: Attempt) -> bool:
    started = _session_start(session)
    if started is None:  # a load goes on without a note: should it leave an orphan, nobody can prove it ours
        logger.info("%s: this warehouse does not show its sessions, so this load is not noted", attempt.dataset)
        return False
    values = (attempt.dataset, attempt.batch, attempt.load, attempt.run[:256], session.pid, started, _now())
    statement = f"INSERT INTO {TABLE} VALUES (%s, %s, %s, %s, %s, %s, %s)"
    try:
        session.run(statement, values)
    except LoadError:  # the first load of this warehouse: nothing is asked for at every other one
        session.run(f'CREATE SCHEMA IF NOT EXISTS "{SCHEMA}"')
        session.run(f"CREATE TABLE IF NOT EXISTS {TABLE} ({definition(SHAPE)})")
        session.run(statement, values)
    return True


def _forget(session: Session, attempt: Attempt) -> None:
    """A note that stays is harmless, so failing to remove it fails nothing."""
    try:
        old = _now() - timedelta(days=KEPT_DAYS)
        session.run(
            f"DELETE FROM {TABLE} WHERE (load = %s AND pid = %s) OR recorded_at < %s", (attempt.load, session.pid, old)
        )
    except EsteiraError as exc:
        logger.debug("the note of session %s stays: %s", session.pid, exc)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
