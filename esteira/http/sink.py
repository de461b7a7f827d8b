"""A file on disk that a body is written to as it arrives, and goes on where it broke off when the server can tell that it is the same file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import requests

from esteira.http.failure import Failure

CHUNK_BYTES = 256 * 1024
ADVANCE_BYTES = 1024 * 1024
"""What a try must bring to count as getting on. With less a slow drip would be asked for ever."""
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


class Sink:
    """The file that a download goes to.

    Args:
        path: The file; what it holds is replaced.
        limit_bytes: Limit of the body.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path, self.limit_bytes = path, limit_bytes
        self._validator: str | None = None
        self._seen_bytes = 0
        self.size_bytes = 0
        self.begin_anew()

    def headers(self) -> dict[str, str]:
        """The headers of the next try: uncompressed, and only the bytes that are missing.

        `If-Range` has the server send all of it when the file has changed: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
        """
        asked = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if self._validator is None or not self.size_bytes:
            return asked
        return {**asked, "Range": f"bytes={self.size_bytes}-", "If-Range": self._validator}

    def take(self, response: requests.Response) -> Failure | None:
        """Write an answer's body; what arrived before it broke stays.

        Returns:
            Why it is no whole body, or None.
        """
        if response.status_code == requests.codes.partial_content:
            failure = self._check_range(response.headers)
            if failure is not None:
                return failure
        else:
            self.begin_anew()
        self._validator = _validator_of(response.headers)
        with self.path.open("ab") as opened:
            while chunk := response.raw.read(CHUNK_BYTES, decode_content=True):
                opened.write(chunk)
                self.size_bytes += len(chunk)
                if self.size_bytes > self.limit_bytes:
                    return Failure(f"the file is larger than {self.limit_bytes} bytes", "too large")
        return None

    def begin_anew(self) -> None:
        """Forget what arrived."""
        self.path.write_bytes(b"")
        self.size_bytes = self._seen_bytes = 0
        self._validator = None

    def has_advanced(self) -> bool:
        """Whether the tries since the last question brought a piece that is kept."""
        has = self._validator is not None and self.size_bytes - self._seen_bytes >= ADVANCE_BYTES
        self._seen_bytes = self.size_bytes
        return has

    def _check_range(self, headers: Mapping[str, str]) -> Failure | None:
        found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        if found and int(found[1]) == self.size_bytes and self.size_bytes:
            return None
        self.begin_anew()
        return Failure("the server sent another piece of the file than it was asked for")


def _validator_of(headers: Mapping[str, str]) -> str | None:
    """A strong validator (`ETag`, else `Last-Modified`); None for a weak tag, and for an answer that is compressed on the way."""
    if headers.get("Content-Encoding", "identity") != "identity":
        return None
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified") if not tag else None
