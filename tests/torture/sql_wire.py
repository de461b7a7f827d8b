"""The wire between a loader and Redshift, message by message through TLS, which a director may cut at any write."""

from __future__ import annotations

import os
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from tests.torture.director import Director

SSL_REQUEST = struct.pack("!II", 8, 80877103)
_READS = re.compile(r"\s*(?:SELECT|SET|SHOW|BEGIN|START|ROLLBACK)\b", re.IGNORECASE)
"""Statements that change nothing durable; a ROLLBACK is what happens anyway."""
_REFUSAL = b"SERROR\0VERROR\0CXX000\0Mrefused by the trial\0\0"


class SqlWire:
    """Decrypts, and forwards one exchange at a time: the driver sends nothing before it has the answer.

    Args:
        director_now: Who decides; asked at each write.
        port: Of the warehouse.
        tls: Folder with the warehouse's certificate and its authority.
    """

    def __init__(self, director_now: Callable[[], Director], port: int, tls: Path) -> None:
        self._director_now, self._target = director_now, port
        self._unheard: list[int] = []
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(tls / "server.pem", tls / "server.key")
        self._client = ssl.create_default_context(cafile=str(tls / "ca.pem"))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for descriptor in self._unheard:
            os.close(descriptor)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, EOFError), client, socket.create_connection(("127.0.0.1", self._target)) as target:
            for near in (client, target):
                near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.recv(len(SSL_REQUEST))
            client.sendall(b"S")
            target.sendall(SSL_REQUEST)
            target.recv(1)
            with (
                self._server.wrap_socket(client, server_side=True) as near_tls,
                self._client.wrap_socket(target, server_hostname="localhost") as far_tls,
            ):
                _Exchange(self._director_now, near_tls, far_tls, self._unheard.append).run()


class _Exchange:
    """One connection: start-up, then request and answer in turn."""

    def __init__(
        self,
        director_now: Callable[[], Director],
        near: ssl.SSLSocket,
        far: ssl.SSLSocket,
        keep_open: Callable[[int], None],
    ) -> None:
        self._director_now, self._near, self._far, self._keep_open = director_now, near, far, keep_open
        self._statements: dict[bytes, str] = {}

    def run(self) -> None:
        start = _exactly(self._near, 4)
        self._far.sendall(start + _exactly(self._near, struct.unpack("!I", start)[0] - 4))
        self._start_up()
        while True:
            request, statement = self._read_request()
            if not self._answer(request, statement):
                return

    def _start_up(self) -> None:
        """Authentication, step by step, until the server is ready."""
        for kind, message in _messages(self._far):
            self._near.sendall(message)
            if kind == b"Z":
                return
            if kind == b"R" and struct.unpack("!I", message[5:9])[0] != 0:
                self._far.sendall(next(_messages(self._near))[1])

    def _read_request(self) -> tuple[bytes, str | None]:
        """Everything up to a Sync or a simple Query, and the statement it executes."""
        request, executed = b"", None
        for kind, message in _messages(self._near):
            request += message
            if kind == b"P":
                name, text, _ = message[5:].split(b"\0", 2)
                self._statements[name] = text.decode()
            elif kind == b"B":
                executed = self._statements.get(message[5:].split(b"\0", 2)[1])
            elif kind == b"Q":
                executed = message[5:-1].decode()
            elif kind == b"X":
                self._far.sendall(request)
                raise EOFError
            if kind in {b"S", b"Q"}:
                break
        return request, executed

    def _answer(self, request: bytes, statement: str | None) -> bool:
        director = self._director_now()
        is_write = statement is not None and not _READS.match(statement)
        kind = director.strike(" ".join((statement or "").split())[:60]) if is_write else None
        if kind == "kill before":
            director.kill()
            return False
        if kind == "unheard":
            self._keep_open(self._far.detach())
            return False
        if kind == "refused":
            return self._refuse()
        if kind == "kill meanwhile":
            director.kill()
        self._far.sendall(request)
        answer = b"".join(self._read_answer())
        if kind == "kill after":
            director.kill()
        if kind is not None:
            return False
        self._near.sendall(answer)
        return True

    def _read_answer(self) -> Iterator[bytes]:
        for kind, message in _messages(self._far):
            yield message
            if kind == b"Z":
                return

    def _refuse(self) -> bool:
        """An error as the server would word it; the server hears a rollback, for the driver will not send one it trusts."""
        self._near.sendall(b"E" + struct.pack("!I", len(_REFUSAL) + 4) + _REFUSAL + b"Z" + struct.pack("!I", 5) + b"E")
        return True


def _messages(peer: ssl.SSLSocket) -> Iterator[tuple[bytes, bytes]]:
    while True:
        head = _exactly(peer, 5)
        yield head[:1], head + _exactly(peer, struct.unpack("!I", head[1:])[0] - 4)


def _exactly(peer: ssl.SSLSocket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        chunk = peer.recv(size - len(content))
        if not chunk:
            raise EOFError
        content += chunk
    return content
