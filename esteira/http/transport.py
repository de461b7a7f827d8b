"""One try of one request on a guarded connection: peer address checked before a byte is sent, a deadline over everything.

The try's outcome is a value. Nothing is raised inside an `except`, because the texts of requests and urllib3 hold whole URLs.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import weakref
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3

from esteira.http.config import HttpConfig
from esteira.http.failure import Failure, failure_of
from esteira.http.hosts import check_address, check_proxy_address
from esteira.http.keys import Keys
from esteira.http.order import Order
from esteira.http.pools import GuardedAdapter
from esteira.redaction import redact_url, scrub

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: `body` is empty unless the order understands the status; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def location(self) -> str | None:
        """Where a redirect leads."""
        return self.headers.get("location")

    def is_answer(self, statuses: AbstractSet[int]) -> bool:
        """Whether the status is 2xx or one of those that the order understands."""
        return 200 <= self.status < 300 or self.status in statuses


class Transport:
    """A session of guarded connections.

    Args:
        config: The limits.
        keys: The client's certificate and the proxy's login.

    Raises:
        AuthError: One of them cannot be used.
    """

    def __init__(self, config: HttpConfig, keys: Keys | None = None) -> None:
        self._config, self._keys = config, keys or Keys()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._is_stopped = False
        self._session = self._new_session()
        _silence_urls()

    def send(self, order: Order, query: Mapping[str, str], headers: Mapping[str, str]) -> Reply | Failure:
        """Ask once, without following a redirect.

        Args:
            order: What to ask for.
            query: Credentials that stand in the query.
            headers: All headers, the credentials among them.

        Raises:
            SourceRejected: The host resolves to an address that may not be asked.
        """
        late = threading.Event()
        watchdog = threading.Timer(self._config.total_timeout_seconds, self._cut, (late,))
        watchdog.daemon = True
        watchdog.start()
        try:
            outcome = self._try(order, query, headers)
        finally:
            watchdog.cancel()
        return (
            Failure(f"not complete after {self._config.total_timeout_seconds:g} seconds") if late.is_set() else outcome
        )

    def cut(self) -> None:
        """Break every open connection, from any thread: a blocked read ends at once."""
        for opened in list(self._sockets):
            with contextlib.suppress(OSError):
                # not SSLSocket.shutdown, which drops the cipher under a thread that reads
                socket.socket.shutdown(opened, socket.SHUT_RDWR)

    def stop(self) -> None:
        """Break every connection, and those that are being opened just now."""
        self._is_stopped = True
        self.cut()

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def _cut(self, late: threading.Event) -> None:
        late.set()
        self.cut()

    def _try(self, order: Order, query: Mapping[str, str], headers: Mapping[str, str]) -> Reply | Failure:
        timeout = (self._config.connect_timeout_seconds, self._config.read_timeout_seconds)
        options: dict[str, Any] = {"timeout": timeout, "stream": True, "allow_redirects": False}
        options |= {"params": query, "headers": headers, "data": order.body}
        try:
            with self._session.request(order.method, order.url, **options) as response:
                return self._read(response, order)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
            return failure_of(exc)

    def _read(self, response: requests.Response, order: Order) -> Reply | Failure:
        found = {name.lower(): value for name, value in response.headers.items()}
        reply = Reply(response.status_code, found, b"")
        if not reply.is_answer(order.statuses):
            return reply
        if order.sink is not None and response.ok:
            return order.sink.take(response) or reply
        limit, size, chunks = self._config.max_response_bytes, 0, []
        # what is announced is read into one piece, and need not be put together from many
        at_once = min(max(response.raw.length_remaining or 0, _CHUNK_BYTES), limit + 1)
        while chunk := response.raw.read(at_once, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                return Failure(f"the answer is larger than {limit} bytes", "too large")
        return Reply(reply.status, found, b"".join(chunks))

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # a .netrc would add credentials, and an environment variable other authorities
        session.verify = self._config.ca_bundle or True
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if self._config.proxy:
            session.proxies = {"https": self._config.proxy}
        adapter = GuardedAdapter(self._admit, self._keys.client_context(), self._keys.proxy_login())
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def _admit(self, opened: socket.socket) -> None:
        if self._is_stopped:
            opened.close()
            raise ConnectionAbortedError
        try:
            self._check(opened.getpeername()[0])
        except BaseException:
            opened.close()  # urllib3 does not know it yet
            raise
        self._sockets.add(opened)

    def _check(self, peer: str) -> None:
        """Check the address of an open connection. Behind a proxy that is the proxy's own, which the block names."""
        if self._config.proxy:
            check_proxy_address(peer)
        else:
            check_address(peer, allow_private=self._config.allow_private_hosts)


class _UrlFilter(logging.Filter):
    """urllib3 logs whole URLs at DEBUG; a key in a query would stand there."""

    def filter(self, record: logging.LogRecord) -> bool:
        args = record.args if isinstance(record.args, tuple) else ()
        record.args = (
            tuple(redact_url(arg) if isinstance(arg, str) and "?" in arg else arg for arg in args) or record.args
        )
        record.msg, record.args = scrub(record.getMessage()), ()
        return True


_url_filter = _UrlFilter()


def _silence_urls() -> None:
    for name in ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_url_filter)  # the same object twice is added once
