"""A page is known again by its records, wherever they stand in it, and by nothing else."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from esteira.contract.shapes import Shape
from esteira.portal.envelope import reader_of
from esteira.portal.fingerprint import fingerprint

ROWS = st.lists(st.dictionaries(st.sampled_from("abc"), st.integers() | st.text(), min_size=1), max_size=6)
PLACES = ["rows", "reverse(rows)"]
"""JMESPaths of records that are slices of the page, and of records that are made from it."""


def mark(rows: list[dict[str, Any]], beside: Any, path: str) -> str:
    body = json.dumps({"moment": beside, "rows": rows, "next": beside}).encode()
    return fingerprint(reader_of(Shape(path))(body).records, body)


@given(rows=ROWS, other=ROWS, beside=st.tuples(st.text(), st.text()))
def test_pages_are_alike_when_their_records_are_whatever_stands_beside_them(
    rows: list[dict[str, Any]], other: list[dict[str, Any]], beside: tuple[str, str]
) -> None:
    for path in PLACES:
        found = mark(rows, beside[0], path)
        assert found == mark(rows, beside[1], path)
        assert len(found) == 16
        assert (found == mark(other, beside[0], path)) == (json.dumps(rows) == json.dumps(other))


@given(st.permutations(range(6)), st.permutations(range(6)))
def test_the_order_of_records_counts(numbers: list[int], mixed: list[int]) -> None:
    one, other = ([{"a": number} for number in each] for each in (numbers, mixed))
    assert (mark(one, "", "rows") == mark(other, "", "rows")) == (numbers == mixed)


def test_records_that_are_no_slices_of_the_page_are_told_apart_too() -> None:
    one, other = ([msgspec.Raw(b'{"a": %d}' % number)] for number in (1, 2))
    assert fingerprint(one, b"") == fingerprint(list(one), b"another page")
    assert fingerprint(one, b"") != fingerprint(other, b"")


def test_a_page_without_records_is_like_any_other_without() -> None:
    assert fingerprint([], b"") == fingerprint([], b'{"rows": []}')
