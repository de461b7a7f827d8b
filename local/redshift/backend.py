"""One connection to PostgreSQL by its Unix socket, and the few exchanges the gateway starts itself."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from local.redshift.errors import GatewayError, ServerError, Setting
from local.redshift.wire import (
    CANCEL_REQUEST,
    READ_BYTES,
    MessageBuffer,
    cstring,
    message,
    read_description,
    read_row,
    startup,
)

CONNECT_TIMEOUT_SECONDS = 10.0
WATCH_SECONDS = 0.5
ROWS_BETWEEN_LOOKS = 10_000


@dataclass
class Result:
    """What a statement of the gateway's own brought back."""

    tags: list[str] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    columns: list[tuple[str, int, int]] = field(default_factory=list)


class Backend:
    """A PostgreSQL session. `status` is the last transaction status: b'I', b'T' or b'E'."""

    def __init__(self, path: str, parameters: dict[str, str]) -> None:
        self.status = b"I"
        self.setting = Setting()
        self.user, self.database = parameters["user"], parameters.get("database", parameters["user"])
        self.secret = b""
        self.greeting: list[tuple[bytes, bytes]] = []
        self.buffer = MessageBuffer()
        self.while_waiting: Callable[[], None] = lambda: None  # may raise, when nobody wants the answer any more
        self._path = path
        self.sock = _connect(path)
        self.sock.sendall(startup(parameters))
        self._finish_startup()

    @property
    def pid(self) -> int:
        """PostgreSQL's number of the session: what the client's BackendKeyData and pg_backend_pid() say."""
        return self.setting.pid

    def close(self) -> None:
        """End the session; PostgreSQL rolls back what is open."""
        with contextlib.suppress(OSError):
            self.sock.sendall(message(b"X"))
        self.sock.close()

    def cancel(self) -> None:
        """Interrupt whatever the session is doing or waiting for."""
        send_cancel(self._path, struct.pack("!I", self.pid) + self.secret)

    def receive(self) -> tuple[bytes, bytes]:
        """Return the next message.

        Raises:
            EOFError: PostgreSQL closed the session.
        """
        while (found := self.buffer.take()) is None:
            while not self._has_spoken(WATCH_SECONDS):
                self.while_waiting()
            data = self.sock.recv(READ_BYTES)
            if not data:
                raise EOFError
            self.buffer.feed(data)
        return found

    def run(self, sql: str) -> Result:
        """Run statements by the simple protocol.

        Raises:
            ServerError: PostgreSQL refused one.
        """
        self.sock.sendall(message(b"Q", sql.encode() + b"\0"))
        return self._collect()

    def read_isolation(self) -> None:
        """Learn the database's isolation level, which decides locks and the wording of conflicts."""
        self.setting.is_serializable = self.run("SHOW default_transaction_isolation").rows[0][0] == "serializable"

    def copy_in(self, sql: str, chunks: Iterable[bytes]) -> Result:
        """Run COPY FROM STDIN with `chunks`; an exception among them fails the COPY inside PostgreSQL too.

        Raises:
            ServerError: PostgreSQL refused the COPY or a row.
        """
        self.sock.sendall(message(b"Q", sql.encode() + b"\0"))
        self._await_copy()
        try:
            for chunk in chunks:
                self.sock.sendall(message(b"d", chunk))
                self._raise_early_error()
        except ServerError:
            raise
        except BaseException as exc:
            self.sock.sendall(message(b"f", f"{type(exc).__name__}\0".encode()))
            self._drain()
            raise
        self.sock.sendall(message(b"c"))
        return self._collect()

    def copy_out(self, sql: str) -> Iterator[bytes]:
        """Run COPY TO STDOUT and yield its rows as they come; an early end cancels it.

        Raises:
            ServerError: PostgreSQL refused the COPY or failed in it.
        """
        self.sock.sendall(message(b"Q", sql.encode() + b"\0"))
        is_open, error, rows = True, b"", 0
        try:
            while is_open:
                kind, body = self.receive()
                if kind == b"d":
                    yield body
                    rows += 1
                    if rows % ROWS_BETWEEN_LOOKS == 0:
                        self.while_waiting()
                elif kind == b"E":
                    error = body
                elif kind == b"Z":
                    self.status, is_open = body, False
        finally:
            if is_open:
                self.cancel()
                self._drain()
        if error:
            raise ServerError(error, self.setting)

    def describe(self, sql: str) -> list[tuple[str, int, int]]:
        """Name, type number and type modifier of a query's columns, without running it.

        Raises:
            ServerError: PostgreSQL does not understand the query.
        """
        parse = message(b"P", b"esteira_describe\0" + sql.encode() + b"\0" + struct.pack("!H", 0))
        forget = message(b"C", b"Sesteira_describe\0")
        self.sock.sendall(forget + parse + message(b"D", b"Sesteira_describe\0") + forget + message(b"S"))
        return self._collect().columns

    def abort_transaction(self) -> None:
        """Put an open transaction into the failed state, as an error of the server's own would."""
        if self.status == b"T":
            with contextlib.suppress(ServerError):
                self.run("DO $$BEGIN RAISE EXCEPTION 'refused by the gateway'; END$$")

    def _await_copy(self) -> None:
        while (found := self.receive())[0] != b"G":
            if found[0] == b"E":
                self._drain()
                raise ServerError(found[1], self.setting)

    def _raise_early_error(self) -> None:
        """Stop sending a COPY that has failed already; a notice in between changes nothing."""
        while self._has_spoken(0):
            kind, body = self.receive()
            if kind == b"E":
                self._drain()
                raise ServerError(body, self.setting)

    def _has_spoken(self, seconds: float) -> bool:
        return len(self.buffer) > 0 or bool(select.select([self.sock], [], [], seconds)[0])

    def _collect(self) -> Result:
        result, error = Result(), b""
        while True:
            kind, body = self.receive()
            if kind == b"D":
                result.rows.append(read_row(body))
            elif kind == b"T":
                result.columns = read_description(body)
            elif kind == b"C":
                result.tags.append(cstring(body)[0])
            elif kind == b"E":
                error = body
            elif kind == b"Z":
                self.status = body
                break
        if error:
            raise ServerError(error, self.setting)
        return result

    def _drain(self) -> None:
        with contextlib.suppress(ServerError):
            self._collect()

    def _finish_startup(self) -> None:
        while True:
            kind, body = self.receive()
            if kind == b"E":
                self.sock.close()
                raise ServerError(body, self.setting)
            if kind == b"Z":
                self.status = body
                return
            if kind == b"K":
                (self.setting.pid,) = struct.unpack_from("!I", body)
                self.secret = body[4:]
            if kind in {b"K", b"S", b"N"}:
                self.greeting.append((kind, body))


def send_cancel(path: str, key: bytes) -> None:
    """Ask PostgreSQL to cancel the session whose pid and secret are in `key`."""
    with contextlib.suppress(OSError, GatewayError), contextlib.closing(_connect(path)) as sock:
        body = struct.pack("!I", CANCEL_REQUEST) + key
        sock.sendall(struct.pack("!I", len(body) + 4) + body)
        sock.recv(1)  # returns when PostgreSQL has handled it


def _connect(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(CONNECT_TIMEOUT_SECONDS)
        sock.connect(path)
        sock.settimeout(None)
    except OSError as exc:
        sock.close()
        raise GatewayError(f"the local PostgreSQL does not answer: {exc}", sqlstate="08006", severity="FATAL") from exc
    return sock
