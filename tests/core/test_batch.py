"""Windows, ids and plans: pure functions of the contract, `as_of` and the ledger."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esteira.batch import Known, Window, parse, plan, plan_range, short, slot
from esteira.contract import Dataset, Incremental
from esteira.errors import ConfigError
from tests.core.small import CURSOR, dataset, source


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def incremental(**changes: Any) -> Dataset:
    facts = {"cursor": "at", "start_param": "from", "end_param": "to", "initial": date(2013, 1, 1)}
    return dataset(source=source(incremental=Incremental(**(facts | {"chunk": timedelta(days=31)} | changes))))


SNAPSHOT = dataset()
MONTHS = incremental()


@pytest.mark.parametrize(
    ("cadence", "start", "end"),
    [
        ("hourly", "2014-03-05T10:00", "2014-03-05T11:00"),
        ("daily", "2014-03-05", "2014-03-06"),
        ("weekly", "2014-03-03", "2014-03-10"),
        ("monthly", "2014-03-01", "2014-04-01"),
    ],
)
def test_a_slot_is_the_cell_of_the_grid_that_as_of_lies_in(cadence: Any, start: str, end: str):
    assert slot(at("2014-03-05T10:20:30"), cadence) == Window(at(start), at(end))


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        ("2013-03-01", "2013-03-08", "2013-03-01→08"),
        ("2013-03-28", "2013-04-04", "2013-03-28→04-04"),
        ("2013-12-30", "2014-01-06", "2013-12-30→2014-01-06"),
        ("2013-03-01T06:00", "2013-03-01T07:00", "2013-03-01T0600→0700"),
        ("2013-03-01T23:00", "2013-03-02", "2013-03-01T2300→2013-03-02"),
    ],
)
def test_a_name_says_once_what_both_ends_of_a_window_share(start: str, end: str, name: str):
    assert Window(at(start), at(end)).short == name


@pytest.mark.parametrize(
    ("batch_id", "name"),
    [
        ("2013-03-01_2013-03-08-aea84ebd", "2013-03-01→08"),
        ("2014-01-02-243c3aab", "2014-01-02"),
        ("file-0123456789abcdef-243c3aab", "file-0123456789abcdef-243c3aab"),
        ("2013-13-01_2013-03-08-aea84ebd", "2013-13-01_2013-03-08-aea84ebd"),
    ],
)
def test_an_id_tells_its_window_and_one_that_tells_none_stands_for_itself(batch_id: str, name: str):
    assert short(batch_id) == name


def test_december_ends_where_january_begins():
    assert slot(at("2013-12-31T23:59:59"), "monthly") == Window(at("2013-12-01"), at("2014-01-01"))


def test_a_slot_is_cut_in_utc_whatever_the_offset_of_as_of():
    assert slot(datetime.fromisoformat("2014-03-05T22:00:00-03:00"), "daily").start == at("2014-03-06")


def test_as_of_without_a_time_zone_is_refused():
    with pytest.raises(ConfigError, match="has no time zone"):
        slot(datetime(2014, 1, 1), "daily")  # noqa: DTZ001 - the point


def test_the_first_plan_begins_at_initial_and_ends_at_the_slot():
    windows = [batch.window for batch in plan(MONTHS, at("2013-03-01T09:00"), Known())]
    assert windows == [
        Window(at("2013-01-01"), at("2013-02-01")),
        Window(at("2013-02-01"), at("2013-03-01")),
    ]


def test_a_plan_goes_on_at_the_watermark():
    (batch,) = plan(MONTHS, at("2013-03-02"), Known(watermark=at("2013-03-01")))
    assert batch.window == Window(at("2013-03-01"), at("2013-03-02"))
    assert str(batch.window) == "2013-03-01→2013-03-02"


def test_a_plan_up_to_date_is_empty():
    assert plan(MONTHS, at("2013-03-02T10:00"), Known(watermark=at("2013-03-02"))) == []


def test_a_watermark_beyond_the_slot_plans_nothing():
    assert plan(MONTHS, at("2013-03-02"), Known(watermark=at("2014-03-02"))) == []


@pytest.mark.fault(21)
def test_the_lag_is_asked_of_the_portal_and_is_not_in_the_window():
    with_lag = incremental(lag=timedelta(days=3))
    (batch,) = plan(with_lag, at("2013-03-02"), Known(watermark=at("2013-03-01")))
    assert batch.window.start == at("2013-03-01")


def test_an_open_batch_is_resumed_with_the_window_that_it_began_with():
    (begun,) = plan(MONTHS, at("2013-01-05"), Known())
    first, second = plan(MONTHS, at("2013-01-20"), Known(open=(begun.id,)))
    assert (first, second.window) == (begun, Window(at("2013-01-05"), at("2013-01-20")))


def test_an_open_batch_behind_the_watermark_is_left_alone():
    (begun,) = plan(MONTHS, at("2013-01-05"), Known())
    (batch,) = plan(MONTHS, at("2013-01-20"), Known(watermark=at("2013-01-10"), open=(begun.id,)))
    assert batch.window == Window(at("2013-01-10"), at("2013-01-20"))


def test_a_snapshot_has_the_slot_of_as_of():
    (batch,) = plan(SNAPSHOT, at("2014-01-02T10:00"), Known())
    assert (batch.id, batch.is_snapshot) == (f"2014-01-02-{SNAPSHOT.source.definition_hash}", True)


def test_a_committed_snapshot_slot_is_skipped():
    (batch,) = plan(SNAPSHOT, at("2014-01-02"), Known())
    assert plan(SNAPSHOT, at("2014-01-02T23:00"), Known(committed=frozenset({batch.id}))) == []


def test_an_older_open_snapshot_runs_before_the_slot():
    (old,) = plan(SNAPSHOT, at("2014-01-02"), Known())
    (new,) = plan(SNAPSHOT, at("2014-01-04"), Known())
    assert plan(SNAPSHOT, at("2014-01-04"), Known(open=(new.id, old.id))) == [old, new]


def test_an_open_snapshot_behind_the_watermark_is_given_up():
    (old,) = plan(SNAPSHOT, at("2014-01-02"), Known())
    (batch,) = plan(SNAPSHOT, at("2014-01-04"), Known(watermark=at("2014-01-04"), open=(old.id,)))
    assert batch.id != old.id


def test_a_range_has_only_the_windows_that_are_missing():
    all_of_it = plan_range(MONTHS, at("2013-01-01"), at("2013-03-10"), ())
    missing = plan_range(MONTHS, at("2013-01-01"), at("2013-03-10"), {all_of_it[1].id})
    assert missing == [all_of_it[0], all_of_it[2]]


def test_a_range_of_a_snapshot_is_refused():
    with pytest.raises(ConfigError, match="this one is a snapshot"):
        plan_range(SNAPSHOT, at("2013-01-01"), at("2013-02-01"), ())


def test_an_empty_range_is_refused():
    with pytest.raises(ConfigError, match="2013-01-01 to 2013-01-01 is empty"):
        plan_range(MONTHS, at("2013-01-01"), at("2013-01-01"), ())


HASH = MONTHS.source.definition_hash


@pytest.mark.fault(36)
@pytest.mark.parametrize(
    "stray",
    [
        "junk",
        f"2013-01-01_2013-02-01-{SNAPSHOT.source.definition_hash}",  # another definition
        f"2013-01-01-{HASH}",  # no end
        f"2013-13-01_2013-14-01-{HASH}",  # no dates
        f"2013-02-01_2013-01-01-{HASH}",  # backwards: a plan that resumed it would never end
        f"2013-02-01_2013-02-01-{HASH}",
        f"2013-01-01T0000_2013-02-01-{HASH}",  # written another way than we write it
    ],
)
def test_a_prefix_that_is_no_id_of_the_definition_is_no_batch(stray: str):
    assert parse(MONTHS, stray) is None
    assert len(plan(MONTHS, at("2013-01-05"), Known(open=(stray,)))) == 1


@pytest.mark.parametrize("span", ["2013-01-01T0700", "2013-01-01_2013-01-02", "9999-12-31"])
def test_a_snapshot_id_that_is_no_slot_is_no_batch(span: str):
    assert parse(SNAPSHOT, f"{span}-{SNAPSHOT.source.definition_hash}") is None


moments = st.datetimes(datetime(2013, 1, 1), datetime(2016, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - UTC is put on
    lambda moment: moment.replace(second=0, microsecond=0)
)


@settings(max_examples=60, deadline=None)
@given(
    as_of=moments,
    watermark=st.none() | moments,
    chunk=st.integers(30, 900).map(lambda number: timedelta(hours=11 * number)),
    cadence=st.sampled_from(["hourly", "daily", "weekly", "monthly"]),
    opened=st.lists(st.tuples(moments, moments), max_size=4),
)
def test_a_plan_tiles_the_time_between_watermark_and_slot(
    as_of: datetime, watermark: datetime | None, chunk: timedelta, cadence: Any, opened: list[Any]
):
    chunked = dataset(
        cadence=cadence,
        source=source(incremental=Incremental("at", "from", "to", initial=date(2013, 1, 1), chunk=chunk)),
    )
    strays = tuple(
        batch.id for start, end in opened if start < end for batch in plan_range(chunked, start, end, ())[:1]
    )
    begin, end = watermark or CURSOR.initial_at, slot(as_of, cadence).start
    windows = [batch.window for batch in plan(chunked, as_of, Known(watermark=watermark, open=strays))]
    assert [window.start for window in windows] == [begin, *(window.end for window in windows)][: len(windows)]
    assert all(window.start < window.end <= window.start + chunk for window in windows)
    assert (windows[-1].end == end) if begin < end else windows == []


@settings(max_examples=40, deadline=None)
@given(as_of=moments, watermark=st.none() | moments, cadence=st.sampled_from(["hourly", "daily", "weekly", "monthly"]))
@pytest.mark.parametrize("has_cursor", [True, False])
def test_an_id_leads_back_to_its_batch(has_cursor: bool, as_of: datetime, watermark: Any, cadence: Any):  # noqa: FBT001 - parametrised
    contract = dataset(cadence=cadence, source=source(incremental=CURSOR if has_cursor else None))
    batches = plan(contract, as_of, Known(watermark=watermark))
    assert [parse(contract, batch.id) for batch in batches] == batches
