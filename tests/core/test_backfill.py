"""What is missing of a range, and what is caught up: pure functions of the contract, the ledger and what stands open."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esteira.backfill import Asked, left_out, plan_backfill, read_chunk, refuse_overlap
from esteira.batch import Batch, Due, Known, Window, cut, due_up_to, plan_due, slot, windows_of
from esteira.contract import Dataset, Incremental
from esteira.errors import ConfigError
from esteira.warehouse import LedgerEntry
from tests.core.small import dataset, source

FAR = datetime(2030, 1, 1, tzinfo=UTC)
DAYS = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def contract(cadence: Any = "daily", **changes: Any) -> Dataset:
    facts = {"cursor": "at", "start_param": "from", "end_param": "to", "initial": date(2013, 1, 1), "chunk": 31 * DAYS}
    return dataset(cadence=cadence, source=source(incremental=Incremental(**(facts | changes))))


MONTH = contract()


def entry(batch: Batch, state: Any = "committed", **facts: Any) -> LedgerEntry:
    generation = 0 if state in {"skipped", "given_up"} else 1
    return LedgerEntry(batch.id, batch.window.start, batch.window.end, state=state, generation=generation, **facts)


def batches(start: str, end: str, chunk: Any = 31 * DAYS) -> list[Batch]:
    return list(cut(MONTH, Window(at(start), at(end)), replace(windows_of(MONTH), chunk=chunk).stop))


def windows(planned: Any) -> list[str]:
    return [str(each.batch.window) for each in planned]


@pytest.mark.parametrize(
    ("text", "chunk"),
    [("12h", timedelta(hours=12)), ("1d", DAYS), ("7d", 7 * DAYS), ("2w", 14 * DAYS), ("1mo", "month"), ("1y", "year")],
)
def test_a_chunk_is_written_in_hours_days_weeks_or_as_a_calendar_month_or_year(text: str, chunk: Any):
    assert read_chunk(text) == chunk


@pytest.mark.parametrize("text", ["", "7", "7q", "0d", "-1d", "1.5d", "2mo", "7 d", "P7D"])
def test_any_other_chunk_is_refused_with_what_is_allowed(text: str):
    with pytest.raises(ConfigError) as raised:
        read_chunk(text)
    assert "12h" in raised.value.hint
    assert "1mo" in raised.value.hint


def test_a_range_of_an_empty_ledger_is_cut_by_the_chunk():
    found = plan_backfill(MONTH, Asked(at("2013-01-01"), at("2013-01-17"), 7 * DAYS), [], (), FAR)
    assert windows(found.wanted) == ["2013-01-01→2013-01-08", "2013-01-08→2013-01-15", "2013-01-15→2013-01-17"]
    assert found.notes == ()


def test_windows_of_another_cut_stay_and_the_user_is_told_so():
    (loaded,) = batches("2013-01-05", "2013-01-25")
    found = plan_backfill(MONTH, Asked(at("2013-01-01"), at("2013-02-01"), 7 * DAYS), [entry(loaded)], (), FAR)
    assert windows(found.wanted) == ["2013-01-01→2013-01-05", "2013-01-25→2013-02-01"]
    assert any("1 window of the ledger has another cut" in note for note in found.notes)


def test_a_window_of_an_earlier_definition_counts_as_loaded():
    (loaded,) = batches("2013-01-01", "2013-01-08")
    older = replace(entry(loaded), batch_id="2013-01-01_2013-01-08-0123abcd")
    assert plan_backfill(MONTH, Asked(at("2013-01-01"), at("2013-01-08")), [older], (), FAR).wanted == ()


@pytest.mark.parametrize("state", ["skipped", "given_up"])
def test_a_window_without_rows_is_loaded_as_the_window_that_it_is(state: Any):
    (owed,) = batches("2013-01-01", "2013-01-31")
    found = plan_backfill(MONTH, Asked(at("2013-01-10"), at("2013-01-12"), DAYS), [entry(owed, state)], (), FAR)
    assert [each.batch for each in found.wanted] == [owed]
    assert any("loaded as a whole" in note for note in found.notes)


def test_a_skipped_window_of_which_a_part_was_loaded_since_is_cut_anew():
    (owed,), (loaded,) = batches("2013-01-01", "2013-01-31"), batches("2013-01-10", "2013-01-12")
    entries = [entry(owed, "skipped"), entry(loaded)]
    found = plan_backfill(MONTH, Asked(at("2013-01-01"), at("2013-01-31")), entries, (), FAR)
    assert windows(found.wanted) == ["2013-01-01→2013-01-10", "2013-01-12→2013-01-31"]


def test_a_skipped_window_that_is_longer_than_the_contract_allows_today_is_cut_anew():
    (owed,) = batches("2013-01-01", "2013-01-31")
    found = plan_backfill(
        contract(chunk=20 * DAYS), Asked(at("2013-01-01"), at("2013-01-31")), [entry(owed, "skipped")], (), FAR
    )
    assert windows(found.wanted) == ["2013-01-01→2013-01-21", "2013-01-21→2013-01-31"]


def test_what_was_taken_out_stays_out_even_by_force():
    (gone,) = batches("2013-01-01", "2013-01-08")
    found = plan_backfill(
        MONTH, Asked(at("2013-01-01"), at("2013-01-08"), is_forced=True), [entry(gone, "undone")], (), FAR
    )
    assert found.wanted == ()
    assert "esteira undo" in found.notes[0]


def test_force_wants_what_is_loaded_too_but_not_what_was_loaded_again_since():
    first, second = batches("2013-01-01", "2013-01-15", 7 * DAYS)
    entries = [entry(first, committed_at=at("2014-01-02")), entry(second, committed_at=at("2013-02-01"))]
    asked = Asked(at("2013-01-01"), at("2013-01-22"), 7 * DAYS, is_forced=True, since=at("2014-01-01"))
    found = plan_backfill(MONTH, asked, entries, (), FAR)
    assert windows(found.wanted) == ["2013-01-08→2013-01-15", "2013-01-15→2013-01-22"]
    assert [each.is_again for each in found.wanted] == [True, False]


def test_a_batch_that_was_begun_keeps_its_window():
    begun, *_ = batches("2013-01-08", "2013-01-13")
    found = plan_backfill(MONTH, Asked(at("2013-01-01"), at("2013-01-15"), 7 * DAYS), [], [begun.id], FAR)
    assert windows(found.wanted) == ["2013-01-01→2013-01-08", "2013-01-08→2013-01-13", "2013-01-13→2013-01-15"]


def test_what_is_not_over_yet_is_refused_and_the_last_end_is_named():
    with pytest.raises(ConfigError, match="nothing after 2013-03-05T00:00Z is over yet"):
        plan_backfill(MONTH, Asked(at("2013-03-01"), at("2013-03-06")), [], (), at("2013-03-05T09:00"))


def test_a_chunk_longer_than_the_contracts_is_refused():
    with pytest.raises(ConfigError, match="a year is longer than the contract's 31 days"):
        plan_backfill(MONTH, Asked(at("2013-01-01"), at("2013-02-01"), "year"), [], (), FAR)


def test_the_calendars_edges_of_the_contract_hold_for_a_shorter_chunk_too():
    calendar = contract(chunk="month")
    found = plan_backfill(calendar, Asked(at("2013-01-29"), at("2013-02-08"), 7 * DAYS), [], (), FAR)
    assert windows(found.wanted) == ["2013-01-29→2013-02-01", "2013-02-01→2013-02-08"]


def test_the_time_that_it_takes_is_foretold_by_the_length_of_windows_and_of_earlier_batches():
    asked = Asked(at("2013-02-01"), at("2013-03-01"), 14 * DAYS)
    assert plan_backfill(MONTH, asked, [], (), FAR).seconds is None
    past = [entry(each, seconds=14.0) for each in batches("2013-01-01", "2013-01-29", 7 * DAYS)]
    found = plan_backfill(MONTH, asked, past, (), FAR)
    assert (found.seconds, found.measured) == (pytest.approx(56), 4)


def test_what_is_left_out_is_all_that_no_loaded_window_covers_up_to_the_watermark():
    first, second, third = batches("2013-01-08", "2013-01-29", 7 * DAYS)
    found = left_out(MONTH, [entry(first), entry(second, "skipped"), entry(third)])
    assert [str(each) for each in found] == ["2013-01-01→2013-01-08 never loaded", "2013-01-15→2013-01-22 skipped"]
    assert left_out(MONTH, []) == []


def test_an_append_of_a_window_that_overlaps_a_loaded_one_is_refused_and_the_way_out_is_named():
    (loaded,), (other,) = batches("2013-01-05", "2013-01-25"), batches("2013-01-20", "2013-01-30")
    with pytest.raises(ConfigError, match="would insert those rows again") as raised:
        refuse_overlap(MONTH, [other], [entry(loaded)])
    assert "--chunk" in raised.value.hint
    refuse_overlap(MONTH, [loaded], [entry(loaded)])
    refuse_overlap(MONTH, [other], [entry(loaded, "skipped")])


@pytest.mark.parametrize("given", ["some", timedelta(0), timedelta(days=-1), 3, None])
def test_a_policy_that_says_nothing_is_refused(given: Any):
    with pytest.raises(ConfigError, match="says not which missed windows"):
        contract(catch_up=given)


def test_a_cursor_that_is_no_time_has_nothing_to_catch_up():
    with pytest.raises(ConfigError, match="catch_up belongs to a cursor of time"):
        Incremental("seq", start_param="since", initial=0, catch_up="newest")


def test_a_policy_is_no_part_of_the_definition():
    assert contract(catch_up="newest").source.definition_hash == MONTH.source.definition_hash


policies = st.sampled_from(["all", "newest"]) | st.integers(1, 400).map(lambda hours: timedelta(hours=11 * hours))
chunks = st.integers(1, 60).map(lambda days: days * DAYS) | st.sampled_from(["month", "year"])
clocks = st.sampled_from([{}, {"format": "%d/%m/%Y", "bounds": "[]", "timezone": "America/Sao_Paulo"}])
"""In São Paulo summer time began at midnight: some days had no hour 0."""
cadences = st.sampled_from(["hourly", "daily", "weekly", "monthly"])


@dataclass
class Story:
    """A dataset's ledger over many runs, some of which were killed or failed."""

    contract: Dataset
    entries: list[LedgerEntry] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    def run(self, as_of: datetime, steps: int, is_begun: bool) -> None:  # noqa: FBT001 - drawn
        """A run that is killed, or fails, after so many steps; it may have begun the next one."""
        watermark = max((each.window_end for each in self.entries), default=None)
        known = Known(watermark, frozenset(each.batch_id for each in self.entries), tuple(self.begun))
        planned = plan_due(self.contract, as_of, known)
        self.check(as_of, planned)
        self.entries += [entry(each.batch, "skipped" if each.is_skipped else "committed") for each in planned[:steps]]
        self.begun += [each.batch.id for each in planned[steps : steps + 1] if is_begun and not each.is_skipped]

    def check(self, as_of: datetime, planned: list[Due]) -> None:
        """As the policy says: nothing that it keeps is skipped, and nothing else is begun."""
        policy, newest = windows_of(self.contract).catch_up, due_up_to(self.contract, as_of)
        clock = windows_of(self.contract).clock
        zone = clock.zone if clock.is_daily else UTC
        last = clock.edge(slot(newest - timedelta.resolution, self.contract.cadence, zone).start)
        oldest = clock.edge(newest - policy) if isinstance(policy, timedelta) else last
        kept = None if policy == "all" else min(last, oldest)
        for each in planned:
            window = each.batch.window
            if each.is_skipped:
                assert kept is not None
                assert window.end <= kept
            else:
                assert kept is None or kept <= window.start or each.batch.id in self.begun


def _place(each: LedgerEntry) -> tuple[datetime, datetime]:
    return each.window_start, each.window_end


runs = st.lists(st.tuples(st.integers(1, 50 * 24), st.integers(0, 9), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=200, deadline=None)
@given(
    policy=policies, chunk=chunks, cadence=cadences, clock=clocks, runs=runs, asked=st.none() | st.just("1d") | st.just("7d")
)  # fmt: skip
def test_whatever_the_outages_every_window_is_loaded_or_skipped_once_and_a_backfill_loads_exactly_the_skipped(
    policy: Any, chunk: Any, cadence: Any, clock: Any, runs: Any, asked: Any
):
    story = Story(contract(cadence, chunk=chunk, catch_up=policy, **clock))
    as_of = begin = windows_of(story.contract).initial_at
    for hours, steps, is_begun in runs:
        as_of += timedelta(hours=hours)
        story.run(as_of, steps, is_begun)
    assert len({each.batch_id for each in story.entries}) == len(story.entries)
    ends = sorted(map(_place, story.entries))
    assert [start for start, _ in ends] == [begin, *(end for _, end in ends)][: len(ends)]
    if not ends:
        return
    shorter = (
        read_chunk(asked) if asked and chunk != DAYS and (chunk in {"month", "year"} or chunk >= 7 * DAYS) else None
    )
    whole = Asked(begin, ends[-1][1], shorter)
    found = plan_backfill(story.contract, whole, story.entries, story.begun, FAR)
    skipped = [each for each in story.entries if each.state == "skipped"]
    assert [each.batch.id for each in found.wanted] == [each.batch_id for each in sorted(skipped, key=_place)]
    done = [each for each in story.entries if each.state == "committed"] + [entry(each.batch) for each in found.wanted]
    assert plan_backfill(story.contract, whole, done, (), FAR).wanted == ()
    assert left_out(story.contract, done) == []


days = st.integers(0, 120).map(lambda number: at("2013-01-01") + number * DAYS)
states = st.sampled_from(["committed", "undone", "skipped", "given_up"])


@settings(max_examples=200, deadline=None)
@given(
    parts=st.lists(st.tuples(days, st.integers(1, 40), states), max_size=8), start=days, length=st.integers(1, 90),
    chunk=chunks, luck=st.integers(0, 2**16), keeps=st.booleans(),
)  # fmt: skip
def test_a_plan_covers_its_range_overlaps_nothing_and_is_the_same_for_what_a_stopped_run_left(
    parts: Any, start: Any, length: int, chunk: Any, luck: int, keeps: Any
):
    whole = contract(chunk="year" if chunk == "year" else 62 * DAYS)
    entries: dict[str, LedgerEntry] = {}
    for begin, number, state in parts:
        (batch,) = cut(whole, Window(begin, begin + number * DAYS), windows_of(contract(chunk=62 * DAYS)).stop)
        entries[batch.id] = entry(batch, state)
    asked = Asked(start, start + length * DAYS, chunk)
    found = plan_backfill(whole, asked, list(entries.values()), (), FAR)
    wanted = [each.batch for each in found.wanted]
    held = [
        Window(each.window_start, each.window_end) for each in entries.values() if each.state in {"committed", "undone"}
    ]
    spans = sorted([*(each.window for each in wanted), *held])
    assert all(one.window.end <= other.window.start for one, other in pairwise(wanted))
    assert not [
        (one.id, str(other))
        for one in wanted
        for other in held
        if one.window.start < other.end and other.start < one.window.end
    ]
    reached = start
    for span in spans:
        reached = max(reached, span.end) if span.start <= reached else reached
    assert reached >= asked.end
    loaded = [each for number, each in enumerate(wanted) if luck >> number % 16 & 1]
    again = plan_backfill(whole, asked, [*({**entries, **{each.id: entry(each) for each in loaded}}).values()], (), FAR)
    assert [each.batch for each in again.wanted] == [each for each in wanted if each not in loaded]
