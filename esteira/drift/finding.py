"""What is found, one column each; and from samples of values to the type that holds them, as `esteira new` guesses it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal, cast

import pyarrow as pa

from esteira.recognise.columns import ColumnGuess, Kind, TypeGuess, describe, find_columns

Change = Literal["new", "missing", "retyped"]
RETYPED_VALUES = 10
"""Values that break their type: fewer are bad values, which go to quarantine, and not yet another type."""
RETYPED_SHARE = 0.9
"""Of a column's values that are not null."""
ALTERED = "…"
"""Ends a portal's name that is not kept as it is: too long, or not printable. No contract can name it."""
MAX_PRECISION = 38
"""https://docs.aws.amazon.com/redshift/latest/dg/r_Numeric_types201.html"""
_ARROW: dict[str, pa.DataType] = {
    "integer": pa.int64(), "float": pa.float64(), "boolean": pa.bool_(), "text": pa.string(), "nested": pa.binary(),
    "moment": pa.timestamp("us", "UTC"), "local moment": pa.timestamp("us"), "day": pa.date32(),
}  # fmt: skip
_JSON = {bool: "boolean", int: "number", Decimal: "number", str: "text", dict: "object", list: "array"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One column in which the source differs from the contract.

    Attributes:
        change: `new` at the source, `missing` from all records, or `retyped`.
        column: Contract's name; of a new column the one that it would be given.
        source: Portal's name, printable.
        was: The contract's type in Parquet; empty for a new column.
        guess: What arrives; None for a missing column.
        values: The column's values that are not null, of a retyped one; the batch's records, of a missing one.
        broken: Those that break the contract's type.
    """

    change: Change
    column: str
    source: str
    was: str = ""
    guess: ColumnGuess | None = None
    values: int = 0
    broken: int = 0

    @property
    def holds(self) -> str:
        """What arrives, in the words of `esteira new`."""
        return shown_kind(self.guess) if self.guess else ""


def shown_kind(guess: ColumnGuess) -> str:
    """A guess in a word, with the decimal's digits."""
    return f"decimal({guess.precision}, {guess.scale})" if guess.kind == "decimal" else guess.kind


def arrow_of(guess: ColumnGuess) -> pa.DataType:
    """The type in Parquet of a column that is declared as guessed."""
    return pa.decimal128(guess.precision, guess.scale) if guess.kind == "decimal" else _ARROW[guess.kind]


def guess_of(source: str, name: str, holds: str) -> ColumnGuess:
    """The guess that `shown_kind` wrote into a seal. There are no values any more, so the name alone tells whether it is personal."""
    found = re.fullmatch(r"decimal\((\d+), (\d+)\)", holds)
    if found:
        return describe(source, name, TypeGuess("decimal", precision=int(found[1]), scale=int(found[2])))
    return describe(source, name, TypeGuess(cast("Kind", holds)))


def guess_type(source: str, sample: Sequence[Any]) -> ColumnGuess:
    """The type that holds the values of a sample; nullable, since other records may lack it.

    Args:
        source: Portal's name.
        sample: Decoded values, numbers with a fraction as `Decimal`.
    """
    return find_columns([{source: value} for value in sample] or [{source: None}], is_whole=False)[0]


def guess_retyped(name: str, arrow: pa.DataType, sample: Sequence[Any]) -> ColumnGuess | None:
    """The type of values that break a column's own; None where they are of several types, or fit the contract after all.

    Args:
        name: Contract's name.
        arrow: Contract's type in Parquet.
        sample: Values that break it.
    """
    if len({_JSON.get(type(value)) for value in sample}) != 1:
        return None
    guess = replace(guess_type(name, sample), name=name)
    if pa.types.is_decimal(arrow) and isinstance(sample[0], int | Decimal):
        guess = _wider(guess, arrow, [Decimal(value) for value in sample])
    return None if arrow_of(guess) == arrow else guess


def _wider(guess: ColumnGuess, arrow: pa.DataType, numbers: Sequence[Decimal]) -> ColumnGuess:
    """A decimal that is too short becomes a longer one and not a double, which would lose digits."""
    scale = max(arrow.scale, *(-int(number.as_tuple().exponent) for number in numbers))
    whole = max(arrow.precision - arrow.scale, *(number.adjusted() + 1 for number in numbers))
    if whole + scale > MAX_PRECISION:
        return guess
    return replace(guess, kind="decimal", precision=MAX_PRECISION, scale=scale)
