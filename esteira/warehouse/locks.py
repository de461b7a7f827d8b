"""Waiting with a bound: for the dataset's lock, and before it for the tables that a load shapes.

Whoever waits too long looks who is in the way. Our own orphan is ended: its session and the start of it were noted by a try of a load
(`attempts`), and it is idle, or it belongs to this very load. Anybody else is named in the error and left alone. Ending the wrong one
could not break exactly-once, since a transaction that is ended is rolled back and its load asks the ledger again; it would be rude.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from esteira.errors import WarehouseBusy
from esteira.warehouse import attempts
from esteira.warehouse.attempts import Attempt
from esteira.warehouse.config import WarehouseConfig
from esteira.warehouse.connection import Session
from esteira.warehouse.driver_errors import is_timeout
from esteira.warehouse.holders import Holder, find_holders
from esteira.warehouse.statements import LOCK_SCHEMA, table_name

Tables = Sequence[tuple[str, str]]
LAST_LOOK_SECONDS = 1.0
logger = logging.getLogger(__name__)


@contextmanager
def locked_transaction(session: Session, attempt: Attempt, config: WarehouseConfig) -> Iterator[None]:
    """A transaction whose first statement took the dataset's lock: the first read would fix the snapshot before we hold it.

    Raises:
        WarehouseBusy: Somebody else kept the lock for longer than a statement may wait; names the holder.
    """
    deadline = time.monotonic() + config.statement_timeout_seconds
    has_lock = False
    while True:
        session.limit_statements(min(config.lock_wait_seconds, max(deadline - time.monotonic(), LAST_LOOK_SECONDS)))
        try:
            with session.transaction():
                session.run(f"LOCK {table_name(LOCK_SCHEMA, attempt.dataset)}")
                has_lock = True
                session.limit_statements(config.statement_timeout_seconds)
                yield
                return
        except WarehouseBusy as exc:
            if has_lock or not is_timeout(exc):
                raise
            _clear(session, attempt, [(LOCK_SCHEMA, attempt.dataset)], config, may_wait=time.monotonic() < deadline)


@contextmanager
def bounded_shaping(session: Session, attempt: Attempt, tables: Tables, config: WarehouseConfig) -> Iterator[None]:
    """Statements inside, which shape the tables, wait for readers and writers only so long.

    Raises:
        WarehouseBusy: Somebody kept a table for longer, such as a reader with an idle transaction; names the holder.
    """
    session.limit_statements(min(config.ddl_wait_seconds, config.statement_timeout_seconds))
    try:
        yield
    except WarehouseBusy as exc:
        if not is_timeout(exc):
            raise
        _clear(session, attempt, tables, config, may_wait=False)
        raise WarehouseBusy(f"An orphan of an earlier load kept a table of {attempt.dataset}; it was ended.") from exc
    session.limit_statements(config.statement_timeout_seconds)


def _clear(session: Session, attempt: Attempt, tables: Tables, config: WarehouseConfig, *, may_wait: bool) -> None:
    """End our orphans among the holders; when there is none and no time is left, say who it is.

    Raises:
        WarehouseBusy: It is not ours to end.
    """
    holders = find_holders(session, tables)
    orphans = [holder for holder in holders if _is_orphan(session, holder, attempt, config.lock_wait_seconds)]
    for orphan in orphans:
        logger.warning("%s: %s; it is an orphan of ours and is ended", attempt.dataset, orphan.describe())
        attempts.end_session(session, orphan.pid)
    if not orphans and not may_wait:
        raise _busy(holders, tables)


def _is_orphan(session: Session, holder: Holder, attempt: Attempt, idle_seconds: float) -> bool:
    if holder.session_started is None:
        return False
    load = attempts.load_of(session, holder.pid, holder.session_started)
    if load is None:
        return False
    return load == attempt.load or (holder.idle_seconds is not None and holder.idle_seconds >= idle_seconds)


def _busy(holders: Sequence[Holder], tables: Tables) -> WarehouseBusy:
    if not holders:
        names = ", ".join(".".join(table) for table in tables)
        return WarehouseBusy(
            f"A session that our database user may not see holds one of {names}.",
            hint="Have an administrator ask `SELECT * FROM svv_transactions WHERE granted` and end it with SELECT pg_terminate_backend(<pid>).",
        )
    ends = " ".join(f"SELECT pg_terminate_backend({holder.pid});" for holder in holders)
    return WarehouseBusy(
        f"Nothing was loaded: {'; '.join(holder.describe() for holder in holders)}.",
        hint=f"Have it end its transaction, or run as its user or an administrator: {ends} Then run the same command again.",
    )
