"""From a paginator's state to the page that it stands for, and to the state of the next."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

import msgspec

from esteira.contract.responses import ResponseAction
from esteira.contract.source import ApiSource
from esteira.paginate import Offset, PageReading, State
from esteira.portal.answers import Fetched
from esteira.portal.fetching import Fetching
from esteira.portal.fingerprint import fingerprint
from esteira.portal.question import Call, Question


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        number: From 1, counted over resumptions.
        body: As received, inflated; empty where the answer was no page: past the end, or ignored.
        records: Slices of the body, undecoded, without those that were on the page before.
        total: The total that the portal reports, or None.
        next_state: Where the walk goes on, JSON-serialisable; None after the last page.
        url: Where it came from, for people.
        warning: What a person should know about it, or None.
        repeated: Positions in the body of the records that were on the page before.
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
    warning: str | None = None
    repeated: tuple[int, ...] = ()
    given: bytes = b""
    etag: str | None = None
    modified: str | None = None
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class SoFar:
    """What the pages before brought.

    Attributes:
        rows: How many records.
        total: The total that the first of them reported, or None.
    """

    rows: int = 0
    total: int | None = None


NOTHING_YET = SoFar()
_log = logging.getLogger(__name__)


class Walk:
    """Reads single pages, in order.

    Args:
        source: The contract's source.
        question: What is asked for.
        fetching: The clients.
        so_far: What the pages before brought.
    """

    def __init__(self, source: ApiSource, question: Question, fetching: Fetching, so_far: SoFar = NOTHING_YET) -> None:
        self._source, self._question, self._fetching = source, question, fetching
        self._so_far = so_far
        self._rules = tuple(rule for rule in source.responses if rule.is_about_counts)
        self._total: int | None = None
        self._may_guess = False

    def first(self) -> State | None:
        """The state of the first page."""
        return self._source.paginator.first()

    def call(self, state: State) -> Call:
        """What to ask for in a state."""
        return self._question.call(self._source.paginator.request(state, self._question.path, self._question.params))

    def page(self, state: State, number: int) -> Page:
        """The page of a state.

        Raises:
            PayloadError: It is not what the contract describes, or the portal repeats itself.
            SourceUnavailable, RateLimited, AuthError, SourceRejected: See `HttpClient.send`, and the contract's `responses`.
        """
        if self._may_guess:
            self._fetching.expect(self._guesses(state, number))
        call = self.call(state)
        fetched, retry = self._fetching.fetch(call, number), 0
        if fetched.is_known:
            return Page(number, b"", [], None, None, fetched.answer.url_redacted, is_known=True)
        while (rule := self._counting_rule(state, fetched, number)) is not None:
            fetched, retry = self._fetching.again(rule, retry, call, fetched, number), retry + 1
        return self._page(state, fetched, number)

    def _page(self, state: State, fetched: Fetched, number: int) -> Page:
        reading = self._reading(fetched, number)
        repeated = self._repeats(state, reading)
        records = without(fetched.envelope.records, repeated)
        following = None if fetched.ignored else self._source.paginator.next(state, reading)
        if following is not None:  # a page that is stored with a link that nobody may follow would end every attempt
            self._fetching.check(self.call(following))
        self._total = self._reported(fetched, reading)
        self._may_guess = self._has_guessed(state, following)
        first_total = self._total if self._so_far.total is None else self._so_far.total
        self._so_far = SoFar(self._so_far.rows + len(records), first_total)
        body = fetched.answer.body if fetched.is_page else b""
        warning = f"An answer was ignored and counts as the end: {fetched.ignored}." if fetched.ignored else None
        if warning:
            _log.warning("Page %d of %s: %s", number, fetched.answer.url_redacted, warning)
        page = Page(number, body, records, self._total, following, fetched.answer.url_redacted, warning, repeated)
        if not self._source.skip_unchanged:
            return page
        headers = fetched.answer.headers
        return replace(page, etag=headers.get("etag"), modified=headers.get("last-modified"))

    def _reading(self, fetched: Fetched, number: int) -> PageReading:
        envelope = fetched.envelope
        return PageReading(
            number=number,
            url=fetched.answer.url,
            record_count=len(envelope.records),
            fingerprint=fingerprint(envelope.records, fetched.answer.body),
            headers=fetched.answer.headers,
            lookup=envelope.lookup,
            strip=self._fetching.without_credentials,
            is_past_end=fetched.is_past_end,
            records=envelope.records,
        )

    def _repeats(self, state: State, reading: PageReading) -> tuple[int, ...]:
        paginator = self._source.paginator
        return paginator.repeats(state, reading) if isinstance(paginator, Offset) else ()

    def _guesses(self, state: State, number: int) -> Iterator[tuple[Call, int]]:
        """The page itself, and those behind it as long as the paginator can tell."""
        guess: State | None = state
        for ahead in range(self._fetching.spare + 1):
            if guess is None:
                return
            yield self.call(guess), number + ahead
            guess = self._source.paginator.guess(guess, self._total)

    def _has_guessed(self, state: State, following: State | None) -> bool:
        """Whether the state after this page is the one that the paginator would have guessed: then the next guess is worth a request."""
        if following is None or not self._fetching.spare:
            return False
        guess = self._source.paginator.guess(state, self._total)
        return guess is not None and self.call(guess) == self.call(following)

    def _reported(self, fetched: Fetched, reading: PageReading) -> int | None:
        """The total that this page reports; the last known one where the answer is no page."""
        return reading.count(self._source.total, "total") if fetched.is_page else self._total

    def _counting_rule(self, state: State, fetched: Fetched, number: int) -> ResponseAction | None:
        """The first rule about the rows so far that holds."""
        if not self._rules or self._so_far.total is None or not fetched.is_page:
            return None
        reading = self._reading(fetched, number)
        is_changed = self._reported(fetched, reading) != self._so_far.total
        is_short = self._is_short(state, reading)
        holding = (
            rule
            for rule in self._rules
            if rule.takes(fetched.answer.status)
            and (is_changed or not rule.is_total_changed)
            and (is_short or not rule.is_short)
        )
        return next(holding, None)

    def _is_short(self, state: State, reading: PageReading) -> bool:
        """Whether the walk would end at this page before the total is reached."""
        rows = self._so_far.rows + reading.record_count - len(self._repeats(state, reading))
        if self._so_far.total is None or rows >= self._so_far.total:
            return False
        return reading.record_count == 0 or self._source.paginator.next(state, reading) is None


def without(records: list[msgspec.Raw], repeated: Collection[int]) -> list[msgspec.Raw]:
    """The records but for those at these positions.

    Args:
        records: Of a page.
        repeated: Positions of those that were on the page before.
    """
    return [record for at, record in enumerate(records) if at not in repeated] if repeated else records
