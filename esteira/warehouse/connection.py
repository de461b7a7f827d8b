"""Connections to Redshift and the translation of its errors."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import redshift_connector
from redshift_connector.error import Error as DriverError
from redshift_connector.error import InterfaceError, OperationalError

from esteira.errors import AuthError, ConfigError, EsteiraError, LoadError, WarehouseBusy

_CONFLICT = re.compile(
    r"\b1023\b|conflict with concurrent transaction|could not open relation with OID|cancelled on user's request"
    r"|already exists|tuple concurrently updated",
    re.IGNORECASE,
)
"""Redshift sends these as XX000 like many other errors, so only the message tells that a new try may pass.

"Already exists" comes from two first loads that make the same schema or table at once: IF NOT EXISTS does not lock."""
_CONFLICT_CODES = frozenset({"40001", "40P01", "23505"})
"""Serialisation failure, deadlock, and a unique violation: keys are not enforced, so that one can only be the catalogue's own,
when two first loads make the same table at once."""
_PRESIGNED = re.compile(r"\?[^\s'\"]*X-Amz-[^\s'\"]*")


@dataclass(frozen=True, slots=True)
class WarehouseConfig:
    """Where the warehouse is; names its secret, does not hold it.

    Attributes:
        host, port, database: The endpoint.
        secret: Name of the secret with `username` and `password`.
        copy_role_arn: Role that COPY reads the lake with.
        schema: Schema of the datasets' tables.
        statement_timeout_seconds: Bound of one statement, waiting for locks included.
    """

    host: str
    port: int
    database: str
    secret: str
    copy_role_arn: str
    schema: str = "dw"
    statement_timeout_seconds: int = 900


@dataclass(frozen=True, slots=True)
class Credentials:
    """Read from the secret inside the step that needs them."""

    user: str
    password: str = field(repr=False)


class Session:
    """One connection. Every error leaves it as one of ours."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.pid = int(self.rows("SELECT pg_backend_pid()")[0][0])

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Execute a statement; returns the driver's row count (-1 when it tells none)."""
        with _translated(), self._connection.cursor() as cursor:
            cursor.execute(statement, tuple(parameters))
            return int(cursor.rowcount)

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute a query and fetch all of its (few) rows."""
        with _translated(), self._connection.cursor() as cursor:
            cursor.execute(query, tuple(parameters))
            return [tuple(row) for row in cursor.fetchall()]

    def count(self, query: str, parameters: Sequence[Any] = ()) -> int:
        """The single number that a query answers."""
        return int(self.rows(query, parameters)[0][0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Statements inside are one transaction. Leaving it commits; an exception rolls back.

        The driver sends BEGIN before the first statement, so the first statement of the block is the first after BEGIN.
        """
        self._connection.autocommit = False
        try:
            yield
            with _translated():
                self._connection.commit()
        except BaseException:
            with suppress(DriverError, OSError):
                self._connection.rollback()
            raise
        finally:
            with suppress(DriverError, OSError):
                self._connection.autocommit = True

    def close(self) -> None:
        """Close; a connection that is already gone is closed."""
        with suppress(DriverError, OSError):
            self._connection.close()


class Warehouse:
    """Opens sessions on one warehouse."""

    def __init__(self, config: WarehouseConfig, credentials: Credentials) -> None:
        self.config = config
        self._credentials = credentials

    @contextmanager
    def session(self, label: str = "esteira") -> Iterator[Session]:
        """A session in autocommit mode, closed afterwards.

        Args:
            label: Query group that operators see beside the statements.

        Raises:
            AuthError: The warehouse refuses the user.
            WarehouseBusy: It does not answer.
        """
        session = Session(self._connect())
        try:
            session.run(f"SET statement_timeout TO {self.config.statement_timeout_seconds * 1000}")
            session.run(f"SET query_group TO '{_LABEL.sub('-', label)}'")
            yield session
        finally:
            session.close()

    def _connect(self) -> Any:
        config = self.config
        try:
            connection = redshift_connector.connect(
                host=config.host, port=config.port, database=config.database, ssl=True, sslmode="verify-full",
                user=self._credentials.user, password=self._credentials.password, timeout=config.statement_timeout_seconds,
            )  # fmt: skip
        except (DriverError, OSError) as exc:
            raise _connect_error(exc, config) from exc
        connection.autocommit = True
        return connection


def _connect_error(exc: Exception, config: WarehouseConfig) -> EsteiraError:
    where = f"{config.host}:{config.port}/{config.database}"
    text = str(exc)
    if "28000" in text or "28P01" in text or "password" in text.lower():
        return AuthError(f"The warehouse at {where} refuses the user of secret {config.secret}.")
    if "certificate" in text.lower():
        return ConfigError(
            f"The certificate of the warehouse at {where} is not trusted.",
            hint="Point SSL_CERT_FILE at the right CA bundle.",
        )
    return WarehouseBusy(
        f"The warehouse at {where} does not answer: {type(exc).__name__}.",
        hint="Check that it is running and reachable from here.",
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (DriverError, OSError) as exc:
        raise _statement_error(exc) from exc


def _statement_error(exc: Exception) -> EsteiraError:
    details = exc.args[0] if exc.args and isinstance(exc.args[0], dict) else {}
    message = _PRESIGNED.sub("?…", str(details.get("M") or exc))
    if details.get("C") in _CONFLICT_CODES or _CONFLICT.search(message):
        return WarehouseBusy(f"The transaction met another one: {message}.")
    if isinstance(exc, InterfaceError | OperationalError | OSError | socket.timeout) and not details:
        return WarehouseBusy(f"The connection to the warehouse broke ({type(exc).__name__}).")
    if details.get("C") == "42501":
        return AuthError(f"The warehouse denies it: {message}.", hint="Grant the named privilege to the loading user.")
    return LoadError(f"The warehouse refuses the statement: {_with_detail(message, details)}.")


def _with_detail(message: str, details: dict[str, Any]) -> str:
    detail = _PRESIGNED.sub("?…", str(details.get("D", ""))).strip()
    return f"{message.strip().rstrip('.')} ({detail})" if detail else message.strip().rstrip(".")


_LABEL = re.compile(r"[^A-Za-z0-9 _.:>-]")
