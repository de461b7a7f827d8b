"""What identifies a row, and what orders rows in time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from esteira.recognise.columns import ColumnGuess

_ID = re.compile(r"(.*_)?(id|uuid|guid|codigo|code|cod|key|chave|numero|number|sku|slug)(_.*)?")
_ORDER = (
    (re.compile(r".*(updated|modified|changed|alter|atualiz|modific).*"), "its name says when a row was changed"),
    (re.compile(r".*(created|inserted|criad|inclu|cadastr).*"), "its name says when a row was made; a later change would be missed"),
    (re.compile(r".*"), "it is the moment or day that the rows have"),
)  # fmt: skip
_CANDIDATES_OF_PAIR = 8
"""Columns that may be one half of a key: all pairs of a wide table would find one by chance."""


@dataclass(frozen=True, slots=True)
class KeyGuess:
    """Columns that no two sample rows share; none when there are none."""

    columns: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class CursorGuess:
    """A column that orders rows in time."""

    source: str
    why: str


def find_key(dataset: str, columns: Sequence[ColumnGuess], rows: Sequence[Mapping[str, Any]]) -> KeyGuess:
    """The key: unique and never null in the sample; by its name where several are.

    Args:
        dataset: Its name, since `plane_id` is rather a key of `planes` than `airline_id`.
        columns: The columns.
        rows: Sample records.
    """
    usable = [each for each in columns if each.kind in {"integer", "text"} and _is_filled(rows, each.source)]
    unique = [each for each in usable if _distinct(rows, (each.source,)) == len(rows)]
    if unique:
        best = min(unique, key=lambda each: (_rank(dataset, each), columns.index(each)))
        others = [each.name for each in unique if each is not best]
        beside = f"; so {'is' if len(others) == 1 else 'are'} {', '.join(others[:5])}" if others else ""
        return KeyGuess((best.name,), f"unique and never null in {len(rows)} records{beside}")
    half = [*usable, *(each for each in columns if each.kind in {"day", "moment"} and _is_filled(rows, each.source))]
    half = sorted(half, key=lambda each: (_rank(dataset, each), columns.index(each)))[:_CANDIDATES_OF_PAIR]
    for pair in combinations(half, 2):
        if _distinct(rows, [each.source for each in pair]) == len(rows):
            names = tuple(each.name for each in pair)
            return KeyGuess(names, f"no column is unique alone; these two are together, in {len(rows)} records")
    return KeyGuess((), f"no column, and no pair of them, is unique in {len(rows)} records")


def find_cursor(columns: Sequence[ColumnGuess]) -> CursorGuess | None:
    """The column that windows could be asked by, or None."""
    timed = [each for each in columns if each.kind in {"moment", "local moment", "day"} and not each.pii_why]
    for pattern, why in _ORDER:
        for each in timed:
            if pattern.fullmatch(each.name):
                return CursorGuess(each.source, why)
    return None


def _rank(dataset: str, column: ColumnGuess) -> tuple[bool, bool, bool, bool]:
    """The best first: `id`, `<dataset>_id`, another name that says so, a whole number."""
    stem = dataset.removesuffix("s")
    own = {f"{stem}_id", f"id_{stem}", f"{dataset}_id", f"{stem}_code", stem}
    is_exact = column.name in {"id", "_id", "uuid", "guid", "codigo", "key"}
    return not is_exact, column.name not in own, not _ID.fullmatch(column.name), column.kind != "integer"


def _is_filled(rows: Sequence[Mapping[str, Any]], source: str) -> bool:
    return all(row.get(source) not in {None, ""} for row in rows if not isinstance(row.get(source), dict | list))


def _distinct(rows: Sequence[Mapping[str, Any]], sources: Sequence[str]) -> int:
    return len({tuple(row.get(source) for source in sources) for row in rows})
