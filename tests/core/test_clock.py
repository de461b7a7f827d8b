"""How a portal's parameters are written: zones, bounds, formats; windows tile whatever they mean."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esteira.batch import Batch, Known, Window, parse, plan, plan_range
from esteira.contract import Append, Dataset, Incremental
from esteira.contract.clock import Clock, moment_text
from esteira.errors import ConfigError
from tests.core.small import CURSOR, dataset, source

SAO_PAULO = "America/Sao_Paulo"
DAY = timedelta(days=1)
ISO = "%Y-%m-%dT%H:%M:%SZ"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cursor(**changes: Any) -> Incremental:
    return Incremental(
        **({"cursor": "at", "start_param": "from", "end_param": "to", "initial": date(2013, 1, 1)} | changes)
    )


def contract(cadence: str = "daily", **changes: Any) -> Dataset:
    return dataset(cadence=cadence, source=source(incremental=cursor(**changes)))


def written(found: Incremental, start: str, end: str) -> tuple[str, ...]:
    return tuple(moment_text(moment, found.format) for moment in found.asked(at(start), at(end)))


@pytest.mark.parametrize(
    ("bounds", "start", "end"),
    [
        ("[)", "2013-01-01T00:00:00Z", "2013-02-01T00:00:00Z"),
        ("[]", "2013-01-01T00:00:00Z", "2013-01-31T23:59:59Z"),
        ("(]", "2012-12-31T23:59:59Z", "2013-01-31T23:59:59Z"),
        ("()", "2012-12-31T23:59:59Z", "2013-02-01T00:00:00Z"),
    ],
)
def test_bounds_say_what_the_portals_parameters_mean(bounds: Any, start: str, end: str):
    assert written(cursor(bounds=bounds), "2013-01-01", "2013-02-01") == (start, end)


@pytest.mark.parametrize(
    ("form", "changes", "expected"),
    [
        ("%d/%m/%Y", {"bounds": "[]"}, ("01/01/2013", "31/01/2013")),
        ("%m-%d-%Y", {"bounds": "(]"}, ("12-31-2012", "01-31-2013")),
        ("%d/%m/%Y", {"bounds": "[]", "lag": timedelta(hours=30)}, ("30/12/2012", "31/01/2013")),
        ("epoch", {}, ("1356998400", "1359676800")),
        ("epoch_ms", {"bounds": "[]"}, ("1356998400000", "1359676799999")),
        ("%Y-%m-%dT%H:%M:%S.%f", {"bounds": "[]"}, ("2013-01-01T00:00:00.000000", "2013-01-31T23:59:59.999999")),
        ("%Y-%m-%d %H:%M", {"bounds": "[]"}, ("2013-01-01 00:00", "2013-01-31 23:59")),
        (ISO, {"bounds": "[]", "resolution": timedelta(hours=1)}, ("2013-01-01T00:00:00Z", "2013-01-31T23:00:00Z")),
        ("%Y-%m-%dT%H:%M:%S%z", {"timezone": SAO_PAULO}, ("2012-12-31T22:00:00-0200", "2013-01-31T22:00:00-0200")),
        ("%Y-%m-%dT%H:%M:%S", {"timezone": SAO_PAULO}, ("2012-12-31T22:00:00", "2013-01-31T22:00:00")),
        ("epoch", {"timezone": SAO_PAULO}, ("1356998400", "1359676800")),
    ],
)
def test_parameters_are_written_in_the_portals_format_and_zone(form: str, changes: Any, expected: Any):
    assert written(cursor(format=form, **changes), "2013-01-01", "2013-02-01") == expected


def test_a_portal_that_is_asked_by_days_has_windows_that_end_at_midnight_of_its_zone():
    daily = contract(
        format="%d/%m/%Y", bounds="[]", timezone=SAO_PAULO, initial=date(2018, 11, 1), chunk=timedelta(days=2)
    )
    batches = plan(daily, at("2018-11-06T01:00"), Known())
    windows = [batch.window for batch in batches]
    # summer time began at midnight of the 4th, which the clock left out: the day begins at one o'clock
    assert windows == [
        Window(at("2018-11-01T03:00"), at("2018-11-03T03:00")),
        Window(at("2018-11-03T03:00"), at("2018-11-05T02:00")),
    ]
    incremental = daily.source.incremental
    assert incremental
    asked = [
        tuple(moment_text(moment, incremental.format) for moment in incremental.asked(each.start, each.end))
        for each in windows
    ]
    assert asked == [("01/11/2018", "02/11/2018"), ("03/11/2018", "04/11/2018")]
    assert [parse(daily, batch.id) for batch in batches] == batches


@pytest.mark.parametrize(("hour", "last"), [(2, "2024-01-09T03:00"), (3, "2024-01-10T03:00"), (23, "2024-01-10T03:00")])
def test_a_day_is_due_when_it_is_over_at_the_portal(hour: int, last: str):
    daily = contract(format="%Y-%m-%d", timezone=SAO_PAULO, initial=date(2024, 1, 1))
    assert plan(daily, at("2024-01-10") + timedelta(hours=hour), Known())[-1].window.end == at(last)


def test_a_month_and_a_year_end_at_the_calendars_edges_of_the_portals_zone():
    months = contract(format="%d/%m/%Y", timezone=SAO_PAULO, chunk="month", initial=date(2018, 9, 10))
    ends = [batch.window.end for batch in plan(months, at("2018-12-02T12:00"), Known())]
    assert ends == [at("2018-10-01T03:00"), at("2018-11-01T03:00"), at("2018-12-01T02:00"), at("2018-12-02T02:00")]
    years = contract(chunk="year", initial=date(2011, 6, 1))
    assert [batch.window.end.year for batch in plan(years, at("2013-05-01"), Known())] == [2012, 2013, 2013]


def test_ten_years_are_a_chunk():
    decade = contract(format="%d/%m/%Y", bounds="[]", chunk=timedelta(days=3652), initial=date(1990, 1, 1))
    windows = [batch.window for batch in plan(decade, at("2024-01-01"), Known())]
    assert max(window.end - window.start for window in windows) == timedelta(days=3652)
    assert len(windows) == 4


def test_a_range_that_the_portal_cannot_be_asked_for_is_refused_with_the_edge_before_it():
    daily = contract(format="%d/%m/%Y", timezone=SAO_PAULO)
    with pytest.raises(ConfigError, match="no moment at which a window may end") as caught:
        plan_range(daily, at("2013-02-01"), at("2013-03-01"), ())
    assert "2013-01-31T02:00:00Z" in caught.value.hint


def test_a_watermark_from_before_the_zone_was_declared_reads_again_what_lies_behind_the_edge():
    daily = contract(format="%d/%m/%Y", timezone=SAO_PAULO)
    assert plan(daily, at("2013-02-05"), Known(watermark=at("2013-02-01")))[0].window.start == at("2013-01-31T02:00")
    appending = dataset(source=daily.source, write=Append())
    with pytest.raises(ConfigError, match="no moment at which a window may end"):
        plan(appending, at("2013-02-05"), Known(watermark=at("2013-02-01")))


def test_a_first_moment_has_its_own_zone_or_the_portals():
    assert cursor(initial=datetime(2013, 1, 1, 7, tzinfo=timezone(timedelta(hours=-3)))).initial_at == at(
        "2013-01-01T10:00"
    )
    local = cursor(initial=datetime(2013, 7, 1, 7), format="%Y-%m-%dT%H:%M:%S", timezone=SAO_PAULO)  # noqa: DTZ001 - the point
    assert local.initial_at == at("2013-07-01T10:00")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"timezone": "Mars/Olympus", "format": "%d"}, "no time zone"),
        ({"timezone": "../etc/passwd", "format": "%d"}, "no time zone"),
        ({"timezone": SAO_PAULO}, "says Z, which is UTC"),
        ({"format": "day"}, "tells no day from another"),
        ({"format": "%s"}, "depends on the machine"),
        ({"format": "%d/%m/%Y", "resolution": timedelta(seconds=1)}, "finer than what"),
        ({"resolution": timedelta(hours=7)}, "no part of a day"),
        ({"resolution": timedelta(0)}, "finer than what"),
        ({"format": "%d/%m/%Y", "chunk": timedelta(hours=1)}, "no shorter than the portal's step"),
        ({"chunk": timedelta(0)}, "must be positive"),
        ({"chunk": "week"}, "chunk"),
        ({"lag": -DAY}, "lag"),
        ({"lag": 3}, "lag"),
        ({"bounds": "[["}, "bounds"),
        ({"initial": None}, "neither where to begin"),
        ({"initial": True}, "neither where to begin"),
        ({"highest": 9}, "no time"),
        ({"initial": 0}, "end_param belongs to a cursor of time"),
        ({"initial": "a", "end_param": None, "timezone": SAO_PAULO}, "timezone belongs"),
        ({"initial": "a", "end_param": None, "lag": 1}, "nothing to go back"),
        ({"initial": 1, "end_param": None, "lag": DAY}, "nothing to go back"),
        ({"initial": 1, "end_param": None, "highest": "z"}, "another type"),
    ],
)
def test_a_cursor_that_says_nothing_or_two_things_is_refused(changes: dict[str, Any], says: str):
    with pytest.raises(ConfigError, match=says):
        cursor(**changes)


def test_what_came_later_changes_no_id_while_it_says_nothing():
    assert source(incremental=CURSOR).definition_hash == "85f6dd25"
    assert source().definition_hash == "e665d5c6"
    plain = contract().source.definition_hash
    assert contract(ahead=timedelta(hours=1)).source.definition_hash == plain
    said = ({"bounds": "[]"}, {"timezone": SAO_PAULO, "format": "%d"}, {"resolution": timedelta(minutes=1)})
    assert len({plain, *(contract(**each).source.definition_hash for each in said)}) == 4


SUMMER_ENDS = {
    SAO_PAULO: "2018-02-18T02:00", "Australia/Lord_Howe": "2018-03-31T15:00", "Europe/Berlin": "2018-10-28T01:00",
    "America/Havana": "2018-11-04T05:00", "Asia/Kathmandu": "2018-11-04T05:00", "UTC": "2018-11-04T05:00",
}  # fmt: skip
FORMATS = ["%Y-%m-%dT%H:%M:%S", "%d/%m/%Y", "%Y-%m-%dT%H", "%Y-%m-%dT%H:%M:%S%z"]
QUARTER = timedelta(minutes=15)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("zone", SUMMER_ENDS)
@settings(max_examples=12, deadline=None)
@given(
    bounds=st.sampled_from(["[)", "[]", "(]", "()"]), before=st.integers(0, 7) | st.integers(0, 60), every=st.sampled_from([1, 1, 7, 30]), chunk=st.integers(24, 60),
)  # fmt: skip
def test_every_row_lies_in_one_window_whatever_zone_format_and_bounds(
    *, zone: str, form: str, bounds: Any, before: int, every: int, chunk: int
):
    """The portal compares what its clock shows, in steps of its format; a row's step is in exactly one interval that is asked for."""
    start = at(SUMMER_ENDS[zone]) - QUARTER * before
    tiled = contract("hourly", format=form, timezone=zone, bounds=bounds, initial=start, chunk=timedelta(hours=chunk))
    incremental = tiled.source.incremental
    assert incremental
    batches: list[Batch] = []
    for run in range(1, 25):
        known = Known(watermark=batches[-1].window.end) if batches else Known()
        batches += plan(tiled, start + timedelta(hours=run * every), known)
    windows = [batch.window for batch in batches]
    assert [window.start for window in windows[1:]] == [window.end for window in windows[:-1]]
    assert [parse(tiled, batch.id) for batch in batches] == batches
    asked = [incremental.asked(window.start, window.end) for window in windows]
    intervals = [tuple(comparable(moment, incremental, form) for moment in pair) for pair in asked]
    for number in range(130 if windows else 0):
        shown = comparable(windows[0].start + QUARTER * number, incremental, form)
        first, last = (comparable(moment, incremental, form) for moment in (windows[0].start, windows[-1].end))
        assert sum(is_asked(shown, each, bounds) for each in intervals) == (1 if first <= shown < last else 0)


def comparable(moment: datetime, incremental: Incremental, form: str) -> Any:
    """What the portal compares: the clock's face, or the moment where the offset is written too."""
    return datetime.strptime(moment_text(moment.astimezone(incremental.clock.zone), incremental.format), form)  # noqa: DTZ007 - a clock's face


def is_asked(shown: Any, interval: Any, bounds: str) -> bool:
    start, end = interval
    above = shown >= start if bounds[0] == "[" else shown > start
    return bool(above and (shown < end if bounds[1] == ")" else shown <= end))


@settings(max_examples=200, deadline=None)
@given(zone=st.sampled_from(list(SUMMER_ENDS)), form=st.sampled_from(FORMATS), before=st.integers(-60, 60))
def test_an_edge_is_an_edge_and_never_ahead(zone: str, form: str, before: int):
    clock, moment = Clock(form, zone), at(SUMMER_ENDS[zone]) - QUARTER * before
    edge = clock.edge(moment)
    assert edge <= moment
    assert clock.edge(edge) == edge


def test_a_template_that_writes_days_of_a_zone_needs_windows_that_end_at_its_midnights():
    days = {"params": {"from": "{window.start:%d/%m/%Y}"}}
    with pytest.raises(ConfigError, match="writes steps of 1 day") as caught:
        source(incremental=cursor(format="%Y-%m-%dT%H:%M:%S", timezone=SAO_PAULO), **days)
    assert "format='%d/%m/%Y'" in caught.value.hint
    assert source(incremental=cursor(format="%Y-%m-%d", timezone=SAO_PAULO), **days)
    assert source(incremental=cursor(), **days)
