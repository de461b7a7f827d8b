"""Bytes between one client and its PostgreSQL session: wait for either side, pass messages on, nothing accumulates."""

from __future__ import annotations

import selectors
import socket
import ssl
from collections.abc import Callable

from local.redshift.backend import Backend
from local.redshift.errors import translate
from local.redshift.wire import READ_BYTES, MessageBuffer, describe_super, message

MAX_PIPELINED_BYTES = 1 << 24
WATCHED = b"ECTZ123"
OWN_ANSWERS = {b"C", b"1", b"2", b"3"}
"""What statements that the gateway put in front of the client's are answered with; the client does not see these."""
CommitHook = Callable[[int], None]


class ClientGone(Exception):
    """The client closed its connection or died."""


class Relay:
    """Both streams of a session. `has_failed` tells whether the last `pump` passed an error on."""

    def __init__(
        self, client: ssl.SSLSocket | socket.socket, backend: Backend, on_commit_done: CommitHook | None
    ) -> None:
        self._client, self._backend, self._on_commit_done = client, backend, on_commit_done
        self._inbox = MessageBuffer()
        self.has_failed = False
        self._is_last, self._hidden = True, 0
        self._selector = selectors.DefaultSelector()
        self._selector.register(client, selectors.EVENT_READ)
        self._selector.register(backend.sock, selectors.EVENT_READ)
        backend.while_waiting = self.check_client

    def close(self) -> None:
        """Stop waiting; the sockets belong to others."""
        self._selector.close()

    def send(self, data: bytes) -> None:
        """Send to the client."""
        self._client.sendall(data)

    def next_message(self) -> tuple[bytes, bytes]:
        """Return the client's next message; whatever PostgreSQL says meanwhile is passed on."""
        while (found := self._inbox.take()) is None:
            self._wait(self._relay)
        return found

    def pump(self, *, is_last: bool = True, hidden: int = 0) -> None:
        """Stream PostgreSQL's answers to the client up to ReadyForQuery, which is passed on if `is_last`.

        The first `hidden` answers belong to statements of the gateway's own.
        """
        self.has_failed, self._is_last, self._hidden = False, is_last, hidden
        try:
            while not self._relay_ready():
                pass
        finally:
            self._is_last, self._hidden = True, 0

    def check_client(self) -> None:
        """Notice that the client has left, between two chunks of a load or while a statement of ours waits."""
        for key, _ in self._selector.select(0):
            if key.fileobj is self._client and len(self._inbox) < MAX_PIPELINED_BYTES:
                self._read_client()

    def _relay_ready(self) -> bool:
        finished: list[bool] = []
        self._wait(lambda: finished.append(self._relay()))
        return any(finished)

    def _wait(self, on_backend: Callable[[], object]) -> None:
        """Wait for either side; a client that leaves is noticed even while PostgreSQL works or waits for a lock."""
        if isinstance(self._client, ssl.SSLSocket) and self._client.pending():
            self._read_client()
            return
        for key, _ in self._selector.select():
            if key.fileobj is self._backend.sock:
                on_backend()
            elif len(self._inbox) < MAX_PIPELINED_BYTES:
                self._read_client()

    def _read_client(self) -> None:
        data = self._client.recv(READ_BYTES)
        if not data:
            raise ClientGone
        self._inbox.feed(data)

    def _relay(self) -> bool:
        """Move what PostgreSQL has sent to the client; True after ReadyForQuery."""
        data = self._backend.sock.recv(READ_BYTES)
        if not data:
            raise EOFError
        self._backend.buffer.feed(data)
        out, is_ready = [], False
        for kind, body in self._backend.buffer.runs(WATCHED):
            out.append(self._watch(kind, body) if kind else body)
            is_ready = is_ready or kind == b"Z"
        self.send(b"".join(out))
        return is_ready

    def _watch(self, kind: bytes, body: bytes) -> bytes:
        if self._hidden and kind in OWN_ANSWERS:
            self._hidden -= 1
            return b""
        if kind == b"E":
            self.has_failed, self._hidden = True, 0
            body = translate(body, self._backend.setting)
        elif kind == b"T":
            body = describe_super(body)
        elif kind == b"Z":
            self._backend.status = body
            if not self._is_last:
                return b""
        elif body == b"COMMIT\0" and self._on_commit_done is not None:
            self._on_commit_done(self._backend.pid)
        return message(kind, body)
