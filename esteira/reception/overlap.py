"""Contracts of drops for which one name of a file would do.

The folder decides whose a file is, so this is no mistake; a file in the wrong folder is then found out by its columns alone, and not by its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations, product

from esteira.contract import Dataset, SpreadsheetSource


def overlaps(datasets: Sequence[Dataset]) -> list[tuple[str, str]]:
    """The pairs of datasets whose patterns some name fits both of."""
    patterns = {each.name: each.source.patterns for each in datasets if isinstance(each.source, SpreadsheetSource)}
    return [
        (one, other)
        for one, other in combinations(sorted(patterns), 2)
        if any(meet(left.casefold(), right.casefold()) for left, right in product(patterns[one], patterns[other]))
    ]


def meet(left: str, right: str) -> bool:
    """Whether a text fits two patterns of `*` and `?`.

    >>> meet("sales*.xlsx", "*2024.xlsx"), meet("a*.csv", "b*.csv")
    (True, False)
    """

    @cache
    def fits(one: int, other: int) -> bool:
        if one == len(left) and other == len(right):
            return True
        if one < len(left) and left[one] == "*":
            return fits(one + 1, other) or (other < len(right) and fits(one, other + 1))
        if other < len(right) and right[other] == "*":
            return fits(one, other + 1) or (one < len(left) and fits(one + 1, other))
        if one == len(left) or other == len(right):
            return False
        return (left[one] == right[other] or "?" in (left[one], right[other])) and fits(one + 1, other + 1)

    return fits(0, 0)
