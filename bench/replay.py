"""A portal that answers as fast as a socket takes bytes: pages of made records, kept in memory, in Datasette's JSON shape.

`python -m bench.replay --port N` serves every set of `rows.SETS` as /flights/<set>.json, with `_size` records a page
and `_factor` repetitions. The bearer token comes from BENCH_TOKEN. Other parameters, windows among them, are not looked at.
"""

from __future__ import annotations

import argparse
import os
import socketserver
from functools import cache
from threading import Lock
from urllib.parse import parse_qs, urlsplit

from bench.pages import PageSet
from bench.rows import SETS

HOST = "127.0.0.1"
DEFAULT_SIZE = 10_000
_building = Lock()


class Server(socketserver.ThreadingTCPServer):
    """One thread a connection: `sendall` leaves Python while it sends, so one core serves several GB/s."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, token: str) -> None:
        super().__init__((HOST, port), Connection)
        self.authorization = f"authorization: bearer {token}".lower().encode()


class Connection(socketserver.StreamRequestHandler):
    """Requests of one kept-alive connection."""

    disable_nagle_algorithm = True
    server: Server

    def handle(self) -> None:
        """Answer until the client leaves."""
        while (line := self.rfile.readline()) not in {b"", b"\r\n"}:
            head = self._head()
            if self.server.authorization not in (field.lower() for field in head):
                self._answer(b"401 Unauthorized", b'{"error": "no token"}')
            else:
                self._page(line.split()[1].decode())

    def _head(self) -> list[bytes]:
        fields = []
        while field := self.rfile.readline().strip():
            fields.append(field)
        return fields

    def _page(self, target: str) -> None:
        url = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        name = url.path.removeprefix("/flights/").removesuffix(".json")
        if name not in SETS:
            self._answer(b"404 Not Found", b'{"error": "no such table"}')
            return
        size, factor, number = (int(query.get(key, other)) for key, other in _DEFAULTS.items())
        pages = page_set(name, size)
        more = number + 1 < pages.count(factor)
        origin = f"http://{HOST}:{self.server.server_address[1]}"
        link = (
            f'"{origin}{url.path}?_size={size}&_shape=objects&_factor={factor}&_next={number + 1}"' if more else "null"
        )
        tail = f', "next_url": {link}, "filtered_table_rows_count": {pages.rows * factor}}}'
        self._answer(b"200 OK", pages.records(number), tail.encode())

    def _answer(self, status: bytes, *pieces: bytes | memoryview) -> None:
        length = str(sum(len(piece) for piece in pieces)).encode()
        head = b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nContent-Length: " + length + b"\r\n\r\n"
        self.request.sendall(head)
        for piece in pieces:
            self.request.sendall(piece)


_DEFAULTS = {"_size": DEFAULT_SIZE, "_factor": 1, "_next": 0}


def page_set(name: str, size: int) -> PageSet:
    """The pages of a set; made by the first request, so ask for one page before the clock starts."""
    with _building:
        return _built(name, size)


@cache
def _built(name: str, size: int) -> PageSet:
    return PageSet.of(SETS[name](), size)


def main() -> None:
    """Serve until the process is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m bench.replay")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    with Server(options.port, os.environ["BENCH_TOKEN"]) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
