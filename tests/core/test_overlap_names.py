"""Which contracts of drops one name of a file would do for."""

from dataclasses import replace
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteira.reception.overlap import meet, overlaps
from tests.core.test_file_batch import dataset


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        ("*.xlsx", "*.xlsx", True), ("sales*.xlsx", "*2024.xlsx", True), ("a*.csv", "b*.csv", False), ("*.csv", "*.xlsx", False),
        ("a?.csv", "a1.csv", True), ("a?.csv", "a12.csv", False), ("*", "", True), ("?", "*", True), ("?", "", False),
    ],
)  # fmt: skip
def test_two_patterns_meet_where_a_name_fits_both(left: str, right: str, wanted: bool) -> None:  # noqa: FBT001 - a table's column
    assert meet(left, right) is wanted
    assert meet(right, left) is wanted


PATTERNS = st.text(alphabet="ab*?", max_size=5)


@given(left=PATTERNS, right=PATTERNS, name=st.text(alphabet="ab", max_size=5))
def test_no_name_that_fits_both_is_missed(left: str, right: str, name: str) -> None:
    if fnmatchcase(name, left) and fnmatchcase(name, right):
        assert meet(left, right)


def test_pairs_are_told_by_name_whatever_the_case() -> None:
    one, two, three = (
        replace(dataset(match=match), name=name)
        for name, match in (("b", "Sales*.CSV"), ("a", ("x.csv", "*.csv")), ("c", "*.xls"))
    )
    assert overlaps([one, two, three]) == [("a", "b")]
