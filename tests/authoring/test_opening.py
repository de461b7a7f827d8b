"""What the first batch of an empty warehouse would ask for."""

from datetime import UTC, date, datetime

import pytest

from esteira.contract import Incremental, Parent
from esteira.errors import ConfigError
from esteira.extraction.opening import opening
from tests.core.small import CURSOR, dataset, source

NOW = datetime(2024, 1, 2, tzinfo=UTC)


def test_a_snapshot_has_no_window_to_ask_for() -> None:
    assert opening(dataset(), NOW).window is None


def test_windows_begin_at_the_initial_one_or_where_the_person_says() -> None:
    contract = dataset(source=source(incremental=CURSOR))
    first, chosen = opening(contract, NOW), opening(contract, NOW, (datetime(2013, 5, 1, tzinfo=UTC), NOW))
    assert first.window
    assert chosen.window
    assert (str(first.window), str(chosen.window)) == ("2013-01-01→2013-02-01", "2013-05-01→2013-06-01")
    assert dict(first.question.params) == {"from": "2013-01-01T00:00:00Z", "to": "2013-02-01T00:00:00Z"}


def test_a_cursor_that_is_no_time_begins_at_its_initial_value() -> None:
    contract = dataset(source=source(incremental=Incremental(cursor="id", start_param="after", initial=7)))
    assert dict(opening(contract, NOW).question.params) == {"after": 7}


def test_a_child_needs_a_row_of_its_parent_and_says_how_to_give_one() -> None:
    contract = dataset(source=source(path="/parents/{parent.id}/rows", parent=Parent("parents")))
    with pytest.raises(ConfigError, match="id of one is needed") as caught:
        opening(contract, NOW)
    assert "--parent id=…" in caught.value.hint
    assert opening(contract, NOW, row={"id": "42"}).question.path == "/parents/42/rows"


def test_a_source_that_begins_in_the_future_says_so() -> None:
    later = Incremental(cursor="at", start_param="from", end_param="to", initial=date(2050, 1, 1))
    with pytest.raises(ConfigError, match="No window of this source has ended yet"):
        opening(dataset(source=source(incremental=later)), NOW)
