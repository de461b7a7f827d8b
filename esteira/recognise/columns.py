"""The columns of sample records: names that Redshift takes, types that lose nothing, units and nulls. In doubt a text stays a text."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from esteira.recognise.personal import why_personal
from esteira.recognise.units import unit_of

Kind = Literal["integer", "decimal", "float", "boolean", "moment", "local moment", "day", "text", "nested"]
FLOAT_DIGITS = 15
"""Decimal digits that a double always keeps."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6}0*)?)?(Z|[+-]\d\d:?\d\d)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_OTHER_DAY = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}.*")
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)\.\d+")
_COMMA = re.compile(r"-?[\d.]*\d,\d+")
_MONEY = re.compile(r"(^|_)(valor|vlr|vl|preco|price|amount|cost|custo|salario|salary|saldo|balance|fee|revenue|receita|despesa|tarifa)(_|$)")  # fmt: skip
_NO_ATTRIBUTE = frozenset({
    "config", "validate", "example", "empty", "strategy", "pydantic_validate", "get_metadata",
    "to_schema", "to_yaml", "to_json", "to_json_schema", "from_yaml", "from_json",
    "pa", "pd", "decimal128",
})  # fmt: skip
"""Names that a pandera model uses itself, and those that its attributes are written with: a column would hide them from those after it."""
_RESERVED = "_esteira"


@dataclass(frozen=True, slots=True)
class TypeGuess:
    """The type of a column's values.

    Attributes:
        kind: What they are.
        why: Why, where it is not plain.
        precision, scale: Of a decimal.
    """

    kind: Kind
    why: str = ""
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """One column.

    Attributes:
        source: The portal's name.
        name: The contract's: the same where it can be.
        kind: What it holds.
        why: Why this kind, where it is not plain.
        is_nullable: Whether the contract lets it be null.
        precision, scale: Of a decimal.
        unit, unit_why: As its name says.
        pii_why: Why it is personal; None when it is not.
    """

    source: str
    name: str
    kind: Kind
    why: str = ""
    is_nullable: bool = True
    precision: int = 0
    scale: int = 0
    unit: str | None = None
    unit_why: str = ""
    pii_why: str | None = None


def find_columns(rows: Sequence[Mapping[str, Any]], *, is_whole: bool) -> list[ColumnGuess]:
    """The columns, in the order in which they come.

    Args:
        rows: Sample records.
        is_whole: Whether these are all the rows there are; else a column without a null may yet have one.
    """
    names = free_names(dict.fromkeys(name for row in rows for name in row))
    return [_column(source, name, [row.get(source) for row in rows], is_whole) for source, name in names.items()]


def _column(source: str, name: str, values: Sequence[Any], is_whole: bool) -> ColumnGuess:  # noqa: FBT001 - private
    present = [value for value in values if value is not None]
    return describe(
        source, name, _type_of(name, present), present, is_nullable=not is_whole or len(present) < len(values)
    )


def describe(
    source: str, name: str, found: TypeGuess, values: Sequence[Any] = (), *, is_nullable: bool = True
) -> ColumnGuess:
    """A column of a known type, with what its name and values say besides: its unit, and whether it is personal.

    Args:
        source: The portal's name.
        name: The contract's.
        found: Its type.
        values: Some of its values, none of them null.
        is_nullable: Whether the contract lets it be null.
    """
    unit = unit_of(name) if found.kind in {"integer", "decimal", "float"} else None
    return ColumnGuess(
        source, name, found.kind, found.why, is_nullable, found.precision, found.scale,
        unit=unit[0] if unit else None, unit_why=unit[1] if unit else "",
        pii_why=None if found.kind in {"boolean", "nested", "moment"} else why_personal(source, values),
    )  # fmt: skip


def free_names(sources: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """A column's name for each of the portal's: lower case with underscores, usable as an attribute, and unique.

    Args:
        sources: Portal's names.
        taken: Names that columns have already.
    """
    names: dict[str, str] = {}
    for source in sources:
        names[source] = free_name(snake(source), {*taken, *names.values()})
    return names


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number behind it where it is taken."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def snake(source: str) -> str:
    """A name of the form that contracts have."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", source)
    plain = re.sub(r"[^a-z0-9]+", "_", _without_accents(words).lower()).strip("_")[:60] or "column"
    if not plain[0].isalpha():
        plain = f"c_{plain}"
    is_taken = keyword.iskeyword(plain) or plain in _NO_ATTRIBUTE or plain.startswith(_RESERVED.strip("_"))
    return f"{plain}_value" if is_taken else plain


def _without_accents(text: str) -> str:
    import unicodedata  # noqa: PLC0415 - only names with accents need its tables

    if text.isascii():
        return text
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def _type_of(name: str, values: Sequence[Any]) -> TypeGuess:
    if not values:
        return TypeGuess("text", "there are only nulls in the sample, so its type could not be known")
    if all(isinstance(value, bool) for value in values):
        return TypeGuess("boolean")
    if any(isinstance(value, dict | list) for value in values):
        return TypeGuess("nested", "objects or arrays, kept whole as SUPER")
    if all(isinstance(value, str) for value in values):
        return _text_type(values)
    if all(isinstance(value, int | Decimal) and not isinstance(value, bool) for value in values):
        return _number_type(name, values)
    types = ", ".join(sorted({type(value).__name__ for value in values}))
    return TypeGuess("nested", f"the portal mixes types here ({types}), so each value is kept as it is, as SUPER")


def _number_type(name: str, values: Sequence[int | Decimal]) -> TypeGuess:
    if all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in values):
        return TypeGuess("integer")
    numbers = [Decimal(value) for value in values]
    digits = max(len(number.as_tuple().digits) for number in numbers)
    whole, scale = _extent(numbers)
    if whole + scale > 38 or any("E" in str(number) for number in numbers):
        return TypeGuess("float", "numbers with exponents or more digits than a decimal has")
    if digits > FLOAT_DIGITS:
        return TypeGuess("decimal", f"{digits} digits, more than a double keeps", *_room(whole, scale))
    if _MONEY.search(name) and scale <= 4:
        why = "its name says an amount of money, which no double holds exactly"
        return TypeGuess("decimal", why, *_room(whole, max(scale, 2)))
    return TypeGuess("float")


def _text_type(values: Sequence[str]) -> TypeGuess:
    if all(_DAY.fullmatch(value) and _parses(date, value) for value in values):
        return TypeGuess("day")
    found = [_MOMENT.fullmatch(value) for value in values]
    if all(found) and all(_parses(datetime, value) for value in values):
        zones = sum(bool(match and match[3]) for match in found)
        if zones == len(values):
            return TypeGuess("moment")
        if zones == 0:
            return TypeGuess(
                "local moment", "its values have no zone, so they are kept as written and not taken for UTC"
            )
        return TypeGuess("text", "some of its moments have a zone and some have not")
    return _written_number(values)


def _written_number(values: Sequence[str]) -> TypeGuess:
    """Numbers between quotes; codes stay texts."""
    if all(_DECIMAL.fullmatch(value) for value in values):
        whole, scale = _extent([Decimal(value) for value in values])
        if whole + scale <= 38:
            return TypeGuess("decimal", "numbers with a fraction, as texts", *_room(whole, scale))
    if all(value.isascii() and value.isdigit() for value in values):
        return TypeGuess("text", "digits between quotes are often codes: as a number 007 would become 7")
    if all(_COMMA.fullmatch(value) for value in values):
        return TypeGuess("text", "numbers with a decimal comma: convert them in a transform")
    if all(_OTHER_DAY.fullmatch(value) for value in values):
        return TypeGuess("text", "days that are not ISO 8601: convert them in a transform (day or month first?)")
    return TypeGuess("text")


def _extent(numbers: Sequence[Decimal]) -> tuple[int, int]:
    """The most digits before and after the point."""
    scale = max(max(-int(number.as_tuple().exponent), 0) for number in numbers)
    return max(max(number.adjusted() + 1, 1) for number in numbers), scale


def _room(whole: int, scale: int) -> tuple[int, int]:
    """Precision and scale with room for larger values than the sample has."""
    return (18 if whole + scale <= 16 else 38), scale


def _parses(kind: type[date], text: str) -> bool:
    try:
        kind.fromisoformat(text)
    except ValueError:
        return False
    return True
