"""What no pipeline in Python can beat: fetch each page with requests, parse it with orjson, forget it.

`--raw` measures the portal instead: the bytes are read and thrown away, with nothing but a socket.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import time
from urllib.parse import urlsplit

import orjson
import requests

from bench.peers.facts import print_facts

_TAIL_BYTES = 8_000


def fetch_and_parse(url: str, token: str) -> int:
    """Walk the pages; returns the records seen."""
    rows, following = 0, url
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        while following:
            page = orjson.loads(session.get(following).content)
            rows += len(page["rows"])
            following = page["next_url"]
    return rows


def read_only(url: str, token: str) -> int:
    """Read the pages without looking at more than the last bytes; returns the records that the portal reports."""
    origin = urlsplit(url)
    connection = http.client.HTTPConnection(origin.hostname or "", origin.port)
    following, rows, buffer = url, 0, bytearray(1 << 20)
    while following:
        target = urlsplit(following)
        connection.request("GET", f"{target.path}?{target.query}", headers={"Authorization": f"Bearer {token}"})
        tail = _tail(connection.getresponse(), memoryview(buffer))
        following = orjson.loads(_found(rb'"next_url": ("[^"]*"|null)', tail))
        rows = int(_found(rb'"filtered_table_rows_count": (\d+)', tail))
    return rows


def _tail(response: http.client.HTTPResponse, buffer: memoryview) -> bytes:
    """The last bytes of an answer, where the facts about the walk stand, behind the records."""
    tail = b""
    while count := response.readinto(buffer):
        tail = (tail + bytes(buffer[max(0, count - _TAIL_BYTES) : count]))[-_TAIL_BYTES:]
    return tail


def _found(pattern: bytes, tail: bytes) -> bytes:
    *_, last = re.finditer(pattern, tail)
    return last[1]


def main() -> None:
    """Measure one walk."""
    parser = argparse.ArgumentParser(prog="python -m bench.limit")
    parser.add_argument("--url", required=True)
    parser.add_argument("--raw", action="store_true")
    options = parser.parse_args()
    began = time.monotonic()
    rows = (read_only if options.raw else fetch_and_parse)(options.url, os.environ["BENCH_TOKEN"])
    print_facts(rows=rows, parse=time.monotonic() - began)


if __name__ == "__main__":
    main()
