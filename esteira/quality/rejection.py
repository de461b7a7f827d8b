"""Why a row is not good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


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


def shown(value: Any) -> str:
    """A value as a rejection tells it."""
    return str(value)[:200]
