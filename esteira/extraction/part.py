"""Pages on their way into one raw part."""

from __future__ import annotations

import time

import pyarrow as pa

from esteira.lake import PagePointer
from esteira.lake.index import folded
from esteira.portal import Page

PART_BYTES = 32 * 1024 * 1024
"""JSON of a raw part: what a kill costs at a fast portal."""
PART_SECONDS = 30.0
"""Age of a raw part at a slow portal: what a kill costs there."""


class GrowingPart:
    """Compressed as they come.

    Attributes:
        pages: Where they lie in it.
        warnings: What a person should know about them.
        totals: What the portal told on them, in order.
        size_bytes: Before compression.
    """

    def __init__(self) -> None:
        self._sink = pa.BufferOutputStream()
        self._stream = pa.CompressedOutputStream(self._sink, "zstd")  # level 1, Arrow's own choice: ten to one for JSON
        self._began = time.monotonic()
        self.pages: list[PagePointer] = []
        self.warnings: list[str] = []
        self.totals: list[int] = []
        self.size_bytes = 0

    def add(self, page: Page) -> None:
        """Take a page."""
        self._stream.write(page.body)
        self.pages.append(
            PagePointer(page.number, len(page.body), len(page.records), page.given.decode(), page.repeated)
        )
        self.size_bytes += len(page.body)
        self.warnings += [page.warning] if page.warning else []
        self.totals += [] if page.total is None else [page.total]

    def is_full(self, most_pages: int | None) -> bool:
        """Whether it is large, old or has as many pages as a part may have; None leaves that to size and age."""
        is_old = time.monotonic() - self._began > PART_SECONDS
        return self.size_bytes >= PART_BYTES or len(self.pages) == most_pages or is_old

    def packed(self, *, is_folded: bool) -> tuple[bytes, tuple[PagePointer, ...]]:
        """The part's bytes, and what the seal says of its pages.

        Args:
            is_folded: Whether they are very many, so that the seal has one pointer for all (esteira.lake.index).
        """
        self._stream.close()
        content: bytes = self._sink.getvalue().to_pybytes()
        if not is_folded:
            return content, tuple(self.pages)
        pages, index = folded(self.pages)
        return content + index, pages
