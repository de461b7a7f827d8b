"""The pages of raw parts, read again as they were received: in order, the next part fetched while one is in work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from esteira.contract import ApiSource
from esteira.in_order import InOrder
from esteira.lake import Lake, PagePointer, Part
from esteira.lake.index import pages_of, raw_text
from esteira.portal import given_to, records_of, without


def stored_pages(parts: Sequence[Part], source: ApiSource, lake: Lake) -> Iterator[tuple[Sequence[msgspec.Raw], int]]:
    """The records and the size of each page that stands in raw parts, the next part read while one is in work.

    Raises:
        SealConflict: A part is not what was stored.
        PayloadError: A page is not what the contract describes.
    """
    for part, content in contents(parts, lake):
        yield from received_pages(content, part, source)


def received_pages(content: bytes, part: Part, source: ApiSource) -> Iterator[tuple[Sequence[msgspec.Raw], int]]:
    """The records and the size of each page of a raw part.

    Raises:
        PayloadError: A page is not what the contract describes.
    """
    return ((received(page, pointer, source), len(page)) for page, pointer in pointed_pages(content, part))


def contents(parts: Sequence[Part], lake: Lake) -> Iterator[tuple[Part, bytes]]:
    """Raw parts as they are stored, the next one read while one is in work.

    Raises:
        SealConflict: A part is not what was stored.
    """
    reading = InOrder[bytes]("esteira-part")
    try:
        for part, following in pairwise((None, *parts, None)):
            content = reading.wait() if following is None else reading.run(lake.read_part, following)
            if part is not None and content is not None:
                yield part, content
    finally:
        reading.stop()


def raw_pages(content: bytes, part: Part) -> Iterator[bytes]:
    """The pages of a raw part, as the portal sent them."""
    return (page for page, _ in pointed_pages(content, part))


def pointed_pages(content: bytes, part: Part) -> Iterator[tuple[bytes, PagePointer]]:
    """The pages of a raw part, and what was noted of each."""
    body, start = raw_text(part, content), 0
    for page in pages_of(part, content):
        yield bytes(body[start : start + page.size_bytes]), page
        start += page.size_bytes


def received(page: bytes, pointer: PagePointer, source: ApiSource) -> list[msgspec.Raw]:
    """The records of a stored page: those that were on the page before left out, and a parent's values given to the others.

    Raises:
        PayloadError: The page is not what the contract describes.
    """
    return given_to(without(records_of(page, source), pointer.repeated), pointer.given.encode())
