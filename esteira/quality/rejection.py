"""Why a row is not good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

SHOWN_PLACES = 20
"""Refused cells of a file that a message names: who made it corrects the first of them and sees the pattern."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One reason why one row is not good.

    Attributes:
        row: Position in the part, from 0.
        column: The contract's column.
        rule: The rule's name: `type` for a value that its type cannot hold.
        value: The value as text.
    """

    row: int
    column: str
    rule: str
    value: str


@runtime_checkable
class Placed(Protocol):
    """Records that know where they stand in a file."""

    def place(self, row: int, column: str) -> str:
        """Where a record's value of a column stands, such as `Plan1!C17`."""


def places_of(bad: pa.Table, most: int) -> list[str]:
    """Where the first refused cells of a file are, and why; never what stands in them. Empty for rows that came from no file.

    Args:
        bad: Refused rows, one for each reason.
        most: How many at most.
    """
    if "place" not in bad.column_names or most <= 0:
        return []
    found = bad.select(["place", "column", "rule"]).slice(0, most).to_pylist()
    return [f"{row['place']} ({row['column']}: {row['rule']})" for row in found]


def shown(value: Any) -> str:
    """A value as a rejection tells it."""
    return str(value)[:200]
