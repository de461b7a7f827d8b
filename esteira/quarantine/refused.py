"""A refused row, why, and where it came from; and the batches that have some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import pyarrow as pa

from esteira.lake import Seal

State = Literal["loaded", "waiting", "stopped"]
Tables = Callable[[], Iterator[pa.Table]]


class Place(Protocol):
    """Where a row stands at the source. Printed it is `page 3, record 17` or `Plan1!17`."""

    def of(self, column: str) -> str:
        """Where its value of a column stands: `Plan1!C17` in a spreadsheet, the row itself where columns have no place."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a row is refused.

    Attributes:
        column: The contract's column; `*` where the rule is about the whole row.
        rule: The rule's name.
        value: The value as text, as far as it is kept.
        sentence: The same in words.
    """

    column: str
    rule: str
    value: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Refused:
    """One refused row. Shown to people only as `Mask.refused` makes it.

    Attributes:
        batch, generation: Whose it is.
        position: In the batch, from 0.
        place: Where it stands at the source; None when its raw part is gone.
        reasons: At least one.
        record: As received: JSON text.
    """

    batch: str
    generation: int
    position: int
    place: Place | None
    reasons: tuple[Reason, ...]
    record: str

    @property
    def where(self) -> str:
        """Its place in words."""
        return str(self.place) if self.place is not None else f"record {self.position + 1:,} of the batch"

    def where_of(self, column: str) -> str:
        """The place of one of its values: a cell, where it has one."""
        return self.place.of(column) if self.place is not None else self.where


@dataclass(frozen=True, slots=True)
class RuleCount:
    """The rows of a batch that break one rule.

    Attributes:
        column, rule: The rule.
        rows: How many.
        first: Position of the first of them in the batch, from 0.
        example: Its value.
    """

    column: str
    rule: str
    rows: int
    first: int
    example: str

    @property
    def name(self) -> str:
        """As seals count it: `column: rule`."""
        return f"{self.column}: {self.rule}"


@dataclass(frozen=True, slots=True)
class Holding:
    """A batch that has refused rows, or had some that a replay brought.

    Attributes:
        batch, generation: Which one.
        state: `loaded`; `waiting` where it is validated and not in the table yet; `stopped` where it is neither.
        extracted: Its records.
        raw: Its raw seal; None when there is none any more.
        tables: Reads the refused rows: one row for each reason, as `esteira.quality` makes them.
        replayed: Rows that replays have brought so far.
    """

    batch: str
    generation: int
    state: State
    extracted: int
    raw: Seal | None
    tables: Tables
    replayed: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """The refused rows of a batch, gathered.

    Attributes:
        holding: The batch.
        rows: How many records are refused.
        rules: The rules that they break, the most frequent first. A record may break several.
        samples: The first rows of each rule, in order: at least its first.
    """

    holding: Holding
    rows: int
    rules: tuple[RuleCount, ...]
    samples: tuple[Refused, ...]

    def first(self, rule: RuleCount) -> Refused:
        """The first row that breaks a rule."""
        return next(row for row in self.samples if row.position == rule.first)

    def where(self, rule: RuleCount) -> str:
        """Where the first row that breaks a rule stands: the cell of the rule's column, if it is in one."""
        return self.first(rule).where_of(rule.column)


def is_named(wanted: str | None, column: str, rule: str) -> bool:
    """Whether a person means this rule: by `column: rule`, by the rule or by the column alone; None means every one."""
    return wanted is None or wanted in {f"{column}: {rule}", rule, column}
