"""The wires between a loader, S3 and Redshift, with a director who may cut them at any write.

Everything the loader writes passes here, so every durable write of the commit protocol is a point where a trial can strike, also
those that nobody thought of naming.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.torture.director import Director
from tests.torture.s3_wire import s3_wire
from tests.torture.sql_wire import SqlWire


class Wires:
    """Both relays. `director` is exchanged between runs."""

    def __init__(self, s3_port: int, sql_port: int, tls: Path) -> None:
        self.director = Director()
        self._sql = SqlWire(lambda: self.director, sql_port, tls)
        self._s3 = s3_wire(lambda: self.director, s3_port)
        self.s3_port, self.sql_port = int(self._s3.server_port), self._sql.port

    def close(self) -> None:
        """Stop listening."""
        self._s3.shutdown()
        self._s3.server_close()
        self._sql.close()


@contextmanager
def wires(s3_port: int, sql_port: int, tls: Path) -> Iterator[Wires]:
    """Both relays, closed afterwards."""
    made = Wires(s3_port, sql_port, tls)
    try:
        yield made
    finally:
        made.close()
