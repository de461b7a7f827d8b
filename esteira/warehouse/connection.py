"""Connections to Redshift: how a session is opened, labelled and bounded, and what a transaction is."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import redshift_connector
from redshift_connector.error import Error as DriverError

from esteira.aws import aws_session
from esteira.errors import ConfigError, EsteiraError, WarehouseBusy
from esteira.warehouse.config import Credentials, WarehouseConfig
from esteira.warehouse.driver_errors import CONNECT_ERRORS, connect_error, translated

SOCKET_GRACE_SECONDS = 15
"""The socket waits this much longer than a statement may take, so that the warehouse's own words arrive first."""
_LABEL = re.compile(r"[^A-Za-z0-9 _.:>-]")
_LABEL_LENGTH = 250
"""Of application_name; query_group takes 320: https://docs.aws.amazon.com/redshift/latest/dg/r_query_group.html"""
logger = logging.getLogger(__name__)


class Session:
    """One connection. Every error leaves it as one of ours.

    Attributes:
        pid: Its number in the warehouse.
        is_interrupted: Whether this process was told to stop while a statement ran. The statement may run still, and its answer is
            on the way: nothing more can be said here, and `Warehouse.session` ends it from outside.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.is_interrupted = False
        self.pid = int(self.rows("SELECT pg_backend_pid()")[0][0])

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Execute a statement; returns the driver's row count (-1 when it tells none)."""
        with self._talking(), self._connection.cursor() as cursor:
            cursor.execute(statement, tuple(parameters))
            return int(cursor.rowcount)

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute a query and fetch all of its (few) rows."""
        with self._talking(), self._connection.cursor() as cursor:
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
            with self._talking():
                self._connection.commit()
        except BaseException:
            with suppress(EsteiraError), self._talking():
                self._connection.rollback()
            raise
        finally:
            with suppress(DriverError, OSError):
                self._connection.autocommit = True

    def limit_statements(self, seconds: float) -> None:
        """End every later statement that runs, or waits for a lock, for longer; 0 would mean no limit.

        https://docs.aws.amazon.com/redshift/latest/dg/r_statement_timeout.html
        """
        self.run(f"SET statement_timeout TO {max(round(seconds * 1000), 1)}")

    def close(self) -> None:
        """Close; a connection that is already gone is closed."""
        with suppress(DriverError, OSError):
            self._connection.close()

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Around each exchange with the warehouse; what stops this process meanwhile (a signal) is no error of the driver."""
        if self.is_interrupted:
            raise WarehouseBusy("The run was stopped in the middle of a statement; this connection takes no other.")
        try:
            with translated():
                yield
        except Exception:
            raise
        except BaseException:
            self.is_interrupted = True
            raise


class Warehouse:
    """Opens sessions on one warehouse.

    Args:
        config: Where it is.
        credentials: User and password from the secret; None when the login is by IAM.
    """

    def __init__(self, config: WarehouseConfig, credentials: Credentials | None = None) -> None:
        if (credentials is None) != config.is_iam:
            raise ConfigError(
                f"The warehouse at {config.where} is logged in to {'by IAM and takes no password' if config.is_iam else 'by a secret'}.",
                hint="Read the secret that the configuration names, and only that.",
            )
        self.config = config
        self._credentials = credentials

    def patient(self, seconds: int) -> Warehouse:
        """The same warehouse with another bound of one statement."""
        return Warehouse(replace(self.config, statement_timeout_seconds=seconds), self._credentials)

    @contextmanager
    def session(self, label: str = "esteira") -> Iterator[Session]:
        """A session in autocommit mode, closed afterwards.

        Args:
            label: What operators see beside the session and its statements (application name and query group).

        Raises:
            AuthError: The warehouse refuses the user, or AWS our role.
            ConfigError: There is no such workgroup, cluster or database, or its certificate is not trusted.
            WarehouseBusy: It does not answer.
        """
        shown = _LABEL.sub("-", label)[:_LABEL_LENGTH]
        session = Session(self._connect(shown))
        try:
            session.limit_statements(self.config.statement_timeout_seconds)
            session.run(f"SET query_group TO '{shown}'")
            yield session
        finally:
            if session.is_interrupted:
                self._end(session.pid)
            session.close()

    def _end(self, pid: int) -> None:
        """End a session of ours whose statement nobody waits for any more: closing the connection alone would let it run, and keep its locks.

        https://docs.aws.amazon.com/redshift/latest/dg/PG_TERMINATE_BACKEND.html: a user may end sessions of its own.
        """
        try:
            with self.session("esteira cancel") as other:
                other.rows(f"SELECT pg_terminate_backend({pid:d})")
        except EsteiraError as exc:
            logger.warning("The statement of session %s could not be cancelled, and may run to its end: %s", pid, exc)
        else:
            logger.warning(
                "The run was stopped while a statement ran: it is cancelled, and nothing of its transaction stays"
            )

    def _connect(self, label: str) -> Any:
        config = self.config
        try:
            connection = redshift_connector.connect(
                host=config.host, port=config.port, database=config.database, ssl=True, sslmode="verify-full",
                timeout=config.statement_timeout_seconds + SOCKET_GRACE_SECONDS, application_name=label, **self._login(),
            )  # fmt: skip
        except CONNECT_ERRORS as exc:
            raise connect_error(exc, config) from exc
        connection.autocommit = True
        return connection

    def _login(self) -> dict[str, Any]:
        """By IAM the driver asks AWS for a password of minutes: GetCredentials for Serverless, GetClusterCredentialsWithIAM else."""
        if self._credentials is not None:
            return {"user": self._credentials.user, "password": self._credentials.password}
        aws = {"iam": True, "region": aws_session().region_name}
        if self.config.workgroup:
            return aws | {"is_serverless": True, "serverless_work_group": self.config.workgroup}
        return aws | {"cluster_identifier": self.config.cluster, "group_federation": True}
