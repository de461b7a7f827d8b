"""A CONNECT proxy on loopback: it may want a login, lead names where it likes, refuse, or be TLS itself."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """A running proxy, and the heads of the requests that reached it."""

    url: str
    heads: list[str] = field(default_factory=list)


@contextmanager
def connect_proxy(  # noqa: C901 - a server in one piece
    to: int, *, login: str | None = None, status: int = 200, context: ssl.SSLContext | None = None
) -> Iterator[Proxy]:
    """Lead every tunnel to the loopback port `to`, as a proxy that resolves names by itself.

    Args:
        to: The port.
        login: `user:password` that it wants.
        status: What it answers.
        context: Its own TLS.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = Proxy(f"{'https' if context else 'http'}://127.0.0.1:{listener.getsockname()[1]}")

    def serve() -> None:
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=handle, args=(client,), daemon=True).start()

    def handle(client: socket.socket) -> None:
        with suppress(OSError):
            if context:
                client = context.wrap_socket(client, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                got = client.recv(4096)
                if not got:
                    return
                head += got
            proxy.heads.append(head.decode())
            answer = _answer(head.decode(), login, status)
            client.sendall(f"HTTP/1.1 {answer} whatever\r\n\r\n".encode())
            if answer == 200:
                _relay(client, socket.create_connection(("127.0.0.1", to)))
        client.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield proxy
    finally:
        listener.close()


def _answer(head: str, login: str | None, status: int) -> int:
    wanted = f"Proxy-Authorization: Basic {base64.b64encode((login or '').encode()).decode()}\r\n"
    return 407 if login and wanted not in head else status


def _relay(one: socket.socket, other: socket.socket) -> None:
    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=copy, args=(other, one), daemon=True)
    back.start()
    copy(one, other)
    back.join()
    other.close()
