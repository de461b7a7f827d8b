"""Working ahead: in order, a few pieces and no more, errors in their place, and nothing runs on afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from local.redshift.ahead import PIECES, working_ahead

WAIT_SECONDS = 5.0


class Maker:
    """Makes numbered pieces; `fails_at` raises instead of making that one."""

    def __init__(self, count: int, fails_at: int = -1) -> None:
        self.count, self.fails_at, self.made = count, fails_at, 0

    def pieces(self) -> Iterator[bytes]:
        for number in range(self.count):
            if number == self.fails_at:
                raise ValueError(f"piece {number}")
            self.made += 1
            yield b"%d" % number


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("redshift-ahead")]


def test_pieces_come_in_order_and_an_empty_one_does_not_end_them() -> None:
    with working_ahead(iter([b"a", b"", b"b"])) as pieces:
        assert list(pieces) == [b"a", b"", b"b"]
    assert threads() == []


def test_only_a_few_pieces_are_made_before_they_are_asked_for() -> None:
    maker = Maker(100)
    with working_ahead(maker.pieces()) as pieces:
        for asked in range(1, 50):
            next(pieces)
            deadline = time.monotonic() + WAIT_SECONDS
            while maker.made < asked - 1 + PIECES and time.monotonic() < deadline:
                time.sleep(0.001)
            assert asked <= maker.made <= asked + PIECES


def test_an_error_is_raised_where_its_piece_would_have_come() -> None:
    seen = []
    with pytest.raises(ValueError, match="piece 5"), working_ahead(Maker(9, fails_at=5).pieces()) as pieces:
        seen.extend(iter(lambda: next(pieces), None))
    assert seen == [b"0", b"1", b"2", b"3", b"4"]
    assert threads() == []


def test_leaving_early_makes_no_more_pieces() -> None:
    maker = Maker(1_000_000)
    with working_ahead(maker.pieces()) as pieces:
        next(pieces)
    made = maker.made
    assert made <= 1 + PIECES
    assert threads() == []
