"""What a run does for analysts, and that the run is well whatever becomes of that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.prefect_state import kept_by_prefect

NAME = "shown_airlines"
DAYS = [f"2014-01-0{day}T06:00Z" for day in (2, 3, 4)]


@pytest.fixture(scope="module")
def story(world: Any, write_contract: Any) -> dict[str, Any]:
    """Shown; then somebody's own view is in the way of a new definition; then it is gone."""
    folder = str(write_contract(NAME, write='Upsert(key="carrier")'))
    ingest = [("ingest", NAME, "--as-of", day, "--datasets", folder) for day in DAYS]
    told: dict[str, Any] = {}
    (told["first"],) = world.esteira_each(ingest[0])
    told["rows"] = world.query(f'SELECT COUNT("airline name"), COUNT(DISTINCT _esteira_batch) FROM bi.{NAME}')
    world.run(f"CREATE VIEW bi.own AS SELECT carrier FROM bi.{NAME}")
    world.run(f"UPDATE esteira.publication SET hash = 'of an older version' WHERE name = '{NAME}'")
    (told["second"],) = world.esteira_each(ingest[1])
    told["logged"] = kept_by_prefect(world.stack.state)
    told["still"] = world.query(f"SELECT row_count, last_batch FROM bi.freshness WHERE dataset = '{NAME}'")
    world.run("DROP VIEW bi.own")
    (told["third"],) = world.esteira_each(ingest[2])
    told["hash"] = world.query(f"SELECT LENGTH(hash) FROM esteira.publication WHERE name = '{NAME}'")
    return told


def test_a_run_shows_its_dataset_under_its_business_names(story: dict[str, Any]):
    assert story["first"].code == 0, story["first"].err
    assert story["rows"] == [(16, 1)]


@pytest.mark.fault(61)
def test_a_view_that_cannot_be_made_is_a_warning_with_what_to_do_and_the_batch_is_in(story: dict[str, Any]):
    assert story["second"].code == 0, story["second"].err
    (line,) = (line for line in story["logged"].splitlines() if f"The views of {NAME} in bi are not brought" in line)
    assert "not brought up to date: LoadError" in line
    assert f"view bi.own depends on view bi.{NAME}" in line
    assert "the next run does it again (runbook: The views of bi are behind)" in line
    assert story["still"][0][1].startswith("2014-01-03")


@pytest.mark.fault(61)
def test_the_next_run_does_it_again(story: dict[str, Any]):
    assert story["third"].code == 0, story["third"].err
    assert story["hash"] == [(64,)]
