"""The listener on 127.0.0.1: TLS, passwords, cancel requests; one thread per client. PostgreSQL runs behind it."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import os
import socket
import ssl
import struct
import threading
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from local.postgres import Postgres
from local.redshift.backend import Backend, send_cancel
from local.redshift.bootstrap import Isolation, prepare
from local.redshift.errors import GatewayError
from local.redshift.loader import Loader
from local.redshift.recorder import Recorder
from local.redshift.relay import CommitHook
from local.redshift.session import Services, Session
from local.redshift.wire import (
    CANCEL_REQUEST,
    GSS_REQUEST,
    PROTOCOL_3_0,
    SSL_REQUEST,
    ProtocolError,
    cstring,
    message,
    read_parameters,
    ready,
    receive_exactly,
    receive_startup,
)  # fmt: skip

HOST = "127.0.0.1"
REPORTED_VERSION = "8.0.2"
HANDSHAKE_TIMEOUT_SECONDS = 10.0
PASSED_PARAMETERS = {"application_name", "client_encoding", "datestyle", "timezone", "extra_float_digits"}
log = logging.getLogger(__name__)


class PortBusy(RuntimeError):
    """The port is taken; the message says what to set."""


@dataclass(eq=False)
class Gateway:
    """The local Redshift: PostgreSQL in `data_dir` behind a listener that speaks Redshift's dialect.

    Args:
        data_dir: Where the tables live; created when missing.
        port: 0 takes a free one; read `port` after `start`.
        certificate, key: PEM files for TLS. Connections without TLS are refused.
        users: Name → password. Each may create schemas and groups in `database`.
        isolation: Of `database`; None leaves it as it is (SNAPSHOT in a new folder).
        s3_endpoint: Where COPY finds S3 and STS; None leaves it to AWS_ENDPOINT_URL.
        on_commit_done: Called with the session's pid after PostgreSQL answered COMMIT and before the client hears it;
            raising ConnectionAbortedError drops the connection without an answer.
        ephemeral: True trades crash safety for speed (tests).
    """

    data_dir: Path
    port: int = 0
    _: KW_ONLY
    certificate: Path
    key: Path
    users: dict[str, str] = field(repr=False)
    database: str = "dev"
    isolation: Isolation | None = None
    s3_endpoint: str | None = None
    on_commit_done: CommitHook | None = None
    ephemeral: bool = False

    def __post_init__(self) -> None:
        """Read the certificate, so that a wrong one is known before anything starts."""
        self.postgres = Postgres(self.data_dir, ephemeral=self.ephemeral)
        recorder = Recorder(self.postgres)
        self._services = Services(Loader(self.s3_endpoint), recorder, self.on_commit_done)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(self.certificate, self.key)
        self._listener: socket.socket | None = None
        self._clients: set[socket.socket] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start PostgreSQL, create users and database, listen.

        Raises:
            PortBusy: The port is taken.
            local.postgres.PostgresError: PostgreSQL does not start.
        """
        self._listener = _listen(self.port)
        try:
            self.postgres.start()
            prepare(self.postgres.socket_path, self.users, self.database, self.isolation)
        except BaseException:
            self.stop()
            raise
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True, name="redshift-listener").start()

    def stop(self) -> None:
        """Close every connection, then PostgreSQL."""
        if self._listener is not None:
            _close_quietly(self._listener)
            self._listener = None
        with self._lock:
            clients, self._clients = self._clients, set()
        for client in clients:
            _close_quietly(client)
        self.postgres.stop()

    def _accept(self) -> None:
        listener = self._listener
        while listener is not None and self._listener is not None:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True, name="redshift-session").start()

    def _serve(self, client: socket.socket) -> None:
        held = client
        try:
            client.settimeout(HANDSHAKE_TIMEOUT_SECONDS)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            held, code, body = self._secure(client)
            if code == CANCEL_REQUEST:
                send_cancel(self.postgres.socket_path, body)
            else:
                self._open(held, read_parameters(body))
        except (OSError, EOFError, ProtocolError, UnicodeDecodeError, ValueError) as exc:
            log.debug("a client left during the handshake: %s", exc)
        except Exception:
            log.exception("a session of the local Redshift failed")
        finally:
            with self._lock:
                self._clients.discard(held)
            _close_quietly(held)

    def _secure(self, client: socket.socket) -> tuple[socket.socket, int, bytes]:
        while True:
            code, body = receive_startup(client)
            if code == GSS_REQUEST:
                client.sendall(b"N")
            elif code == SSL_REQUEST and not isinstance(client, ssl.SSLSocket):
                client.sendall(b"S")
                client = self._tls.wrap_socket(client, server_side=True)
            else:
                break
        if code >> 16 != PROTOCOL_3_0 >> 16 and code != CANCEL_REQUEST:
            raise ProtocolError(f"protocol {code}")
        if code not in {CANCEL_REQUEST, PROTOCOL_3_0}:
            client.sendall(message(b"v", struct.pack("!II", PROTOCOL_3_0, 0)))  # NegotiateProtocolVersion: 3.0
        return client, code, body

    def _open(self, client: socket.socket, parameters: dict[str, str]) -> None:
        try:
            _demand_tls(client)
            self._authenticate(client, parameters.get("user", ""))
            backend = Backend(self.postgres.socket_path, _backend_parameters(parameters))
            backend.read_isolation()
        except GatewayError as error:
            error.severity = "FATAL"
            client.sendall(error.encode())
            return
        with self._lock:
            self._clients.add(client)
        client.sendall(message(b"R", struct.pack("!I", 0)) + _greeting(backend))
        client.settimeout(None)
        Session(client, backend, self._services).run()

    def _authenticate(self, client: socket.socket, user: str) -> None:
        salt = os.urandom(4)
        client.sendall(message(b"R", struct.pack("!I", 5) + salt))
        if receive_exactly(client, 1) != b"p":
            raise ProtocolError("a password was asked for")
        (size,) = struct.unpack("!I", receive_exactly(client, 4))
        answer = cstring(receive_exactly(client, min(size, 1024) - 4))[0]
        expected = _md5_answer(self._password_hash(user), salt)
        if not hmac.compare_digest(answer.encode(), expected.encode()):
            raise GatewayError(f'password authentication failed for user "{user}"', sqlstate="28000", severity="FATAL")

    def _password_hash(self, user: str) -> str:
        """Of a configured user, else of one that SQL has made; for a stranger one that nothing matches."""
        if user in self.users:
            return hash_password(user, self.users[user])
        kept = self._services.recorder.password_hash(user)
        return kept if kept.startswith("md5") else hash_password(user, os.urandom(16).hex())


def _demand_tls(client: socket.socket) -> None:
    if not isinstance(client, ssl.SSLSocket):
        raise GatewayError("SSL is required: connect with sslmode=verify-full", sqlstate="28000", severity="FATAL")


def _close_quietly(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        sock.close()


def hash_password(user: str, password: str) -> str:
    """Hash a password as PostgreSQL keeps it for MD5 authentication."""
    return "md5" + hashlib.md5((password + user).encode(), usedforsecurity=False).hexdigest()


def _md5_answer(password_hash: str, salt: bytes) -> str:
    return "md5" + hashlib.md5(password_hash.removeprefix("md5").encode() + salt, usedforsecurity=False).hexdigest()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as exc:
        listener.close()
        raise PortBusy(f"port {port} of {HOST} is taken: stop what listens there or set another --port") from exc
    listener.listen(64)
    return listener


def _backend_parameters(parameters: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in parameters.items() if name.lower() in PASSED_PARAMETERS}
    user = parameters.get("user", "")
    return {"user": user, "database": parameters.get("database", user), **kept}


def _greeting(backend: Backend) -> bytes:
    out = []
    for kind, body in backend.greeting:
        is_version = kind == b"S" and body.startswith(b"server_version\0")
        out.append(message(kind, f"server_version\0{REPORTED_VERSION}\0".encode() if is_version else body))
    return b"".join(out) + ready(backend.status)
