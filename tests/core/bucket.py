"""One S3 bucket on a loopback socket whose conditional writes are atomic, and which misbehaves by script.

moto checks and writes in two steps, so threads that race for a seal could both win there; S3 does not let them.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.loopback import served

Fault = Callable[[str, str, int], "str | None"]
"""(method, key with its query, number of the request) → an S3 error code, `lost <code>` to do the work and answer an error,
`200 <code>` to say the error in an answer that begins well, or None."""
STATUS = {"AccessDenied": 403, "NoSuchBucket": 404, "NoSuchKey": 404, "PreconditionFailed": 412, "SlowDown": 503}


@dataclass
class Bucket:
    """What is stored, and what was asked."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    pieces: dict[str, dict[int, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Server(ThreadingHTTPServer):
    """One bucket, called lake, and the fault that each request is asked for."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, state: Bucket, fault: Fault) -> None:
        self.state = state
        self.fault = fault
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """The verbs of S3 that a lake uses."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *args: Any) -> None:
        """Silence."""

    def do_PUT(self) -> None:
        """An object, or a piece of a multipart upload."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        state = self.server.state
        with state.lock:
            key, code = self._asked("PUT")
            if code is None or code.startswith("lost "):
                number = dict(parse_qsl(urlsplit(self.path).query)).get("partNumber")
                if self.headers.get("If-None-Match") == "*" and key in state.objects:
                    code = "PreconditionFailed"
                elif number:
                    state.pieces[key][int(number)] = content
                else:
                    state.objects[key] = content
        self._say(code, b"")

    def do_POST(self) -> None:
        """A multipart upload begins, or is completed."""
        self.rfile.read(int(self.headers["Content-Length"]))
        is_new = self.path.endswith("?uploads")
        state = self.server.state
        with state.lock:
            key, code = self._asked("POST")
            if code is None and is_new:
                state.pieces[key] = {}
            elif code is None:
                pieces = state.pieces[key]
                state.objects[key] = b"".join(pieces[number] for number in sorted(pieces))
        upload = (
            f"<InitiateMultipartUploadResult><Key>{key}</Key><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
        )
        done = f"<CompleteMultipartUploadResult><Key>{key}</Key></CompleteMultipartUploadResult>"
        self._say(code, (upload if is_new else done).encode())

    def do_GET(self) -> None:
        """An object."""
        with self.server.state.lock:
            key, code = self._asked("GET")
            content = self.server.state.objects.get(key)
        self._say(code or (None if content is not None else "NoSuchKey"), content or b"")

    def _asked(self, method: str) -> tuple[str, str | None]:
        parts = urlsplit(self.path)
        key = unquote(parts.path).removeprefix("/lake/")
        asked = self.server.state.asked
        asked.append((method, key))
        return key, self.server.fault(method, f"{key}?{parts.query}" if parts.query else key, len(asked))

    def _say(self, code: str | None, content: bytes) -> None:
        is_late = code is not None and code.startswith("200 ")
        code = code and code.removeprefix("lost ").removeprefix("200 ")
        body = content if code is None else f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        self.send_response(200 if code is None or is_late else STATUS.get(code, 409))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def bucket(fault: Fault = lambda *_: None) -> Iterator[Bucket]:
    """Serve an empty bucket; each request asks `fault` whether it goes wrong."""
    state = Bucket()
    server = _Server(state, fault)
    state.url = f"http://127.0.0.1:{server.server_port}"
    with served(server):
        yield state
