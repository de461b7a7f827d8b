"""One page of a source, asked for as a run would ask, and what the contract's paginator makes of it. Nothing goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from esteira.contract.source import ApiSource
from esteira.paginate import NextLink, NextToken, Offset, PageNumber, Paginator, SinglePage
from esteira.portal.pages import Portal
from esteira.portal.parents import given_to
from esteira.portal.question import Call, Question
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
    following: Call | None
    why: str

    @property
    def records(self) -> list[msgspec.Raw]:
        """Its records, with what the contract adds of their parent."""
        return given_to(self.page.records, self.page.given)


def first_page(
    portal: Portal, source: ApiSource, question: Question, row: Mapping[str, Any] | None = None
) -> FirstPage:
    """Ask for the first page, and for no other.

    Args:
        portal: Where from.
        source: What to ask for.
        question: For which window, value and row.
        row: The row of the parent dataset, whose values the contract adds to each record.

    Raises:
        PayloadError: It is not what the contract describes.
        SourceUnavailable, RateLimited, AuthError, SourceRejected: See `HttpClient.send`.
    """
    page = portal.first(source, question)
    if source.parent and row:
        given = {name: row[column] for name, column in source.parent.columns.items()}
        page = replace(page, given=msgspec.json.encode(given) if given else b"")
    if page.next_state is None:
        return FirstPage(page, None, _why_end(source.paginator, page))
    following = source.paginator.request(page.next_state, question.path, question.params)
    return FirstPage(page, question.call(following), _why_next(source.paginator, page))


def _why_next(paginator: Paginator, page: Page) -> str:
    count = len(page.records)
    if isinstance(paginator, NextLink):
        return f"{_place(paginator)} names the next page."
    if isinstance(paginator, NextToken):
        return f"{_place(paginator)} holds a token, which goes into {paginator.param}."
    if isinstance(paginator, Offset):
        end = f"; it ends where {paginator.total} is reached" if paginator.total else _end(paginator)
        return f"{count:,} records arrived, so the offset moves on by as many{end}."
    if isinstance(paginator, PageNumber):
        end = f"; {paginator.total_pages} says which is the last" if paginator.total_pages else _end(paginator)
        return f"This page holds {count:,} records, so the next number is asked for{end}."
    return f"{type(paginator).__name__} goes on."


def _why_end(paginator: Paginator, page: Page) -> str:
    if page.warning:
        return page.warning
    if isinstance(paginator, SinglePage):
        return "The contract says that everything comes in one answer."
    if isinstance(paginator, NextLink):
        return f"{_place(paginator)} names no next page."
    if isinstance(paginator, NextToken):
        return f"{_place(paginator)} holds no token, or the page says that there is no more."
    if page.records:
        return "The portal says that these are all the rows."
    return "The page holds no record."


def _end(paginator: Offset | PageNumber) -> str:
    if paginator.has_more:
        return f"; {paginator.has_more} says that there is more"
    return (
        f"; it ends at a {paginator.past_end} or an empty page" if paginator.past_end else "; it ends at an empty page"
    )


def _place(paginator: NextLink | NextToken) -> str:
    return f"The header {paginator.header}" if paginator.header else f"{paginator.body}, in the body,"
