"""What comes after the first snapshot, at servers of other people: windows, a number that grows, an answer that has not changed, children."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from esteira.batch import Known, plan
from esteira.contract import ApiSource, Incremental, NextLink, Parent, Quality, Upsert
from esteira.curate import curate
from esteira.extraction.beginning import Beginning, Unchanged
from esteira.extraction.extract import extract
from esteira.lake import Lake, ParentSeal
from tests.portals.cases import DRF_SECRET, DRF_TOKEN, NAMED, Case
from tests.portals.running import Server
from tests.portals.story import batch_of, curated
from tests.portals.table import BEGIN

Servers = dict[str, Server]
OBJECTS = NAMED["datasette-objects"]


@pytest.fixture
def datasette(running_servers: Servers) -> Iterator[Server]:
    yield running_servers["datasette"]
    running_servers["datasette"].restore()


@pytest.fixture
def django(running_servers: Servers) -> Iterator[Server]:
    yield running_servers["django"]
    running_servers["django"].restore()


def by_cursor(incremental: Incremental) -> Any:
    source = dataclasses.replace(OBJECTS.source, incremental=incremental)
    return dataclasses.replace(OBJECTS.dataset, source=source, write=Upsert(key="id"), quality=Quality())


@pytest.mark.fault(12)
def test_windows_tile_the_table_though_each_edge_is_a_moment_that_rows_share(datasette: Server, lake: Lake):
    dataset = by_cursor(
        Incremental(
            cursor="created", start_param="created__gte", end_param="created__lt",
            initial=BEGIN, chunk=timedelta(minutes=104),
        )
    )  # fmt: skip
    batches = plan(dataset, datetime(2024, 2, 2, 1, tzinfo=UTC), Known())
    found: list[Any] = []
    for batch in batches:
        seal = extract(dataset, batch, portal=OBJECTS.open(datasette.url), lake=lake)
        assert seal is not None
        found += curated(dataset, lake, seal) if seal.extracted else []
    assert found == datasette.rows
    assert len(batches) == 13


@pytest.mark.fault(21)
def test_a_row_that_is_committed_late_behind_the_watermark_is_read_with_the_lag(datasette: Server, lake: Lake):
    dataset = by_cursor(
        Incremental(
            cursor="created", start_param="created__gte", end_param="created__lt",
            initial=BEGIN, chunk=timedelta(hours=4), lag=timedelta(hours=1),
        )
    )  # fmt: skip
    batches = plan(dataset, datetime(2024, 2, 2, 1, tzinfo=UTC), Known())
    late = "WHERE id IN (110, 115, 120)"
    datasette.execute(f"DELETE FROM readings {late}")
    found: list[Any] = []
    for batch in batches:
        seal = extract(dataset, batch, portal=OBJECTS.open(datasette.url), lake=lake)
        assert seal is not None
        found += curated(dataset, lake, seal) if seal.extracted else []
        datasette.restore()  # the late rows lie in the first window, within an hour of its end
    assert {row["id"]: row for row in found} == {row["id"]: row for row in datasette.rows}
    assert max(Counter(row["id"] for row in found).values()) == 2  # what the lag reads again, Upsert merges


@pytest.mark.fault(12)
def test_a_number_that_grows_brings_what_is_new_and_the_row_that_it_stands_on(datasette: Server, lake: Lake):
    dataset = by_cursor(Incremental(cursor="id", start_param="id__gte", initial=0))
    portal = OBJECTS.open(datasette.url)
    first, second = (plan(dataset, datetime(2024, 3, day, 9, tzinfo=UTC), Known())[-1] for day in (1, 2))
    datasette.execute("DELETE FROM readings WHERE id > 200")
    seal = extract(dataset, first, portal=portal, lake=lake, beginning=Beginning(cursor_start=0))
    assert seal is not None
    before = curated(dataset, lake, seal)
    assert before == datasette.rows
    datasette.restore()
    seal = extract(dataset, second, portal=portal, lake=lake, beginning=Beginning(cursor_start=200))
    assert seal is not None
    table = {row["id"]: row for row in (*before, *curated(dataset, lake, seal))}
    assert seal.extracted == 31
    assert list(table.values()) == datasette.rows


def test_an_answer_that_has_not_changed_is_not_downloaded_again(django: Server, lake: Lake):
    """Django's own ConditionalGetMiddleware makes the ETag and answers 304."""
    source = ApiSource(portal="drf", path="/token/whole/readings/", skip_unchanged=True)
    case = Case("whole", "django", source, (DRF_TOKEN,), DRF_SECRET)
    dataset, portal = case.dataset, case.open(django.url)
    first, second = (plan(dataset, datetime(2024, 3, day, 9, tzinfo=UTC), Known())[-1] for day in (1, 2))
    seal = extract(dataset, first, portal=portal, lake=lake)
    assert seal is not None
    assert curated(dataset, lake, seal) == django.rows
    known = Beginning(known=Unchanged(first.id, seal.provenance.etag, seal.provenance.modified))
    assert extract(dataset, second, portal=portal, lake=lake, beginning=known) is None
    assert "304 Not Modified" in django.asked()[-1]
    django.execute("UPDATE readings SET note = 'changed' WHERE id = 7")
    seal = extract(dataset, second, portal=portal, lake=lake, beginning=known)
    assert seal is not None
    assert curated(dataset, lake, seal) == django.rows


@pytest.mark.parametrize("at_once", [1, 3])
def test_single_objects_of_one_server_are_asked_for_by_the_rows_of_another(
    datasette: Server, django: Server, lake: Lake, at_once: int
):
    few = dataclasses.replace(OBJECTS.source, params={"_size": 3, "_shape": "objects", "id__lte": 7})
    parents = dataclasses.replace(OBJECTS.dataset, name="parents", source=few)
    raw = extract(parents, batch_of(parents), portal=OBJECTS.open(datasette.url), lake=lake)
    assert raw is not None
    sealed = curate(parents, raw, lake=lake)
    child = ApiSource(
        portal="drf", path="/token/one/readings/{parent.id}/", is_single_record=True, parent=Parent("parents")
    )
    case = Case("one", "django", child, (DRF_TOKEN,), DRF_SECRET, {"max_concurrent_requests": at_once})
    parent = ParentSeal("parents", sealed.batch, sealed.generation, sealed.hash)
    seal = extract(
        case.dataset,
        batch_of(case.dataset),
        portal=case.open(django.url),
        lake=lake,
        beginning=Beginning(parent=parent),
    )
    assert seal is not None
    assert curated(case.dataset, lake, seal) == django.rows[:7]
    assert len([line for line in django.asked() if "/token/one/" in line]) >= 7


def test_links_keep_the_filter_of_the_window(datasette: Server, lake: Lake):
    """Datasette writes the window into `next_url`, so the pages of a window belong to it."""
    paged = dataclasses.replace(
        OBJECTS.source, params={"_size": 5, "_shape": "objects"}, paginator=NextLink(body="next_url")
    )
    incremental = Incremental(cursor="id", start_param="id__gte", initial=0)
    dataset = dataclasses.replace(by_cursor(incremental), source=dataclasses.replace(paged, incremental=incremental))
    seal = extract(
        dataset, batch_of(dataset), portal=OBJECTS.open(datasette.url), lake=lake, beginning=Beginning(cursor_start=210)
    )
    assert seal is not None
    assert curated(dataset, lake, seal) == datasette.rows[209:]
