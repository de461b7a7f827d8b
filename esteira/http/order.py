"""What is asked of a portal, and what it answers, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from esteira.http.sink import Sink
from esteira.redaction import redact_url

Method = Literal["GET", "POST", "DELETE"]
Params = Mapping[str, str | int | Sequence[str | int]]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. `url` is the last one asked, without our credentials; only `url_redacted` is for people."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str = field(repr=False)
    url_redacted: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a caller adds to a request and understands in an answer.

    Attributes:
        headers: Further headers, such as `If-None-Match`; never credentials.
        statuses: Statuses besides 2xx that are answers, returned with their body instead of retried or raised.
        is_read_only: Whether a POST changes nothing at the portal, so that it may be repeated. A GET and a DELETE always may be.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    statuses: frozenset[int] = frozenset()
    is_read_only: bool = False


PLAIN = Terms()


@dataclass(frozen=True, slots=True)
class Order:
    """One request, ready to be sent.

    Attributes:
        method, url, body: What is asked; the URL holds the query but no credentials.
        headers: Without credentials, and without what each request says.
        statuses: See `Terms`.
        is_repeatable: Whether asking twice changes nothing more: a GET, a DELETE, or a POST that is declared so.
        what: Begins each message, such as `Page 3`.
        is_proven: Whether our credentials are added; the request for a token goes without.
        sink: The file that the body is written to; without one it is kept in memory.
    """

    method: str
    url: str = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    statuses: frozenset[int] = frozenset()
    is_repeatable: bool = True
    what: str = "The request"
    is_proven: bool = True
    sink: Sink | None = field(default=None, repr=False, compare=False)

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.url).netloc

    @property
    def path(self) -> str:
        """The path, for messages."""
        return urlsplit(self.url).path

    @property
    def url_redacted(self) -> str:
        """The URL for people."""
        return redact_url(self.url)

    @property
    def key(self) -> tuple[str, str, bytes | None]:
        """What two requests share that ask for the same."""
        return self.method, self.url, self.body


def with_query(url: str, params: Params) -> str:
    """The URL with further parameters."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params, doseq=True)}" if params else url


def json_body(document: Any) -> bytes:
    """A document as the body of a request: the same bytes each time, so that it can be signed."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
