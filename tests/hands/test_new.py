"""`esteira new` by a portal block: the real Datasette, its token, and a contract that runs at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.main_job.world import Result, Warm, World


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("company") / "datasets"
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def made(warm: Warm, folder: Path) -> Result:
    path = "/flights/flights.json?_size=30&_shape=objects"
    where = ("--portal", "flights-portal", "--path", path, "--datasets", str(folder))
    return warm.esteira("new", "departures", *where, "--owner", "bi-team")


def test_the_portal_of_the_block_is_asked_with_its_token_and_recognised(made: Result, world: World) -> None:
    assert made.code == 0, made.err
    told = " ".join(made.out.split())
    assert 'paginator: NextLink(body="next_url") — next_url holds a link; the page after it holds 30 other' in told
    assert "total: filtered_table_rows_count — 2,000 here" in told
    assert "key: id — unique and never null in 60 records" in told
    assert "time_hour moment" in told
    assert world.token not in made.out + made.err


def test_the_draft_fits_its_fixture_and_previews_against_the_portal(made: Result, warm: Warm, folder: Path) -> None:
    tried = warm.esteira("test", "departures", "--datasets", str(folder), "--json")
    assert (tried.code, tried.facts[0]["records"], tried.facts[0]["quarantined"]) == (0, 40, 0)
    seen = warm.esteira("preview", "departures", "--datasets", str(folder), "--json")
    assert (seen.facts["records"], seen.facts["quarantined"], seen.facts["new_columns"]) == (30, 0, [])


def test_a_block_that_does_not_exist_is_named(warm: Warm, folder: Path) -> None:
    done = warm.esteira("new", "x", "--portal", "nowhere", "--path", "/x", "--datasets", str(folder))
    assert done.code == 78
    assert "nowhere does not exist" in done.err
    assert not (folder / "x.py").exists()
