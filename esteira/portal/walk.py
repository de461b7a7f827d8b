"""From a paginator's state to the page that it stands for, and to the state of the next."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from esteira.contract.source import ApiSource
from esteira.errors import PayloadError
from esteira.paginate import PageReading, PageRequest, State
from esteira.portal.envelope import Envelope
from esteira.portal.fetching import Fetching
from esteira.redaction import printable


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
        given: A JSON object of the parent's values that belong to each record; empty for none.
        etag, modified: What names this very answer, of a source that skips the known one: `ETag` and `Last-Modified`.
        is_known: Whether the portal says, instead of sending it, that it is the one that was named.
    """

    number: int
    body: bytes = field(repr=False)
    records: list[msgspec.Raw] = field(repr=False)
    total: int | None
    next_state: State | None = field(repr=False)
    url: str
    given: bytes = b""
    etag: str | None = None
    modified: str | None = None
    is_known: bool = False


class Walk:
    """Reads single pages, in order.

    Args:
        source: The contract's source.
        path: What is asked for.
        params: Query parameters of every request.
        fetching: The clients.
    """

    def __init__(self, source: ApiSource, path: str, params: Mapping[str, str | int], fetching: Fetching) -> None:
        self._source, self._path, self._params, self._fetching = source, path, params, fetching
        self._total: int | None = None
        self._may_guess = False

    def first(self) -> State | None:
        """The state of the first page."""
        return self._source.paginator.first()

    def page(self, state: State, number: int) -> Page:
        """The page of a state.

        Raises:
            PayloadError: It is not what the contract describes, or the portal repeats itself.
            SourceUnavailable, RateLimited, AuthError, SourceRejected: See `HttpClient.get`.
        """
        if self._may_guess:
            self._fetching.expect(self._guesses(state, number))
        fetched = self._fetching.fetch(self.request(state), number)
        answer, envelope = fetched.answer, fetched.envelope
        if fetched.is_known:
            return Page(number, b"", [], None, None, answer.url_redacted, is_known=True)
        reading = PageReading(
            number=number,
            url=answer.url,
            record_count=len(envelope.records),
            fingerprint=_fingerprint(envelope.records),
            headers=answer.headers,
            lookup=envelope.lookup,
            strip=self._fetching.strip,
        )
        following = self._source.paginator.next(state, reading)
        self._total = self._reported(envelope, number)
        self._may_guess = self._has_guessed(state, following)
        page = Page(number, answer.body, envelope.records, self._total, following, answer.url_redacted)
        if not self._source.skip_unchanged:
            return page
        return replace(page, etag=answer.headers.get("etag"), modified=answer.headers.get("last-modified"))

    def request(self, state: State) -> PageRequest:
        """What to ask for in a state."""
        return self._source.paginator.request(state, self._path, self._params)

    def _guesses(self, state: State, number: int) -> Iterator[tuple[PageRequest, int]]:
        """The page itself, and those behind it as long as the paginator can tell."""
        guess: State | None = state
        for ahead in range(self._fetching.spare + 1):
            if guess is None:
                return
            yield self.request(guess), number + ahead
            guess = self._source.paginator.guess(guess, self._total)

    def _has_guessed(self, state: State, following: State | None) -> bool:
        """Whether the state after this page is the one that the paginator would have guessed: then the next guess is worth a request."""
        if following is None or not self._fetching.spare:
            return False
        guess = self._source.paginator.guess(state, self._total)
        return guess is not None and self.request(guess) == self.request(following)

    def _reported(self, envelope: Envelope, number: int) -> int | None:
        value = envelope.lookup(self._source.total) if self._source.total else None
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value)
        raise PayloadError(
            f"Page {number}: the total at {self._source.total} is {printable(str(value))!r}, not a whole number."
        )


def _fingerprint(records: list[msgspec.Raw]) -> str:
    """Checksums, not a hash: five times as fast, and a portal that repeats itself does not do so to deceive."""
    text = b"\n".join(records)
    return f"{zlib.crc32(text):08x}{zlib.adler32(text):08x}"
