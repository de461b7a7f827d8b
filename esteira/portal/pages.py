"""The walk over a source's pages, with one page read ahead by one background thread."""

from __future__ import annotations

import contextvars
import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from esteira.auth import credentials_of
from esteira.contract.source import ApiSource
from esteira.errors import ConfigError, PayloadError
from esteira.http import Answer, HttpClient, HttpStats, Limiter
from esteira.paginate import PageReading, PageRequest, State
from esteira.portal.config import PortalConfig
from esteira.portal.envelope import Envelope, is_json, reader_of
from esteira.redaction import printable


class Window(Protocol):
    """Anything with a start and an end."""

    @property
    def start(self) -> datetime:
        """Inclusive, UTC."""

    @property
    def end(self) -> datetime:
        """Exclusive, UTC."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        number: From 1, counted over resumptions.
        body: As received, inflated.
        records: Slices of the body, undecoded.
        total: The total that the portal reports, or None.
        next_state: Where the walk goes on, JSON-serialisable; None after the last page.
        url: Where it came from, for people.
    """

    number: int
    body: bytes = field(repr=False)
    records: list[msgspec.Raw] = field(repr=False)
    total: int | None
    next_state: State | None = field(repr=False)
    url: str


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
        self, source: ApiSource, window: Window | None = None, *, state: State | None = None, number: int = 1
    ) -> Iterator[Page]:
        """The pages of a source, in order; the next one is fetched while the consumer works.

        Args:
            source: The contract's source.
            window: The window to ask for; None for a snapshot.
            state: `next_state` of an earlier page, to resume behind it.
            number: Number of the first page that will come.

        Raises:
            PayloadError: A page is not what the contract describes, or the portal repeats itself.
            SourceUnavailable, RateLimited, AuthError, SourceRejected: See `HttpClient.get`.
        """
        client = self._new_client()
        walk = _Walk(client, source, _params(source, window), self.config.max_payload_attempts)
        ahead = ThreadPoolExecutor(1, thread_name_prefix="esteira-page")
        try:
            coming: Future[Page] | None = _submit(ahead, walk, state or source.paginator.first(), number)
            while coming is not None:
                page = coming.result()
                coming = None if page.next_state is None else _submit(ahead, walk, page.next_state, page.number + 1)
                yield page
        finally:
            client.stop()
            ahead.shutdown(wait=True, cancel_futures=True)
            client.close()

    def _new_client(self) -> HttpClient:
        return HttpClient(self.config, self._credentials, limiter=self._limiter, stats=self.stats)


def records_of(body: bytes, source: ApiSource) -> list[msgspec.Raw]:
    """The records of a stored page.

    Raises:
        PayloadError: The body is not what the contract describes.
    """
    return reader_of(source.records, ())(body).records


class _Walk:
    """Fetches and reads single pages; runs in the background thread."""

    def __init__(self, client: HttpClient, source: ApiSource, params: Mapping[str, str | int], attempts: int) -> None:
        self._client, self._source, self._params, self._attempts = client, source, params, attempts
        self._total = (source.total,) if source.total else ()
        self._read = reader_of(source.records, tuple(dict.fromkeys((*self._total, *source.paginator.reads))))

    def page(self, state: State, number: int) -> Page:
        """The page of a state."""
        answer, envelope = self._fetch(self._source.paginator.request(state, self._source.path, self._params), number)
        reading = PageReading(
            number=number,
            url=answer.url,
            record_count=len(envelope.records),
            fingerprint=_fingerprint(envelope.records),
            headers=answer.headers,
            lookup=envelope.lookup,
            strip=self._client.strip,
        )
        following = self._source.paginator.next(state, reading)
        return Page(
            number, answer.body, envelope.records, self._reported(envelope, number), following, answer.url_redacted
        )

    def _fetch(self, request: PageRequest, number: int) -> tuple[Answer, Envelope]:
        retry = 0
        while True:
            answer = self._client.get(self._url(request), request.params, what=f"Page {number}")
            try:
                return answer, self._read(answer.body)
            except PayloadError as exc:
                problem = exc
            if retry + 1 >= self._attempts or is_json(answer.body):
                raise _located(problem, answer, number)
            self._client.pause(retry, problem.message, f"Page {number}")
            retry += 1

    def _url(self, request: PageRequest) -> str:
        """A link without an origin belongs to the base URL's origin, a path of the contract below the whole base URL."""
        if not request.is_link or "://" in request.target:
            return request.target
        scheme, _, rest = self._client.config.base_url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}{request.target}"

    def _reported(self, envelope: Envelope, number: int) -> int | None:
        value = envelope.lookup(self._source.total) if self._source.total else None
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value)
        raise PayloadError(
            f"Page {number}: the total at {self._source.total} is {printable(str(value))!r}, not a whole number."
        )


def _submit(ahead: ThreadPoolExecutor, walk: _Walk, state: State, number: int) -> Future[Page]:
    """Fetch in the background, with the caller's context: log records of a Prefect run keep their run."""
    return ahead.submit(contextvars.copy_context().run, walk.page, state, number)


def _located(problem: PayloadError, answer: Answer, number: int) -> PayloadError:
    kind = printable(answer.headers.get("content-type", "no content type"), limit=60)
    start = printable(answer.body[:400].decode(errors="replace"))
    message = f"Page {number} of {answer.url_redacted}: {problem.message}. It is {kind} of {len(answer.body)} bytes and begins {start!r}."
    return PayloadError(message, hint=problem.hint)


def _fingerprint(records: list[msgspec.Raw]) -> str:
    return hashlib.blake2b(b"\n".join(records), digest_size=8).hexdigest()


def _params(source: ApiSource, window: Window | None) -> dict[str, Any]:
    incremental = source.incremental
    if incremental is None or window is None:
        return dict(source.params)
    if window.start.tzinfo is None or window.end.tzinfo is None:
        raise ConfigError("A window's start and end need a time zone.")
    start, end = window.start.astimezone(UTC) - incremental.lag, window.end.astimezone(UTC)
    return {
        **source.params,
        incremental.start_param: start.strftime(incremental.format),
        incremental.end_param: end.strftime(incremental.format),
    }
