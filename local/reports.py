"""The laptop's shelf of quality pages: what lies below `report/html/` in the lake, for a browser, read under the role of a task.

On AWS a link leads to the console instead, or to whatever serves the pages there (`ESTEIRA_REPORT_URL`).
"""

import argparse
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

PREFIX = "report/html/"
FIRST = "index.html"


class ReportServer(ThreadingHTTPServer):
    """The HTTP server; it opens S3 when the first page is asked for."""

    daemon_threads = True

    def __init__(self, port: int, bucket: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.bucket = bucket
        self.opening = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    server: ReportServer

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).lstrip("/")
        if path == "health":
            self._answer(200, "text/plain", b"ok")
            return
        found = self._page(f"{PREFIX}{path or FIRST}")
        if found is None:
            self._answer(404, "text/plain; charset=utf-8", b"No run has written this page yet.")
        else:
            self._answer(200, found["ContentType"], found["Body"].read())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Silence."""

    def _page(self, key: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        with self.server.opening:
            client = _s3()
        try:
            found: dict[str, Any] = client.get_object(Bucket=self.server.bucket, Key=key)
        except ClientError:
            return None
        return found

    def _answer(self, status: int, content_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)


@cache
def _s3() -> Any:
    import boto3

    return boto3.client("s3")


def main() -> None:
    """Read the command line and serve until the process is told to stop."""
    parser = argparse.ArgumentParser(prog="local.reports")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--bucket", required=True)
    arguments = parser.parse_args()
    ReportServer(arguments.port, arguments.bucket).serve_forever()


if __name__ == "__main__":
    main()
