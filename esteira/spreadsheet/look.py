"""What a look at a sheet found that its reader does not tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

RAISED = "raised"
Range: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""Upper left and lower right cell, each row and column from 0."""


class Fault(NamedTuple):
    """Why a cell cannot be trusted.

    Attributes:
        rule: `error` for #REF! and its like, `formula` for one that nobody calculated, `merged` for a part of a merged cell, `raised` for a
            raised sign in a text, which only matters where the text is to be a number or a day.
        text: What stands there.
    """

    rule: str
    text: str


@dataclass(slots=True)
class Look:
    """Facts of a sheet; rows and columns from 0.

    Attributes:
        hidden: Rows that are not shown.
        faults: Cells that cannot be trusted, by row and column.
        merged: Merged cells.
        rows, columns: How large it is; 0 where nobody counted.
        is_1904: Whether days count from 1904.
        is_dated: Whether the file stores days as days, and not as numbers.
    """

    hidden: Collection[int] = frozenset()
    faults: dict[int, dict[int, Fault]] = field(default_factory=lambda: defaultdict(dict))
    merged: Sequence[Range] = ()
    rows: int = 0
    columns: int = 0
    is_1904: bool = False
    is_dated: bool = False

    def merged_by_row(self) -> dict[int, list[Range]]:
        """The merged cells of each row that has some."""
        found: dict[int, list[Range]] = {}
        for each in self.merged:
            for row in range(each[0][0], each[1][0] + 1):
                found.setdefault(row, []).append(each)
        return found
