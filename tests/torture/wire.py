"""The wires between a loader, S3 and Redshift, with a director who may cut them at any write.

Everything the loader writes passes here, so every durable write of the commit protocol is a point where a trial can strike, also
those that nobody thought of naming. A strike at a write:

- `kill before`: the process dies by SIGKILL; the write never arrives.
- `kill meanwhile`: the write is on its way; the process dies by SIGKILL, and then the write arrives and is done.
- `kill after`: the write is done; the process dies by SIGKILL before it hears of it.
- `lost`: the write is done; its answer is lost and the connection with it.
- `refused`: the write is not done; the answer is an error that no retry is meant for.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Literal

Kind = Literal["kill before", "kill meanwhile", "kill after", "lost", "refused"]
KINDS: tuple[Kind, ...] = ("kill before", "kill after", "lost", "refused")
"""What is tried at every write; to whoever comes after, `kill meanwhile` looks like `kill after`."""
SSL_REQUEST = struct.pack("!II", 8, 80877103)
_READS = re.compile(r"\s*(?:SELECT|SET|SHOW|BEGIN|START|ROLLBACK)\b", re.IGNORECASE)
"""Statements that change nothing durable; a ROLLBACK is what happens anyway."""
MEETING_SECONDS = 1.0
"""Two loaders that both passed the ledger's check meet well within it; under the lock only one gets there, and goes on alone."""
_REFUSAL = b"SERROR\0VERROR\0CXX000\0Mrefused by the trial\0\0"


@dataclass
class Director:
    """Counts the writes of one process and strikes at the one it was told to.

    Attributes:
        at: Number of the write to strike at, from 1; 0 never strikes.
        kind: How.
        kill: Kills the process.
        meeting: Where it waits for another process before each COPY, or None.
        seen: What was written, in order.
        landed: Whether the strike happened.
    """

    at: int = 0
    kind: Kind = "kill before"
    kill: Callable[[], None] = lambda: None
    meeting: threading.Barrier | None = None
    seen: list[str] = field(default_factory=list)
    landed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def strike(self, write: str) -> Kind | None:
        """Note a write that is about to be forwarded; what to do with it, if anything."""
        if self.meeting and write.startswith("COPY"):
            with suppress(threading.BrokenBarrierError):
                self.meeting.wait(MEETING_SECONDS)
        with self._lock:
            self.seen.append(write)
            if self.landed or len(self.seen) != self.at:
                return None
            self.landed = True
            return self.kind


class Wires:
    """Both relays. `director` is exchanged between runs."""

    def __init__(self, s3_port: int, sql_port: int, tls: Path) -> None:
        self.director = Director()
        self._sql = _SqlRelay(self, sql_port, tls)
        self._s3 = _s3_relay(self, s3_port)
        self.s3_port, self.sql_port = int(self._s3.server_port), self._sql.port

    def close(self) -> None:
        """Stop listening."""
        self._s3.shutdown()
        self._s3.server_close()
        self._sql.close()


class _S3Relay(BaseHTTPRequestHandler):
    """Forwards one request at a time, as it came: the signature covers the address that the client used."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wires: ClassVar[Wires]
    target: ClassVar[int]

    def log_message(self, *_: object) -> None:
        """Silence."""

    def handle_one_request(self) -> None:
        """Every method is relayed alike."""
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        with suppress(OSError):
            self._relay(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            self.wfile.flush()

    def _relay(self, body: bytes) -> None:
        is_write = self.command in {"PUT", "POST", "DELETE"} and self.path != "/"
        director = self.wires.director
        kind = director.strike(f"{self.command} {self.path.split('?')[0]}") if is_write else None
        self.close_connection |= kind is not None
        if kind == "kill before":
            director.kill()
        elif kind == "refused":
            self._answer(403, [], b"<Error><Code>AccessDenied</Code><Message>refused by the trial</Message></Error>")
        else:
            if kind == "kill meanwhile":
                director.kill()
            answer, content = self._forward(body)
            if kind == "kill after":
                director.kill()
            elif kind is None:
                self._answer(answer.status, answer.getheaders(), content)

    def _forward(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.target, timeout=30)) as far:
            far.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"expect", "connection"}:
                    far.putheader(name, value)
            far.endheaders(body)
            answer = far.getresponse()
            return answer, answer.read()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        length = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content)


def _s3_relay(wires: Wires, port: int) -> ThreadingHTTPServer:
    handler = type("Handler", (_S3Relay,), {"wires": wires, "target": port})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


class _SqlRelay:
    """Decrypts, and forwards one exchange at a time: the driver sends nothing before it has the answer."""

    def __init__(self, wires: Wires, port: int, tls: Path) -> None:
        self._wires, self._target = wires, port
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
                _Exchange(self._wires, near_tls, far_tls).run()


class _Exchange:
    """One connection: start-up, then request and answer in turn."""

    def __init__(self, wires: Wires, near: ssl.SSLSocket, far: ssl.SSLSocket) -> None:
        self._wires, self._near, self._far = wires, near, far
        self._statements: dict[bytes, str] = {}

    def run(self) -> None:
        start = _exactly(self._near, 4)
        self._far.sendall(start + _exactly(self._near, struct.unpack("!I", start)[0] - 4))
        while self._start_up():
            pass
        while True:
            request, statement = self._read_request()
            if not self._answer(request, statement):
                return

    def _start_up(self) -> bool:
        """Authentication, step by step; False when the server is ready."""
        for kind, message in _messages(self._far):
            self._near.sendall(message)
            if kind == b"Z":
                return False
            if kind == b"R" and struct.unpack("!I", message[5:9])[0] != 0:
                self._far.sendall(next(_messages(self._near))[1])
        return True

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
        director = self._wires.director
        is_write = statement is not None and not _READS.match(statement)
        kind = director.strike(" ".join((statement or "").split())[:60]) if is_write else None
        if kind == "kill before":
            director.kill()
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


@contextmanager
def wires(s3_port: int, sql_port: int, tls: Path) -> Iterator[Wires]:
    """Both relays, closed afterwards."""
    made = Wires(s3_port, sql_port, tls)
    try:
        yield made
    finally:
        made.close()
