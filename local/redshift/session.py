"""One client's session: messages in, plans carried out, answers streamed back. One thread, no accumulation."""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass
from datetime import UTC, datetime

from local.redshift.backend import Backend
from local.redshift.dialect import plan
from local.redshift.errors import GatewayError, ScanError
from local.redshift.lexer import split
from local.redshift.loader import Loader
from local.redshift.locks import lock_messages, lock_statement
from local.redshift.plans import Copy, Forward, Plan, Script, Unload
from local.redshift.recorder import Recorder
from local.redshift.relay import ClientGone, CommitHook, Relay
from local.redshift.unloader import unload
from local.redshift.wire import command_complete, cstring, message, ready

Message = tuple[bytes, bytes]


@dataclass(frozen=True)
class Services:
    """What a session needs from its gateway."""

    loader: Loader
    recorder: Recorder
    on_commit_done: CommitHook | None = None


class Session:
    """Serve one authenticated client until it leaves; then PostgreSQL rolls back what is open."""

    def __init__(self, client: ssl.SSLSocket | socket.socket, backend: Backend, services: Services) -> None:
        self._backend, self._services = backend, services
        self._relay = Relay(client, backend, services.on_commit_done)
        self._prepared: dict[str, Plan] = {}
        self._portals: dict[str, Plan] = {}
        self._written = ""
        backend.setting.find_table = lambda: services.recorder.table_id(backend.database, self._written)

    def run(self) -> None:
        """Serve until the client or PostgreSQL closes."""
        try:
            self._serve()
        except (ClientGone, EOFError, ConnectionError, ssl.SSLError):
            self._backend.cancel()  # it may be waiting for a lock that nobody wants any more
        finally:
            self._relay.close()
            self._backend.close()

    def _serve(self) -> None:
        batch: list[Message] = []
        while (found := self._relay.next_message())[0] != b"X":
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
                if self._relay.has_failed:
                    break
        except GatewayError as error:
            self._fail(error)
        self._relay.send(ready(self._backend.status))

    def _forward_simple(self, sql: str, plans: list[Forward]) -> None:
        # A comment to the end of a line must not swallow the semicolon behind it.
        text = "\n;".join(found.sql for found in plans) if any(found.is_changed for found in plans) else sql
        self._query(text, self._lock(plans[0]) if plans else "")

    def _query(self, text: str, lock: str, *, is_last: bool = True) -> None:
        whole = f"{lock};{text}" if lock else text
        self._backend.sock.sendall(message(b"Q", whole.encode() + b"\0"))
        self._relay.pump(is_last=is_last, hidden=1 if lock else 0)

    def _lock(self, found: Plan) -> str:
        """The lock that a statement takes before it runs; remembers what is written, for the wording of a conflict."""
        if not isinstance(found, Forward) or found.write is None or self._backend.status == b"E":
            return ""
        self._written = found.write.table
        return lock_statement(found.write, is_serializable=self._backend.setting.is_serializable)

    def _run_one(self, found: Plan) -> None:
        """Run one of several statements of which the gateway runs some itself: each is its own unit."""
        if isinstance(found, Forward):
            self._query(found.sql, self._lock(found), is_last=False)
        else:
            self._relay.send(command_complete(self._perform(found)))

    # The extended protocol

    def _answer_batch(self, batch: list[Message]) -> None:
        try:
            messages, is_ours = self._translate_batch(batch)
        except GatewayError as error:
            self._fail(error)
            self._relay.send(ready(self._backend.status))
            return
        if is_ours:
            self._perform_batch(batch)
            return
        lock, hidden = self._lock_batch(batch)
        self._backend.sock.sendall(lock + b"".join(messages) + message(b"S"))
        self._relay.pump(hidden=hidden)

    def _lock_batch(self, batch: list[Message]) -> tuple[bytes, int]:
        """Lock before the batch: in a transaction already at Parse, whose own weaker lock would make the stronger a deadlock."""
        kinds = {b"P", b"B"} if self._backend.status == b"T" else {b"B"}
        named = [_statement_of(kind, body) for kind, body in batch if kind in kinds]
        found = next((self._prepared[name] for name in named if name in self._prepared), None)
        sql = self._lock(found) if found else ""
        return lock_messages(sql, self._backend.status) if sql else (b"", 0)

    def _translate_batch(self, batch: list[Message]) -> tuple[list[bytes], bool]:
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
        if found.write is not None:
            self._prepared[name] = found
        return body if not found.is_changed else f"{name}\0{found.sql}\0".encode() + body[end:]

    def _bind(self, portal: str, name: str) -> None:
        self._portals.pop(portal, None)
        if name in self._prepared:
            self._portals[portal] = self._prepared[name]

    def _is_ours(self, kind: bytes, body: bytes) -> bool:
        if kind in {b"D", b"C"}:
            found = (self._prepared if body[:1] == b"S" else self._portals).get(cstring(body, 1)[0])
        elif kind == b"E":
            found = self._portals.get(cstring(body)[0])
        else:
            found = self._prepared.get(_statement_of(kind, body))
        return found is not None and not isinstance(found, Forward)

    def _perform_batch(self, batch: list[Message]) -> None:
        try:
            for kind, body in batch:
                self._relay.send(self._perform_message(kind, body))
        except GatewayError as error:
            self._fail(error)
        self._relay.send(ready(self._backend.status))

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
            return self._copy(found)
        if isinstance(found, Unload):
            rows = unload(found, self._backend, self._services.loader)
            self._backend.run(f"SET esteira.last_unload_count = {rows}")
            return "UNLOAD"
        if isinstance(found, Script):
            return self._run_script(found)
        raise AssertionError(found)

    def _copy(self, found: Copy) -> str:
        started_at, self._written = datetime.now(UTC), found.table
        try:
            rows = self._services.loader.load(found, self._backend, self._relay.check_client)
        except ScanError as error:
            self._services.recorder.record_load_error(self._backend, found.table, started_at, error)
            raise
        # Redshift's tag is bare, but its connector needs a number behind COPY.
        return f"COPY {rows}"

    def _run_script(self, script: Script) -> str:
        is_open = self._backend.status != b"I"
        if script.is_forbidden_in_transaction and is_open:
            raise GatewayError(script.is_forbidden_in_transaction, sqlstate="25001")
        commit = ("COMMIT",) if script.commits and is_open else ()
        self._backend.run("; ".join(script.statements + commit))
        if script.changes_isolation:
            self._backend.read_isolation()
        return script.tag

    # Answers of the gateway's own

    def _fail(self, error: GatewayError) -> None:
        self._backend.abort_transaction()
        self._relay.send(error.encode())


def _statement_of(kind: bytes, body: bytes) -> str:
    """The prepared statement that a Parse or a Bind names."""
    return cstring(body)[0] if kind == b"P" else cstring(body, cstring(body)[1])[0]
