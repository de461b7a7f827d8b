"""Who holds what a load waits for, as far as this database user may see it.

A regular user sees its own sessions only (https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TRANSACTIONS.html), unless an
administrator has said ALTER USER ... SYSLOG ACCESS UNRESTRICTED.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from esteira.errors import AuthError, LoadError
from esteira.warehouse.connection import Session


@dataclass(frozen=True, slots=True)
class Holder:
    """A session that holds a lock.

    Attributes:
        pid: Its number.
        user: Database user.
        since: Beginning of its transaction, by the warehouse's clock.
        table: Schema and name of what it holds.
        session_started: Beginning of the session; None when it cannot be seen.
        idle_seconds: Since its last statement ended; None while one runs.
    """

    pid: int
    user: str
    since: datetime
    table: str
    session_started: datetime | None
    idle_seconds: float | None

    def describe(self) -> str:
        """The holder, for a person."""
        doing = "running a statement" if self.idle_seconds is None else f"idle for {self.idle_seconds:.0f} s"
        return f"session {self.pid} of user {self.user}, in a transaction since {self.since:%Y-%m-%d %H:%M:%S}Z and {doing}, holds {self.table}"


def find_holders(session: Session, tables: Sequence[tuple[str, str]]) -> list[Holder]:
    """The other sessions that hold a lock on one of the tables, oldest transaction first; empty when none can be seen.

    Args:
        session: Asks in a transaction of its own.
        tables: Schema and name of each.
    """
    try:
        return [_holder(session, *row) for row in _locks(session, tables)]
    except (LoadError, AuthError):
        return []  # whoever waits must not fail because it may not look


def _locks(session: Session, tables: Sequence[tuple[str, str]]) -> list[tuple[int, str, datetime, str]]:
    """One row for each session."""
    named = " OR ".join(["(n.nspname = %s AND c.relname = %s)"] * len(tables))
    rows = session.rows(
        "SELECT t.pid, t.txn_owner, t.txn_start, n.nspname, c.relname, t.granted FROM svv_transactions t "
        f"JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {named} ORDER BY t.txn_start",
        [name for table in tables for name in table],
    )
    found: dict[int, tuple[int, str, datetime, str]] = {}
    for pid, user, since, schema, name, granted in rows:
        if pid != session.pid and str(granted).lower() in {"true", "t"}:
            found.setdefault(int(pid), (int(pid), str(user).strip(), since, f"{schema}.{name}"))
    return list(found.values())


def _holder(session: Session, pid: int, user: str, since: datetime, table: str) -> Holder:
    started = session.rows("SELECT starttime FROM stv_sessions WHERE process = %s", (pid,))
    return Holder(pid, user, since, table, started[0][0] if started else None, _idle_seconds(session, pid, since))


def _idle_seconds(session: Session, pid: int, since: datetime) -> float | None:
    """By the warehouse's clock. Without a recent statement, since the transaction began; durations are in microseconds."""
    recent = session.rows("SELECT status, starttime, duration FROM stv_recents WHERE pid = %s", (pid,))
    if any(str(status).strip() == "Running" for status, _, _ in recent):
        return None
    ends = [begin + timedelta(microseconds=max(int(duration), 0)) for _, begin, duration in recent]
    (now,) = session.rows("SELECT GETDATE()")[0]
    idle: timedelta = now - max([since, *ends])
    return max(idle.total_seconds(), 0.0)
