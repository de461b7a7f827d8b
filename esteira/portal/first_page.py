"""One page of a source, asked for as a run would ask, and what the contract's paginator makes of it. Nothing goes on from there."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace

from esteira.contract.source import ApiSource
from esteira.paginate import (
    NextLink,
    Offset,
    PageNumber,
    PageReading,
    PageRequest,
    Paginator,
    Params,
    SinglePage,
    State,
)
from esteira.portal.pages import Portal
from esteira.portal.question import Window
from esteira.portal.walk import Page


@dataclass(frozen=True, slots=True)
class FirstPage:
    """The first page of a walk.

    Attributes:
        page: As a run would get it.
        following: What a run would ask for next; None when the walk ends here.
        why: The paginator's reasons, in a sentence.
    """

    page: Page
    following: PageRequest | None
    why: str


def first_page(portal: Portal, source: ApiSource, window: Window | None = None) -> FirstPage:
    """Ask for the first page, and for no other.

    Args:
        portal: Where from.
        source: What to ask for.
        window: The window to ask for; None for a snapshot.

    Raises:
        PayloadError: It is not what the contract describes.
        SourceUnavailable, RateLimited, AuthError, SourceRejected: See `HttpClient.get`.
    """
    only = _Only(source.paginator)
    with closing(portal.pages(replace(source, paginator=only), window)) as pages:  # type: ignore[type-var] # a generator
        page = next(pages)
    reading, state = only.seen[0]
    if state is None:
        return FirstPage(page, None, _why_end(source.paginator, reading))
    following = source.paginator.request(state, source.path, source.params)
    return FirstPage(page, following, _why_next(source.paginator, reading))


@dataclass(frozen=True, slots=True)
class _Only:
    """A paginator that ends after the first page, and keeps what its own would have done."""

    inner: Paginator
    seen: list[tuple[PageReading, State | None]] = field(default_factory=list)

    @property
    def reads(self) -> tuple[str, ...]:
        return self.inner.reads

    def first(self) -> State:
        return self.inner.first()

    def request(self, state: State, path: str, params: Params) -> PageRequest:
        return self.inner.request(state, path, params)

    def guess(self, state: State, total: int | None) -> State | None:
        return None

    def next(self, state: State, reading: PageReading) -> State | None:
        self.seen.append((reading, self.inner.next(state, reading)))
        return None


def _why_next(paginator: Paginator, reading: PageReading) -> str:
    count = reading.record_count
    if isinstance(paginator, NextLink):
        return f"{_place(paginator)} names the next page."
    if isinstance(paginator, Offset):
        end = f"; it ends where {paginator.total} is reached, or at an empty page" if paginator.total else _UNTIL_EMPTY
        return f"{count:,} records arrived, so the offset moves on by as many{end}."
    if isinstance(paginator, PageNumber):
        return f"This page holds {count:,} records, so the next number is asked for{_UNTIL_EMPTY}."
    return f"{type(paginator).__name__} goes on."


def _why_end(paginator: Paginator, reading: PageReading) -> str:
    if isinstance(paginator, SinglePage):
        return "The contract says that everything comes in one answer."
    if isinstance(paginator, NextLink):
        return f"{_place(paginator)} names no next page."
    if isinstance(paginator, Offset) and paginator.total and reading.record_count:
        return f"{paginator.total} says that these are all the rows."
    return "The page holds no record."


def _place(paginator: NextLink) -> str:
    return f"The header {paginator.header}" if paginator.header else f"{paginator.body}, in the body,"


_UNTIL_EMPTY = "; it ends at an empty page"
