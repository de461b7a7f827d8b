"""The pages of a source, in order: read by one background thread, asked for by several where the contract allows it."""

from __future__ import annotations

import contextvars
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from esteira.auth import credentials_of
from esteira.contract.incremental import Incremental, Value
from esteira.contract.source import ApiSource
from esteira.errors import ConfigError
from esteira.http import HttpClient, HttpStats, Limiter
from esteira.paginate import State
from esteira.portal.config import PortalConfig
from esteira.portal.envelope import reader_of
from esteira.portal.fetching import Fetching
from esteira.portal.parents import ParentWalk, Row, Rows
from esteira.portal.walk import Page, Walk


class Window(Protocol):
    """Anything with a start and an end."""

    @property
    def start(self) -> datetime:
        """Inclusive, UTC."""

    @property
    def end(self) -> datetime:
        """Exclusive, UTC."""


class Portal:
    """A portal that is open for reading.

    Args:
        config: Its limits and auth.
        secret_values: Fields of the secret that `config.secret` names.

    Raises:
        AuthError: A field of the secret is missing or unusable.
        ConfigError: The base URL or the auth is not usable.
    """

    def __init__(self, config: PortalConfig, secret_values: Mapping[str, str]) -> None:
        self.config = config
        self.stats = HttpStats()
        self._credentials = credentials_of(config.auth, config.secret, secret_values)
        self._limiter = Limiter(config.requests_per_second)
        self._new_client().close()  # a base URL that is not usable fails here, not at the first page

    def pages(
        self,
        source: ApiSource,
        window: Window | None = None,
        *,
        value: Value | None = None,
        parents: Rows | None = None,
        conditions: Mapping[str, str] | None = None,
        state: State | None = None,
        number: int = 1,
    ) -> Iterator[Page]:
        """The pages of a source, in order; the next one is fetched while the consumer works.

        Args:
            source: The contract's source.
            window: The window to ask for; None for a snapshot.
            value: Where a cursor that is no time goes on.
            parents: The rows of the parent, of a source that has one.
            conditions: Headers under which the portal sends its answer only if it is another than the known one.
            state: `next_state` of an earlier page, to resume behind it.
            number: Number of the first page that will come.

        Raises:
            PayloadError: A page is not what the contract describes, or the portal repeats itself.
            SourceUnavailable, RateLimited, AuthError, SourceRejected: See `HttpClient.get`.
        """
        clients = [self._new_client() for _ in range(self.config.max_concurrent_requests)]
        fetching = Fetching(clients, source, self.config.max_payload_attempts, conditions)
        params = _params(source, window, value)
        walk = (
            Walk(source, source.path, params, fetching)
            if parents is None
            else ParentWalk(
                source, parents, fetching, lambda row: Walk(source, *_of_row(source, params, row), fetching)
            )
        )
        ahead = ThreadPoolExecutor(1, thread_name_prefix="esteira-page")
        try:
            first = walk.first() if state is None else state
            coming: Future[Page] | None = None if first is None else _submit(ahead, walk, first, number)
            while coming is not None:
                page = coming.result()
                coming = None if page.next_state is None else _submit(ahead, walk, page.next_state, page.number + 1)
                yield page
        finally:
            fetching.stop()
            ahead.shutdown(wait=True, cancel_futures=True)
            fetching.close()

    def _new_client(self) -> HttpClient:
        return HttpClient(self.config, self._credentials, limiter=self._limiter, stats=self.stats)


def records_of(body: bytes, source: ApiSource) -> list[msgspec.Raw]:
    """The records of a stored page.

    Raises:
        PayloadError: The body is not what the contract describes.
    """
    return reader_of(source.records, ())(body).records


def _of_row(source: ApiSource, params: Mapping[str, Any], row: Row) -> tuple[str, dict[str, Any]]:
    """Path and parameters with the parent's values in their places."""
    path = _PLACE.sub(lambda found: quote(str(row[found[1]]), safe=""), source.path)
    told = {
        name: _PLACE.sub(lambda found: str(row[found[1]]), each) if isinstance(each, str) else each
        for name, each in params.items()
    }
    return path, told


_PLACE = re.compile(r"\{parent\.(\w+)\}")


def _submit(ahead: ThreadPoolExecutor, walk: Walk | ParentWalk, state: State, number: int) -> Future[Page]:
    """Fetch in the background, with the caller's context: log records of a Prefect run keep their run."""
    return ahead.submit(contextvars.copy_context().run, walk.page, state, number)


def _params(source: ApiSource, window: Window | None, value: Value | None) -> dict[str, Any]:
    incremental = source.incremental
    if incremental is None or (window is None and value is None):
        return dict(source.params)
    names = (incremental.start_param, incremental.end_param)
    told = (value, None) if window is None else _written(incremental, window)
    return {**source.params, **{name: each for name, each in zip(names, told, strict=True) if name}}


def _written(incremental: Incremental, window: Window) -> Iterator[str]:
    if window.start.tzinfo is None or window.end.tzinfo is None:
        raise ConfigError("A window's start and end need a time zone.")
    return map(incremental.clock.write, incremental.asked(window.start, window.end))
