"""What is loaded again, under which generation, and from which seal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from esteira.errors import ConfigError, SealConflict
from esteira.lake import Lake, Layout, Seal
from esteira.rebuild import Rebuild, Selection, curated_again, plan_rebuild, raw_seal
from esteira.warehouse import LedgerEntry
from tests.core.small import dataset

DAY = datetime(2013, 1, 1, tzinfo=UTC)


def batch_id(day: int) -> str:
    return f"2013-01-{day:02d}_2013-01-{day + 1:02d}-0a1b2c3d"


def entry(day: int, **changes: Any) -> LedgerEntry:
    start = DAY + timedelta(days=day - 1)
    return LedgerEntry(batch_id(day), start, start + timedelta(days=1), "hash", "a1", **changes)


def plan(lake: Lake, entries: list[LedgerEntry], **selection: Any) -> list[Rebuild]:
    return plan_rebuild(dataset(), entries, Selection(**selection), lake)


def days(planned: list[Rebuild]) -> list[int]:
    return [rebuild.batch.window.start.day for rebuild in planned]


def test_without_a_selection_every_committed_batch_is_chosen(lake: Lake):
    entries = [entry(1), entry(2, state="undone", generation=2), entry(3), entry(4, state="given_up", generation=0)]
    assert days(plan(lake, entries)) == [1, 3]


def test_a_span_chooses_the_batches_that_lie_within_it(lake: Lake):
    span = (DAY + timedelta(days=1), DAY + timedelta(days=3))
    assert days(plan(lake, [entry(1), entry(2), entry(3), entry(4)], span=span)) == [2, 3]


def test_an_undone_batch_comes_back_when_it_is_named(lake: Lake):
    (rebuild,) = plan(lake, [entry(1), entry(2, state="undone", generation=2)], batch_ids=(batch_id(2),))
    assert (rebuild.generation, rebuild.replaced) == (3, 2)


def test_an_unknown_batch_and_an_empty_choice_are_refused(lake: Lake):
    with pytest.raises(ConfigError, match="knows no batch nonsense"):
        plan(lake, [entry(1)], batch_ids=("nonsense",))
    with pytest.raises(ConfigError, match="nothing to load again"):
        plan(lake, [entry(1)], span=(DAY + timedelta(days=9), DAY + timedelta(days=10)))


def test_a_generation_that_a_dead_run_began_is_not_used_again(lake: Lake):
    lake.put_part(Layout("rows", batch_id(1), 4).part("curated", "a1", 1), b"x", rows=1)
    (rebuild,) = plan(lake, [entry(1, generation=2)])
    assert (rebuild.generation, rebuild.replaced) == (5, 2)


def test_the_window_is_the_ledgers_also_for_a_batch_of_an_older_source_definition(lake: Lake):
    (rebuild,) = plan(lake, [entry(5)])
    assert (rebuild.batch.id, rebuild.batch.window.start) == (batch_id(5), DAY + timedelta(days=4))


def sealed(lake: Lake, zone: str, generation: int) -> Seal:
    return lake.put_seal(zone, Seal("rows", batch_id(1), f"a{generation}", (), 0, generation=generation))


def test_the_newest_raw_seal_is_the_one_that_is_curated_again(lake: Lake):
    first = sealed(lake, "raw", 1)
    rebuild = plan(lake, [entry(1, generation=3)])[0]
    assert raw_seal(rebuild, lake) == first
    third = sealed(lake, "raw", 3)
    assert raw_seal(rebuild, lake) == third


def test_curated_parts_are_sealed_again_without_being_copied(lake: Lake):
    part = lake.put_part(Layout("rows", batch_id(1)).part("curated", "a1", 1), b"x", rows=1)
    lake.put_seal("curated", Seal("rows", batch_id(1), "a1", (part,), 1, curated=1))
    rebuild = plan(lake, [entry(1)])[0]
    seal = curated_again(rebuild, lake)
    assert (seal.generation, seal.parts) == (2, (part,))
    assert lake.find_seal("curated", "rows", batch_id(1), 2) == seal


def test_a_batch_whose_zone_is_gone_is_refused_with_where_to_rebuild_from(lake: Lake):
    rebuild = plan(lake, [entry(1)])[0]
    for seek in (raw_seal, curated_again):
        with pytest.raises(SealConflict) as caught:
            seek(rebuild, lake)
        assert "--from" in caught.value.hint
