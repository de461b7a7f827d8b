"""The pages of a source, in order: read by one background thread, asked for by several where the contract allows it."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import Any
from urllib.parse import urljoin

import msgspec

from esteira.auth import Secret
from esteira.contract.source import ApiSource, Method
from esteira.errors import ConfigError
from esteira.http import Access, Answer, Budget, HttpClient, HttpStats, Keys, Rate, SharedLimits
from esteira.http.order import PLAIN, Terms
from esteira.http.sink import Sink
from esteira.paginate import State
from esteira.portal.arrival import Arrival, OnArrival, ignore
from esteira.portal.config import PortalConfig
from esteira.portal.envelope import reader_of
from esteira.portal.fetching import Fetching
from esteira.portal.parents import ParentWalk
from esteira.portal.question import NOTHING_MORE, Asked, Call, Question, Window
from esteira.portal.walk import NOTHING_YET, Page, SoFar, Walk

ReadSecret = Callable[[str], Mapping[str, str]]


class Portal:
    """A portal that is open for reading.

    Args:
        config: Its limits and auth.
        secret_values: Fields of the secret that `config.secret` names.
        read_secret: Reads a secret by its name: the client's certificate, the proxy's login, and, when the portal refuses us, the
            fields of `config.secret` once more, since somebody may have rotated them in the middle of a run.
        shared: The limits that runs share.

    `on_arrival` is called after each page, by whoever asks for it.

    Raises:
        AuthError: A field of the secret is missing or unusable.
        ConfigError: The base URL or the auth is not usable.
    """

    def __init__(
        self,
        config: PortalConfig,
        secret_values: Mapping[str, str],
        *,
        read_secret: ReadSecret | None = None,
        shared: SharedLimits | None = None,
    ) -> None:
        self.config = config
        self.stats = HttpStats()
        self.on_arrival: OnArrival = ignore
        reread = partial(read_secret, config.secret) if read_secret and config.secret else None
        self._access = Access(config.auth, Secret(config.secret, secret_values), reread=reread)
        self._keys = Keys(_secret(config.client_certificate, read_secret), _secret(config.proxy_secret, read_secret))
        self._budget, self._shared = budget_of(config.name, config.rates, config.timezone), shared
        self._new_client().close()  # a base URL that is not usable fails here, not at the first page

    def pages(
        self,
        source: ApiSource,
        window: Window | None = None,
        *,
        asked: Asked = NOTHING_MORE,
        state: State | None = None,
        number: int = 1,
        so_far: SoFar = NOTHING_YET,
    ) -> Iterator[Page]:
        """The pages of a source, in order; the next two are fetched while the consumer works.

        Args:
            source: The contract's source.
            window: The window to ask for; None for a snapshot.
            asked: The value of a cursor, the parent's rows where each of them is walked, and conditions.
            state: `next_state` of an earlier page, to resume behind it.
            number: Number of the first page that will come.
            so_far: What the pages before brought.

        Raises:
            ConfigError: A template asks for what there is not.
            PayloadError: A page is not what the contract describes, or the portal repeats itself.
            SourceUnavailable, RateLimited, AuthError, SourceRejected: See `HttpClient.get`.
        """
        clients = [self._new_client() for _ in range(self.config.max_concurrent_requests)]
        fetching = Fetching(clients, source, self.config.max_payload_attempts, asked.conditions)

        def walk_of(row: Mapping[str, Any] | None, before: SoFar) -> Walk:
            return Walk(source, Question(source, window, row, asked.value), fetching, before)

        walk = walk_of(None, so_far) if asked.parents is None else ParentWalk(source, asked.parents, fetching, walk_of)
        ahead = ThreadPoolExecutor(1, thread_name_prefix="esteira-page")
        try:
            first = walk.first() if state is None else state
            rows, began = so_far.rows, time.monotonic()
            for page in _in_turn(ahead, walk, first, number):
                rows += len(page.records)
                self.on_arrival(self._arrival(page, rows, time.monotonic() - began, so_far))
                yield page
        finally:
            fetching.stop()
            ahead.shutdown(wait=True, cancel_futures=True)
            fetching.close()

    def first(self, source: ApiSource, question: Question) -> Page:
        """The first page alone, as `pages` would bring it; nothing is fetched ahead.

        Raises: as `pages`.
        """
        fetching = Fetching([self._new_client()], source, self.config.max_payload_attempts)
        try:
            return Walk(source, question, fetching).page(source.paginator.first(), 1)
        finally:
            fetching.stop()
            fetching.close()

    def ask(self, call: Call, *, method: Method = "GET", what: str = "The request") -> Answer:
        """One answer as it came, for whoever does not know yet what is in it.

        Raises:
            SourceUnavailable, RateLimited, AuthError, SourceRejected, PayloadError: See `HttpClient.send`.
        """
        client = self._new_client()
        try:
            url = urljoin(self.config.base_url, call.target) if call.is_link else call.target
            return client.send(method, url, call.params, call.body, what=what, terms=Terms(is_read_only=True))
        finally:
            client.close()

    def download(
        self, url: str, sink: Sink, params: Mapping[str, Any] | None = None, *, what: str, terms: Terms = PLAIN
    ) -> Answer:
        """A file onto a disk; see `HttpClient.download`."""
        client = self._new_client()
        try:
            return client.download(url, sink, params, what=what, terms=terms)
        finally:
            client.close()

    def _arrival(self, page: Page, rows: int, seconds: float, so_far: SoFar) -> Arrival:
        return Arrival(
            page.number, rows, seconds, so_far.rows, page.total if so_far.total is None else so_far.total,
            is_last=page.next_state is None, budget_seconds=self.stats.budget_seconds, retry_seconds=self.stats.waited_seconds,
        )  # fmt: skip

    def _new_client(self) -> HttpClient:
        return HttpClient(
            self.config, self._access, budget=self._budget, shared=self._shared, keys=self._keys, stats=self.stats
        )


@cache
def budget_of(portal: str, rates: tuple[Rate, ...], timezone: str) -> Budget:  # noqa: ARG001 - the cache is asked by it
    """The one budget of a portal in this process: datasets that are extracted side by side share it."""
    return Budget(rates, timezone)


def records_of(body: bytes, source: ApiSource) -> list[msgspec.Raw]:
    """The records of a stored page. One without a byte stands for an answer that was none: past the end, or ignored.

    Raises:
        PayloadError: The body is not what the contract describes.
    """
    return reader_of(source.shape)(body).records if body else []


def _secret(name: str | None, read_secret: ReadSecret | None) -> Secret | None:
    if name is None:
        return None
    if read_secret is None:
        raise ConfigError(f"The portal names secret {name!r}, and nothing was given to read it with.")
    return Secret(name, read_secret(name))


def _in_turn(ahead: ThreadPoolExecutor, walk: Walk | ParentWalk, state: State | None, number: int) -> Iterator[Page]:
    """Yield each page while the thread reads the next two, so that the portal never waits for the caller."""
    if state is None:
        return
    coming: Future[Page | None] = _submit(ahead, walk.page, state, number)
    following = _submit(ahead, _page_after, walk, coming)
    while (page := coming.result()) is not None:
        coming, following = following, _submit(ahead, _page_after, walk, following)
        yield page


def _page_after(walk: Walk | ParentWalk, before: Future[Page | None]) -> Page | None:
    page = before.result()
    return None if page is None or page.next_state is None else walk.page(page.next_state, page.number + 1)


def _submit(ahead: ThreadPoolExecutor, work: Callable[..., Page | None], *args: Any) -> Future[Page | None]:
    """Run in the background with the caller's context, so that log records keep their Prefect run."""
    return ahead.submit(contextvars.copy_context().run, work, *args)
