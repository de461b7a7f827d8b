"""From a row's position in its batch to where it stands at the source, by what was noted of the raw parts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from esteira.lake import Lake, PagePointer, Part, Seal
from esteira.lake.index import pages_of
from esteira.quarantine.refused import Place


@dataclass(frozen=True, slots=True)
class OnPage:
    """A record of an answer.

    Attributes:
        page: Counts from 1 in the batch.
        record: Counts from 1 on the page, as the portal sent it.
    """

    page: int
    record: int

    def __str__(self) -> str:
        return f"page {self.page:,}, record {self.record:,}"

    def of(self, column: str) -> str:
        """Columns have no place of their own on a page."""
        return str(self)


@dataclass(frozen=True, slots=True)
class InFile:
    """A row of a file, by the addresses that were noted when it was refused.

    Attributes:
        cells: Column to where its value stands, at least one.
    """

    cells: Mapping[str, str]

    def __str__(self) -> str:
        return next(iter(self.cells.values()))

    def of(self, column: str) -> str:
        """The address of the cell."""
        return self.cells.get(column, str(self))


def places(raw: Seal | None, positions: Iterable[int], lake: Lake) -> dict[int, Place]:
    """The places of these rows; those whose part tells none are left out.

    Raises:
        SealConflict: A part whose index is needed is not what was sealed.
    """
    is_paged = raw is not None and raw.provenance.file is None
    parts = [part for part in raw.parts if part.rows] if raw and is_paged else []
    firsts = [part.first_row for part in parts]
    wanted: dict[int, list[int]] = {}
    for position in sorted(set(positions)):
        wanted.setdefault(bisect_right(firsts, position) - 1, []).append(position)
    found = (_in_part(parts[at], own, lake) for at, own in wanted.items() if at >= 0)
    return {position: place for each in found for position, place in each}


def _in_part(part: Part, positions: Sequence[int], lake: Lake) -> Iterator[tuple[int, Place]]:
    """Only an index that lies in the part itself makes it be read."""
    is_folded = any(page.index_bytes for page in part.pages)
    pages = pages_of(part, lake.read_part(part)) if is_folded else part.pages
    first, remaining = part.first_row, list(positions)
    for page in pages:
        while remaining and remaining[0] < first + page.rows:
            position = remaining.pop(0)
            yield position, OnPage(page.number, _as_sent(page, position - first) + 1)
        first += page.rows


def _as_sent(page: PagePointer, index: int) -> int:
    """Records that were on the page before too are no rows of the batch, and still take a place on this one."""
    for repeated in sorted(page.repeated):
        index += repeated <= index
    return index
