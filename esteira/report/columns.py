"""The columns of a batch: their contract, and what their values are like."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
from markupsafe import Markup

from esteira.contract import Column, Dataset
from esteira.redaction import MASK
from esteira.report.amounts import NOTHING, count, measure, moment, share
from esteira.report.bilingual import Text
from esteira.report.facts import BatchFacts, Profiled
from esteira.report.foreign import shown
from esteira.report.plots import histogram, line
from esteira.report.words import say

TOP_VALUES = 3
FREQUENT_SHARE = 0.01
"""Of the rows with a value."""
DECILES = 11
MIDDLE = 5


@dataclass(frozen=True, slots=True)
class ColumnLine:
    """A column of the contract."""

    name: str
    type: str
    unit: str
    description: str
    is_nullable: bool
    is_personal: bool
    is_key: bool


@dataclass(frozen=True, slots=True)
class TopValue:
    """A frequent value; `bar_percent` is its share of the rows with a value."""

    value: str
    rows: Text
    share: Text
    bar_percent: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot, and what it shows in words."""

    svg: Markup
    words: Text


@dataclass(frozen=True, slots=True)
class ProfileLine:
    """What a column's values are like; `histogram` and `top` are empty where they have no sense or must not be seen."""

    column: ColumnLine
    filled: Text
    nulls: Text
    distinct: Text
    minimum: Text
    median: Text
    mean: Text
    maximum: Text
    histogram: Picture | None = None
    null_trend: Picture | None = None
    top: tuple[TopValue, ...] = field(default=())


def columns_of(dataset: Dataset) -> tuple[ColumnLine, ...]:
    """The contract's columns in order."""
    return tuple(
        ColumnLine(
            column.name, _type(column), column.unit or "", shown(column.description, limit=500), column.is_nullable,
            column.is_pii, column.name in dataset.key,
        )
        for column in dataset.columns
    )  # fmt: skip


def profiles_of(facts: BatchFacts) -> tuple[ProfileLine, ...]:
    """One line for each column that has a profile, in the contract's order."""
    found = {profile.column: profile for profile in facts.profiles}
    declared = {column.name: column for column in facts.dataset.columns}
    lines = (each for each in columns_of(facts.dataset) if each.name in found)
    return tuple(_profile(each, declared[each.name], found[each.name], facts) for each in lines)


def _profile(line_: ColumnLine, column: Column, profile: Profiled, facts: BatchFacts) -> ProfileLine:
    filled = profile.rows - profile.nulls
    common = {
        "column": line_,
        "filled": share(filled, profile.rows),
        "nulls": count(profile.nulls),
        "distinct": count(profile.distinct),
        "null_trend": _null_trend(column.name, facts.past_nulls.get(column.name, ())),
    }
    if column.is_pii:
        masked = dict.fromkeys(("minimum", "median", "mean", "maximum"), Text.same(MASK) if filled else NOTHING)
        return ProfileLine(**common, **masked)  # type: ignore[arg-type] # one dictionary of several types
    middle = profile.quantiles[MIDDLE] if len(profile.quantiles) == DECILES else None
    return ProfileLine(
        **common,  # type: ignore[arg-type] # the same
        minimum=_edge(column, profile, 0, profile.minimum),
        median=_written(column, middle),
        mean=_written(column, profile.mean),
        maximum=_edge(column, profile, -1, profile.maximum),
        histogram=_histogram(column, profile),
        top=tuple(_top(value, rows, filled) for value, rows in _telling(profile, filled)),
    )


def _edge(column: Column, profile: Profiled, at: int, text: str | None) -> Text:
    """A number or moment as the language writes it, whole numbers to the last digit; a text as it is."""
    if profile.quantiles and _is_moment(column):
        return _written(column, profile.quantiles[at])
    if text is not None and pa.types.is_integer(column.arrow) and text.lstrip("-").isdigit():
        return measure(int(text))
    if profile.quantiles:
        return _written(column, profile.quantiles[at])
    return NOTHING if text is None else Text.same(shown(text, limit=40))


def _written(column: Column, value: float | None) -> Text:
    if value is None:
        return NOTHING
    if _is_moment(column):
        return moment(datetime.fromtimestamp(value, UTC), with_time=not pa.types.is_date(column.arrow))
    return measure(value)


def _is_moment(column: Column) -> bool:
    return bool(pa.types.is_timestamp(column.arrow) or pa.types.is_date(column.arrow))


def _histogram(column: Column, profile: Profiled) -> Picture | None:
    if len(profile.quantiles) != DECILES:
        return None
    low, middle, high = (_written(column, profile.quantiles[at]) for at in (0, MIDDLE, -1))
    words = say("histogram_of", column=column.name, low=low, middle=middle, high=high)
    return Picture(histogram(profile.quantiles), words)


def _null_trend(column: str, shares: tuple[float, ...]) -> Picture | None:
    """Only where there is something to see."""
    if len(shares) < 2 or not any(shares):
        return None
    words = say("nulls_of", column=column, first=share(shares[0], 1), last=share(shares[-1], 1))
    return Picture(line(shares), words)


def _telling(profile: Profiled, filled: int) -> tuple[tuple[str, int], ...]:
    """Where nearly every value is another one, the most frequent tell nothing."""
    found = profile.top_values[:TOP_VALUES]
    return found if found and found[0][1] >= filled * FREQUENT_SHARE else ()


def _top(value: str, rows: int, filled: int) -> TopValue:
    part = min(1.0, rows / filled) if filled else 0.0
    return TopValue(shown(value, limit=40), count(rows), share(part, 1), f"{100 * part:.1f}")


def _type(column: Column) -> str:
    if column.is_text:
        return f"VARCHAR({column.max_bytes})" if column.max_bytes else "VARCHAR"
    if pa.types.is_decimal(column.arrow):
        return f"DECIMAL({column.arrow.precision},{column.arrow.scale})"
    return column.redshift
