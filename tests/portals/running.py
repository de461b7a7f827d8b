"""Servers of other people as processes of their own: started with a readiness check, bounded, stopped afterwards."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.ports import HOST, free_ports
from local.supervisor import Part, Supervisor, clean_environment, listens
from tests.portals import table

READY_SECONDS = 40.0


@dataclass(frozen=True)
class Server:
    """A running server and the files behind it."""

    url: str
    database: Path
    log: Path
    moment: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What SQL finds in its own database."""
        return table.rows_of(self.database)

    def execute(self, statement: str) -> None:
        """Change its table behind its back, as other clients of the database do."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(statement)

    def restore(self) -> None:
        """Its table as it was built."""
        self.execute("DELETE FROM readings")
        table.fill(self.database, self.moment)

    def settled(self) -> int:
        """How many requests it has answered, once no more come: who was killed may have some under way."""
        before = -1
        while (now := len(self.asked())) != before:
            before = now
            time.sleep(0.2)
        return now

    def asked(self) -> list[str]:
        """Its access log: a line for each request."""
        return [line for line in self.log.read_text(errors="replace").splitlines() if "HTTP/1.1" in line]


@contextmanager
def servers(folder: Path, moments: dict[str, str]) -> Iterator[dict[str, Server]]:
    """Start a server for each name, all at once.

    Args:
        folder: For their databases and logs.
        moments: Name to the format of moments in its database.
    """
    supervisor, made = Supervisor(folder), dict[str, Server]()
    ports = dict(zip(moments, free_ports(len(moments)), strict=True))
    try:
        for name, port in ports.items():
            database = folder / name / "table.db"
            database.parent.mkdir()
            table.build(database, moments[name])
            made[name] = Server(f"http://{HOST}:{port}", database, folder / f"{name}.log", moments[name])
            supervisor.start(_part(name, port, database))
        for name, port in ports.items():
            _wait(supervisor, name, port)
        yield made
    finally:
        supervisor.stop()


def _part(name: str, port: int, database: Path) -> Part:
    command = [sys.executable, "-m", f"tests.portals.{name}_server", "--port", str(port), "--database", str(database)]
    return Part(name, command, port, lambda: True, clean_environment())  # all of them start before one is waited for


def _wait(supervisor: Supervisor, name: str, port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not listens(port):
        failure = supervisor.ended()
        assert failure is None, failure
        assert time.monotonic() < deadline, f"{name} was not ready after {READY_SECONDS} s"
        time.sleep(0.05)
