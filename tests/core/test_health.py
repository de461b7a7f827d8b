"""What a table needs, from what SVV_TABLE_INFO says of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from esteira.errors import AuthError, LoadError
from esteira.warehouse.health import (
    GHOST_PERCENT,
    MIN_ROWS,
    STATS_OFF_PERCENT,
    UNSORTED_PERCENT,
    TableHealth,
    care_statements,
    read_health,
)

WELL = TableHealth("rows", 100_000, 100_000, 0.0, 0.0, 40)
HAUNTED = {"rows": 90_000}


def needs(**changes: Any) -> tuple[str, ...]:
    return tuple(
        statement.removesuffix(' "dw"."rows"') for statement in care_statements(replace(WELL, **changes), "dw")
    )


def test_a_table_that_is_well_needs_nothing():
    assert needs() == ()


def test_each_ailment_has_its_own_cure_and_statistics_come_last():
    assert needs(**HAUNTED) == ("VACUUM DELETE ONLY",)
    assert needs(unsorted_percent=50.0) == ("VACUUM SORT ONLY",)
    assert needs(stats_off_percent=50.0) == ("ANALYZE",)
    assert needs(**HAUNTED, unsorted_percent=50.0, stats_off_percent=50.0) == ("VACUUM FULL", "ANALYZE")


def test_what_vacuum_and_analyze_would_skip_by_themselves_is_not_asked_for():
    at_the_limit = {"unsorted_percent": UNSORTED_PERCENT, "stats_off_percent": STATS_OFF_PERCENT}
    assert needs(rows=round(100_000 * (1 - GHOST_PERCENT / 100)), **at_the_limit) == ()


def test_a_table_without_a_sort_key_is_never_sorted():
    assert needs(unsorted_percent=None, stats_off_percent=50.0) == ("ANALYZE",)


def test_a_small_table_is_left_alone():
    small = {"rows": 1, "unsorted_percent": 100.0, "stats_off_percent": 100.0}
    assert needs(**small, stored_rows=MIN_ROWS - 1) == ()
    assert needs(**small, stored_rows=MIN_ROWS) == ("VACUUM FULL", "ANALYZE")


def test_rows_that_arrive_between_the_two_readings_are_no_ghosts():
    assert replace(WELL, rows=100_001).ghost_percent == 0


def test_an_empty_table_has_no_ghosts():
    assert replace(WELL, rows=0, stored_rows=0).ghost_percent == 0


class Refusing:
    """A warehouse whose user may not read the system view."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.config = self

    schema = "dw"

    @contextmanager
    def session(self, label: str) -> Iterator["Refusing"]:
        yield self

    def rows(self, *_: Any) -> list[Any]:
        raise self.error


def test_a_user_who_may_not_read_the_view_is_told_what_to_grant():
    with pytest.raises(AuthError) as caught:
        read_health(Refusing(AuthError("permission denied for relation svv_table_info")), "rows")
    assert "GRANT SELECT ON svv_table_info" in caught.value.hint


def test_another_error_of_the_view_stays_what_it_is():
    with pytest.raises(LoadError):
        read_health(Refusing(LoadError("no such column")), "rows")
