"""Which exports maintenance takes: old versions as wholes, note first; never the latest, never what may be on its way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from esteira.lake.sweep import Stored
from esteira.upkeep.exports import ExportPolicy, old_exports

NOW = datetime(2026, 11, 26, tzinfo=UTC)
POLICY = ExportPolicy(age=timedelta(days=30), versions=2, dead_age=timedelta(days=7))


def objects(version: str, days: float, *names: str) -> list[Stored]:
    return [Stored(f"export/d/{version}/{name}", 1, NOW - timedelta(days=days)) for name in names]


def version(number: int, days: float) -> list[Stored]:
    return objects(f"{number:08d}-b{number}-0a1b2c3d", days, "0a1b/rows/000.parquet", "0a1b/d.csv", "VERSION.json")


def gone(stored: list[Stored], latest: int | None) -> list[str]:
    named = None if latest is None else f"{latest:08d}-b{latest}-0a1b2c3d"
    return [each.key.removeprefix("export/d/") for each in old_exports("d", stored, named, POLICY, NOW)]


def test_old_versions_go_as_wholes_their_notes_first() -> None:
    stored = [*version(1, 50), *version(2, 40), *version(3, 35), *version(4, 1)]
    kept = {"00000003-b3-0a1b2c3d", "00000004-b4-0a1b2c3d"}
    keys = gone(stored, 4)
    assert [key.rpartition("/")[2] for key in keys[:2]] == ["VERSION.json"] * 2
    assert (len(keys), {key.split("/")[0] for key in keys} & kept) == (6, set())


def test_the_newest_versions_and_the_one_that_latest_names_stay_however_old() -> None:
    stored = [*version(1, 400), *version(2, 300), *version(3, 200), *version(4, 100)]
    assert {key.split("/")[0] for key in gone(stored, 1)} == {"00000002-b2-0a1b2c3d"}


def test_a_version_of_which_something_is_young_stays_whole() -> None:
    young = objects("00000001-b1-0a1b2c3d", 1, "0c0c/rows/000.parquet")
    assert gone([*version(1, 50), *young, *version(2, 2), *version(3, 1)], 3) == []


@pytest.mark.parametrize(("days", "count"), [(6, 0), (8, 2)])
def test_what_never_became_a_version_goes_after_a_week(days: float, count: int) -> None:
    dead = objects("00000001-b1-0a1b2c3d", days, "0a1b/rows/000.parquet", "0a1b/d.csv")
    assert len(gone([*dead, *version(2, 1)], 2)) == count


def test_the_pointer_and_the_files_whose_names_do_not_change_stay() -> None:
    stored = [Stored(f"export/d/{name}", 1, NOW - timedelta(days=900)) for name in ("latest.json", "latest/d.csv")]
    assert gone(stored, None) == []
