"""One client's session: messages in, plans carried out, answers streamed back. One thread, no accumulation."""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass

from local.redshift.backend import Backend
from local.redshift.dialect import plan
from local.redshift.errors import GatewayError, translate
from local.redshift.lexer import split
from local.redshift.loader import Loader
from local.redshift.plans import Copy, Forward, Plan, Script
from local.redshift.wire import READ_BYTES, MessageBuffer, command_complete, cstring, describe_super, message, ready

MAX_PIPELINED_BYTES = 1 << 24
WATCHED = b"ECTZ"
CommitHook = Callable[[int], None]


class ClientGone(Exception):
    """The client closed its connection or died."""


@dataclass(frozen=True)
class Services:
    """What a session needs from its gateway."""

    loader: Loader
    on_commit_done: CommitHook | None = None


class Session:
    """Serve one authenticated client until it leaves; then PostgreSQL rolls back what is open."""

    def __init__(self, client: ssl.SSLSocket | socket.socket, backend: Backend, services: Services) -> None:
        self._client, self._backend, self._services = client, backend, services
        self._inbox = MessageBuffer()
        self._prepared: dict[str, Plan] = {}
        self._portals: dict[str, Plan] = {}
        self._has_failed, self._is_last = False, True
        self._selector = selectors.DefaultSelector()
        self._selector.register(client, selectors.EVENT_READ)
        self._selector.register(backend.sock, selectors.EVENT_READ)
        backend.while_waiting = self._check_client

    def run(self) -> None:
        """Serve until the client or PostgreSQL closes."""
        try:
            self._serve()
        except (ClientGone, EOFError, ConnectionError, ssl.SSLError):
            self._backend.cancel()  # it may be waiting for a lock that nobody wants any more
        finally:
            self._selector.close()
            self._backend.close()

    def _serve(self) -> None:
        batch: list[tuple[bytes, bytes]] = []
        while (found := self._next())[0] != b"X":
            kind, body = found
            if kind == b"Q":
                self._answer_simple(cstring(body)[0])
            elif kind == b"S":
                self._answer_batch(batch)
                batch = []
            elif kind in {
                b"P",
                b"B",
                b"D",
                b"E",
                b"C",
            }:  # a Flush is answered at the Sync that every driver sends after it
                batch.append(found)

    # The simple protocol

    def _answer_simple(self, sql: str) -> None:
        try:
            plans = [plan(statement) for statement in split(sql)]
            forwarded = [found for found in plans if isinstance(found, Forward)]
            if len(forwarded) == len(plans):
                self._forward_simple(sql, forwarded)
                return
            for found in plans:
                self._run_one(found)
                if self._has_failed:
                    break
        except GatewayError as error:
            self._fail(error)
        self._send(ready(self._backend.status))

    def _forward_simple(self, sql: str, plans: list[Forward]) -> None:
        # A comment to the end of a line must not swallow the semicolon behind it.
        text = "\n;".join(found.sql for found in plans) if any(found.is_changed for found in plans) else sql
        self._backend.sock.sendall(message(b"Q", text.encode() + b"\0"))
        self._pump()

    def _run_one(self, found: Plan) -> None:
        """Run one of several statements of which the gateway runs some itself: each is its own unit."""
        if isinstance(found, Forward):
            self._backend.sock.sendall(message(b"Q", found.sql.encode() + b"\0"))
            self._pump(is_last=False)
        else:
            self._send(command_complete(self._perform(found)))

    # The extended protocol

    def _answer_batch(self, batch: list[tuple[bytes, bytes]]) -> None:
        try:
            messages, is_ours = self._translate_batch(batch)
        except GatewayError as error:
            self._fail(error)
            self._send(ready(self._backend.status))
            return
        if is_ours:
            self._perform_batch(batch)
            return
        self._backend.sock.sendall(b"".join(messages) + message(b"S"))
        self._pump()

    def _translate_batch(self, batch: list[tuple[bytes, bytes]]) -> tuple[list[bytes], bool]:
        messages, ours = [], []
        for kind, body in batch:
            passed = self._parse(body) if kind == b"P" else body
            if kind == b"B":
                portal, at = cstring(body)
                self._bind(portal, cstring(body, at)[0])
            ours.append(self._is_ours(kind, body))
            messages.append(message(kind, passed))
        if any(ours) and not all(ours):
            raise GatewayError(
                "the local Redshift takes such statements in a message group of their own", sqlstate="0A000"
            )
        return messages, any(ours)

    def _parse(self, body: bytes) -> bytes:
        name, at = cstring(body)
        sql, end = cstring(body, at)
        statements = split(sql)
        self._prepared.pop(name, None)
        if len(statements) != 1:
            return body  # none, or several: PostgreSQL words the error
        found = plan(statements[0])
        if not isinstance(found, Forward):
            self._prepared[name] = found
            return body
        return body if not found.is_changed else f"{name}\0{found.sql}\0".encode() + body[end:]

    def _bind(self, portal: str, name: str) -> None:
        self._portals.pop(portal, None)
        if name in self._prepared:
            self._portals[portal] = self._prepared[name]

    def _is_ours(self, kind: bytes, body: bytes) -> bool:
        if kind in {b"D", b"C"}:
            return cstring(body, 1)[0] in (self._prepared if body[:1] == b"S" else self._portals)
        if kind == b"E":
            return cstring(body)[0] in self._portals
        name = cstring(body)[0] if kind == b"P" else cstring(body, cstring(body)[1])[0]
        return name in self._prepared

    def _perform_batch(self, batch: list[tuple[bytes, bytes]]) -> None:
        try:
            for kind, body in batch:
                self._send(self._perform_message(kind, body))
        except GatewayError as error:
            self._fail(error)
        self._send(ready(self._backend.status))

    def _perform_message(self, kind: bytes, body: bytes) -> bytes:
        if kind == b"P":
            return message(b"1")
        if kind == b"B":
            return message(b"2")
        if kind == b"D":  # no parameters (for a statement), no rows
            return (message(b"t", struct.pack("!H", 0)) if body[:1] == b"S" else b"") + message(b"n")
        if kind == b"C":
            (self._prepared if body[:1] == b"S" else self._portals).pop(cstring(body, 1)[0], None)
            return message(b"3")
        return command_complete(self._perform(self._portals[cstring(body)[0]]))

    # Plans the gateway carries out

    def _perform(self, found: Plan) -> str:
        if isinstance(found, Copy):
            rows = self._services.loader.load(found, self._backend, self._check_client)
            # Redshift's tag is bare, but its connector needs a number behind COPY.
            return f"COPY {rows}"
        if isinstance(found, Script):
            return self._run_script(found)
        raise AssertionError(found)

    def _run_script(self, script: Script) -> str:
        is_open = self._backend.status != b"I"
        if script.is_forbidden_in_transaction and is_open:
            raise GatewayError(script.is_forbidden_in_transaction, sqlstate="25001")
        commit = ("COMMIT",) if script.commits and is_open else ()
        self._backend.run("; ".join(script.statements + commit))
        return script.tag

    # Streams

    def _fail(self, error: GatewayError) -> None:
        self._backend.abort_transaction()
        self._send(error.encode())

    def _send(self, data: bytes) -> None:
        self._client.sendall(data)

    def _next(self) -> tuple[bytes, bytes]:
        while (found := self._inbox.take()) is None:
            self._wait(self._relay)
        return found

    def _pump(self, *, is_last: bool = True) -> None:
        """Stream PostgreSQL's answers to the client up to ReadyForQuery, which is passed on if `is_last`."""
        self._has_failed, self._is_last = False, is_last
        try:
            while not self._relay_ready():
                pass
        finally:
            self._is_last = True

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

    def _check_client(self) -> None:
        """Notice that the client has left, between two chunks of a load or while a statement of ours waits."""
        for key, _ in self._selector.select(0):
            if key.fileobj is self._client and len(self._inbox) < MAX_PIPELINED_BYTES:
                self._read_client()

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
        self._send(b"".join(out))
        return is_ready

    def _watch(self, kind: bytes, body: bytes) -> bytes:
        if kind == b"E":
            self._has_failed = True
            body = translate(body, self._backend.pid)
        elif kind == b"T":
            body = describe_super(body)
        elif kind == b"Z":
            self._backend.status = body
            if not self._is_last:
                return b""
        elif body == b"COMMIT\0" and self._services.on_commit_done is not None:
            self._services.on_commit_done(self._backend.pid)
        return message(kind, body)
