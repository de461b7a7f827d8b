"""What the gateway does in a session of its own, as superuser: notes that outlive a rollback, questions a failed transaction cannot ask."""

from __future__ import annotations

import contextlib
import logging
from datetime import UTC, datetime

from local.postgres import SUPERUSER, Postgres
from local.redshift.backend import Backend
from local.redshift.errors import GatewayError, ScanError
from local.redshift.plans import quote_text

COLUMNS = (
    "user_id, transaction_id, session_id, database_name, table_id, start_time, file_name, line_number, column_name, column_type, "
    "column_length, position, error_code, error_message"
)
log = logging.getLogger(__name__)


class Recorder:
    """Opens a short session per call: its callers are rare."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    def record_load_error(self, backend: Backend, table: str, started_at: datetime, error: ScanError) -> None:
        """Add the row of a failed COPY to sys_load_error_detail; the rollback of the COPY does not take it back."""
        values = (
            backend.pid, backend.database, started_at.astimezone(UTC).replace(tzinfo=None).isoformat(), error.file, error.column,
            error.column_type, error.column_length, error.code, error.context[:512],
        )  # fmt: skip
        pid, database, started, file, column, kind, length, code, text = (quote_text(str(value)) for value in values)
        user = f"(SELECT oid::bigint::integer FROM pg_roles WHERE rolname = {quote_text(backend.user)})"
        found = f"to_regclass({quote_text(table)})::oid::bigint::integer"
        row = f"{user}, NULL, {pid}, {database}, {found}, {started}, {file}, NULL, {column}, {kind}, {length}, NULL, {code}, {text}"
        self._ask(backend.database, f"INSERT INTO esteira_gateway.load_error ({COLUMNS}) SELECT {row}")

    def table_id(self, database: str, table: str) -> int:
        """The number of a table, 0 when it is not known here (a temporary one, or made by the failed transaction)."""
        rows = self._ask(database, f"SELECT coalesce(to_regclass({quote_text(table)})::oid, 0)")
        return int(rows[0][0] or 0) if rows else 0

    def password_hash(self, user: str) -> str:
        """What PostgreSQL keeps of the password of a user made by CREATE USER: md5 of password and name, or nothing."""
        rows = self._ask(
            "postgres", f"SELECT rolpassword FROM pg_authid WHERE rolcanlogin AND rolname = {quote_text(user)}"
        )
        return (rows[0][0] or "") if rows else ""

    def _ask(self, database: str, sql: str) -> list[list[str | None]]:
        try:
            with contextlib.closing(
                Backend(self._postgres.socket_path, {"user": SUPERUSER, "database": database})
            ) as own:
                return own.run(sql).rows
        except (GatewayError, OSError, EOFError) as exc:
            log.warning("the gateway's own session failed: %s", exc)
            return []
