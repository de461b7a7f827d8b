"""The main job on real data: what the portal holds is what the warehouse holds, once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from typing import Any

import pytest

from datasets.airlines import DATASET as AIRLINES
from datasets.airports import DATASET as AIRPORTS
from datasets.flights import DATASET as FLIGHTS
from datasets.planes import DATASET as PLANES
from datasets.weather import DATASET as WEATHER
from local.portal import append_flights

FIRST, LATER = "2013-02-01T06:00Z", "2014-01-04T06:00Z"
JANUARY = "time_hour < '2013-02-01'"
NEW_FLIGHTS = 60
NAMES = {"airlines", "airports", "planes", "flights", "weather"}


@pytest.fixture(scope="module")
def first(world: Any) -> Any:
    return world.esteira("ingest", "--all", "--as-of", FIRST, "--json")


@pytest.fixture(scope="module")
def again(world: Any, first: Any) -> Any:
    return world.esteira("ingest", "--all", "--as-of", FIRST, "--json")


@pytest.fixture(scope="module")
def later(world: Any, again: Any) -> Any:
    append_flights(world.portal_database, date(2014, 1, 2), NEW_FLIGHTS)
    return world.esteira("ingest", "flights", "--as-of", LATER, "--json")


def test_all_five_datasets_load_in_one_command(first: Any):
    assert first.code == 0, first.err
    assert {report["dataset"] for report in first.facts} == NAMES
    assert all(len(report["batches"]) == 1 and report["batches"][0]["is_new"] for report in first.facts)


def test_the_equation_holds_for_every_batch(first: Any, later: Any):
    batches = [batch for report in [*first.facts, *later.facts] for batch in report["batches"]]
    for batch in batches:
        assert batch["extracted"] == batch["curated"] + batch["quarantined"] == batch["total_reported"]
        written = sum(batch[name] for name in ("inserted", "updated", "unchanged", "stale", "duplicate"))
        assert batch["curated"] == written


@pytest.mark.parametrize("dataset", [AIRLINES, AIRPORTS, PLANES], ids=lambda dataset: dataset.name)
def test_a_snapshot_table_equals_plain_sql_on_the_portals_file(world: Any, first: Any, dataset: Any):
    assert world.loaded_rows(dataset) == world.portal_rows(dataset)


@pytest.mark.parametrize("dataset", [FLIGHTS, WEATHER], ids=lambda dataset: dataset.name)
def test_a_windowed_table_equals_plain_sql_on_the_portals_file_up_to_the_watermark(
    world: Any, first: Any, dataset: Any
):
    (batch,) = next(report["batches"] for report in first.facts if report["dataset"] == dataset.name)
    assert batch["quarantined"] == 0
    expected = world.portal_rows(dataset, JANUARY)
    assert expected
    assert [row for row in world.loaded_rows(dataset) if f"{row[-1]}" < "2013-02-01"] == expected


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ("dest: {:d} rows name airports.faa that do not exist", "dest NOT IN (SELECT faa FROM airports)"),
        ("tailnum: {:d} rows name planes.tailnum that do not exist", "tailnum NOT IN (SELECT tailnum FROM planes)"),
        ("NullRate dep_time: {:,d} of {:,d} rows are empty", "dep_time IS NULL"),
    ],
)
def test_the_real_faults_of_the_source_are_told_with_the_counts_that_plain_sql_gives(
    world: Any, first: Any, said: str, counted: str
):
    (batch,) = next(report["batches"] for report in first.facts if report["dataset"] == "flights")
    with closing(sqlite3.connect(world.portal_database)) as portal:
        ask = f"SELECT SUM({counted}), COUNT(*) FROM flights WHERE {JANUARY}"
        ((count, rows),) = portal.execute(ask).fetchall()
    assert count > 0
    assert len([warning for warning in batch["warnings"] if warning.startswith(said.format(count, rows))]) == 1


def test_the_same_moment_again_loads_nothing(first: Any, again: Any):
    assert again.code == 0, again.err
    assert {report["dataset"]: report["batches"] for report in again.facts} == {name: [] for name in NAMES}


def test_a_later_moment_inserts_exactly_the_rows_that_the_portal_gained(world: Any, later: Any):
    assert later.code == 0, later.err
    (report,) = later.facts
    assert sum(batch["inserted"] for batch in report["batches"]) == NEW_FLIGHTS
    assert sum(batch["updated"] for batch in report["batches"]) == 0
    assert world.loaded_rows(FLIGHTS) == world.portal_rows(FLIGHTS)


def test_status_tells_rows_and_watermark_of_every_dataset(world: Any, later: Any):
    result = world.esteira("status", "--json")
    assert result.code == 0, result.err
    found = {
        each["dataset"]: each for each in result.facts if "dataset" in each
    }  # others left tables without a contract
    assert found.keys() == NAMES
    assert found["flights"]["rows"] == len(world.portal_rows(FLIGHTS))
    assert found["flights"]["watermark"] == "2014-01-04T00:00:00+00:00"
    assert found["weather"]["watermark"] == "2013-02-01T00:00:00+00:00"
