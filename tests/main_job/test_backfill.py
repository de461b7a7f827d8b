"""Backfills from the command line: killed and started again, with a window that fails, and of what an outage left out.

Weather of some weeks in windows of seven days, each story with a dataset of its own. In the second week of February one row breaks its rule.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.main import esteira
from datasets.weather import DATASET as WEATHER

KILLED, FAILING, SKIPPING = "chunked_killed", "chunked_failing", "chunked_skipping"
JANUARY = ("--start", "2013-01-01", "--end", "2013-01-29", "--chunk", "7d")
FEBRUARY = ("--start", "2013-02-01", "--end", "2013-03-01", "--chunk", "7d")
WEEKS = ["2013-01-01→2013-01-08", "2013-01-08→2013-01-15", "2013-01-15→2013-01-22", "2013-01-22→2013-01-29"]
BROKEN = "2013-02-08→2013-02-15"
_CONTRACT = '''"""A variant of weather, for one story."""

import dataclasses
from datetime import timedelta

from datasets.weather import DATASET as _BASE
from esteira.contract import Append, Quality, Upsert  # noqa: F401

_INCREMENTAL = dataclasses.replace(_BASE.source.incremental, lag=timedelta(0), catch_up={catch_up!r})
_SOURCE = dataclasses.replace(_BASE.source, params=_BASE.source.params | {{"_tag": "{name}"}}, incremental=_INCREMENTAL)
DATASET = dataclasses.replace(_BASE, name="{name}", title={{}}, source=_SOURCE, write={write}, quality=Quality(max_quarantine_ratio={ratio}))
'''
_ARTIFACTS = """
import json, sys
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
with get_client(sync_client=True) as client:
    found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=sys.argv[1:])))
    last = sorted(found, key=lambda each: each.created)
    runs = client.read_flow_runs()
    print(json.dumps({"artifacts": [[each.key, each.data, each.description] for each in last],
        "states": [run.state.message for run in runs if run.name.startswith("chunked_failing backfill")]}))
"""


def write(folder: Path, name: str, *, mode: str = "Append()", ratio: float = 1, catch_up: str = "all") -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(_CONTRACT.format(name=name, write=mode, ratio=ratio, catch_up=catch_up))


def fates(told: Any) -> dict[str, str]:
    (fact,) = told.facts
    return {window["window"]["start"][:10]: window["state"] for window in fact["windows"]}


@pytest.fixture(scope="module")
def told(world: Any, tmp_path_factory: Any) -> dict[str, Any]:
    """All stories, in two lines of commands side by side."""
    folders = {name: tmp_path_factory.mktemp(name) for name in (KILLED, FAILING, SKIPPING)}

    def one(names: tuple[str, ...]) -> dict[str, Any]:
        with world.warm(tmp_path_factory.mktemp("warm")) as line:
            return {name: STORIES[name](world, line, folders[name]) for name in names}

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(one, ((KILLED,), (FAILING, SKIPPING)))
    return first | second


def tell_killed(world: Any, line: Any, folder: Path) -> dict[str, Any]:
    write(folder, KILLED)

    def ingest(*options: str, **env: str) -> Any:
        return line.esteira("ingest", KILLED, *options, "--datasets", str(folder), env=env)

    found = {"dry": ingest(*JANUARY, "--dry-run"), "asked by dry": world.portal_requests(KILLED)}
    found["killed"] = ingest(*JANUARY, ESTEIRA_FAILPOINT="load.commit:kill:2")
    found["again"] = ingest(*JANUARY, "--json")
    before = world.portal_requests(KILLED)
    found["twice"] = ingest(*JANUARY, "--json")
    found["asked by twice"] = world.portal_requests(KILLED)[len(before) :]
    found["other"] = ingest("--start", "2013-01-01", "--end", "2013-02-05", "--chunk", "2w", "--dry-run", "--json")
    since = datetime.now(UTC).isoformat()
    found["force killed"] = ingest(*JANUARY, "--force", ESTEIRA_FAILPOINT="curate.seal:kill:2")
    found["force again"] = ingest(*JANUARY, "--force", "--since", since, "--json")
    found["compared"] = line.esteira("reconcile", KILLED, "--datasets", str(folder))
    return found


def tell_failing(world: Any, line: Any, folder: Path) -> dict[str, Any]:
    del world
    write(folder, FAILING, mode='Upsert(key="id")', ratio=0)
    command = ("ingest", FAILING, *FEBRUARY, "--datasets", str(folder))
    found = {
        "failed": line.esteira(*command, "--at-once", "2"),
        "status": line.esteira("status", FAILING, *command[-2:]),
    }
    write(folder, FAILING, mode='Upsert(key="id")')
    found |= {"mended": line.esteira(*command, "--json"), "after": line.esteira("status", FAILING, *command[-2:])}
    return found | {"compared": line.esteira("reconcile", FAILING, *command[-2:])}


def tell_skipping(world: Any, line: Any, folder: Path) -> dict[str, Any]:
    del world
    write(folder, SKIPPING, catch_up="newest")
    where = ("--datasets", str(folder))
    for day in ("03", "12"):
        assert line.esteira("ingest", SKIPPING, "--as-of", f"2013-01-{day}T06:00Z", *where).code == 0
    found = {
        "status": line.esteira("status", SKIPPING, *where),
        "json": line.esteira("status", SKIPPING, "--json", *where),
    }
    chunked = ("--start", "2013-01-01", "--end", "2013-01-12", "--chunk", "2d")
    found["backfill"] = line.esteira("ingest", SKIPPING, *chunked, "--json", *where)
    found["after"] = line.esteira("status", SKIPPING, *where)
    found["wrong"] = line.esteira("ingest", SKIPPING, *chunked[:-1], "7q", *where)
    return found | {"compared": line.esteira("reconcile", SKIPPING, *where)}


STORIES = {KILLED: tell_killed, FAILING: tell_failing, SKIPPING: tell_skipping}


def ledger(world: Any, name: str) -> list[tuple[Any, ...]]:
    rows = world.query(f"SELECT window_start, generation, state FROM esteira_ledger.{name} ORDER BY 1, 2")
    return [(start.astimezone(UTC).strftime("%m-%d"), generation, state) for start, generation, state in rows]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--chunk", "7d"), "go with --start and --end"),
        ((*JANUARY, "--as-of", "2013-02-01"), "without --from and --as-of"),
        ((*JANUARY, "--from", "raw"), "without --from and --as-of"),
        ((*JANUARY, "--since", "2013-02-01"), "--since goes with --force"),
        ((*JANUARY, "--at-once", "0"), "0 is not in the range"),
    ],
)
def test_options_that_mean_nothing_together_are_usage_errors(options: Any, said: str):
    found = CliRunner().invoke(esteira, ["ingest", "weather", *options])
    assert found.exit_code == 2
    assert said in found.output


def test_a_wrong_chunk_is_refused_with_what_is_allowed_before_anything_is_asked(told: Any):
    wrong = told[SKIPPING]["wrong"]
    assert wrong.code == 78
    assert "chunk '7q' is no length of a window. Next step: Write hours such as 12h, days such as 7d" in wrong.err


def test_a_dry_run_prints_the_windows_and_loads_nothing(told: Any):
    dry = told[KILLED]["dry"]
    assert dry.code == 0, dry.err
    assert all(f"{week}  to load" in dry.out for week in WEEKS)
    assert "4 windows, none of them loaded; 4 to load" in dry.out
    assert "no batch of this dataset has been measured yet" in dry.out
    assert told[KILLED]["asked by dry"] == []


def test_a_backfill_that_was_killed_goes_on_and_loads_nothing_twice(world: Any, told: Any):
    assert (told[KILLED]["killed"].code, told[KILLED]["again"].code) == (-9, 0), told[KILLED]["again"].err
    assert list(fates(told[KILLED]["again"]).values()) == ["loaded before"] * 2 + ["loaded"] * 2
    loaded = world.loaded_rows(WEATHER, KILLED)
    assert loaded == world.portal_rows(WEATHER, "time_hour < '2013-01-29'")


def test_the_same_again_asks_the_portal_for_nothing(told: Any):
    assert set(fates(told[KILLED]["twice"]).values()) == {"loaded before"}
    assert told[KILLED]["asked by twice"] == []


def test_another_chunk_leaves_the_cut_of_the_ledger_and_says_so_with_the_time_that_it_will_take(told: Any):
    (fact,) = told[KILLED]["other"].facts
    assert list(fates(told[KILLED]["other"]).values()) == ["loaded"] * 4 + ["to load"]
    assert fact["notes"] == [
        "4 windows of the ledger have another cut than was asked for and will keep it; what lies between is cut to fit."
    ]
    assert fact["estimated_seconds"] > 0


def test_a_forced_backfill_that_was_killed_goes_on_with_what_is_not_loaded_again_yet(world: Any, told: Any):
    assert told[KILLED]["force killed"].code == -9
    assert list(fates(told[KILLED]["force again"]).values()) == ["loaded before"] + ["loaded again"] * 3
    found = ledger(world, KILLED)
    assert [start for start, *_ in found] == [day for day in ("01-01", "01-08", "01-15", "01-22") for _ in range(2)]
    assert len({(start, generation) for start, generation, _ in found}) == 8


def test_a_window_that_fails_stops_no_other_and_the_summary_names_it_with_the_next_command(told: Any):
    failed = told[FAILING]["failed"]
    assert failed.code == 65
    assert f"1 of 4 windows failed: {BROKEN} (DataQualityError)" in failed.out
    command = "esteira ingest chunked_failing --start 2013-02-01T00:00Z --end 2013-03-01T00:00Z --chunk 7d"
    assert f"`{command}`: only what is missing is loaded" in failed.out
    assert failed.out.count("  loaded  ") == 3


def test_what_failed_behind_the_watermark_is_told_until_it_is_loaded(told: Any):
    assert f"{BROKEN} never loaded" in told[FAILING]["status"].out
    states = list(fates(told[FAILING]["mended"]).values())
    assert states == ["loaded before", "loaded", "loaded before", "loaded before"]
    assert BROKEN not in told[FAILING]["after"].out


def test_an_outage_is_skipped_as_the_contract_says_and_told(told: Any):
    status = told[SKIPPING]["status"].out
    assert "does not have 2013-01-01→2013-01-02 skipped, 2013-01-03→2013-01-11 skipped;" in status
    assert (
        f"`esteira ingest {SKIPPING} --start 2013-01-01 --end 2013-01-11 --dry-run` says what would load it" in status
    )
    (fact,) = told[SKIPPING]["json"].facts
    assert fact["gaps"] == ["2013-01-01→2013-01-02 skipped", "2013-01-03→2013-01-11 skipped"]


def test_a_backfill_loads_exactly_what_was_skipped(world: Any, told: Any):
    states = fates(told[SKIPPING]["backfill"])
    fresh = {"2013-01-01": "loaded", "2013-01-03": "loaded"}
    assert states == {"2013-01-02": "loaded before", "2013-01-11": "loaded before"} | fresh, told[SKIPPING][
        "backfill"
    ].err
    assert world.loaded_rows(WEATHER, SKIPPING) == world.portal_rows(WEATHER, "time_hour < '2013-01-12'")
    assert "does not have" not in told[SKIPPING]["after"].out


@pytest.mark.parametrize("name", STORIES)
def test_ledger_lake_and_table_agree_afterwards(told: Any, name: str):
    assert told[name]["compared"].code == 0, told[name]["compared"].out


def test_the_runs_leave_their_progress_and_one_summary(world: Any, told: Any):
    del told
    found = world.python(_ARTIFACTS, "chunked-failing-progress", "chunked-failing-backfill").facts
    progress = [each for each in found["artifacts"] if each[0].endswith("-progress")]
    assert [(float(data), said) for _, data, said in progress] == [(100, "4 of 4 windows")] * 2
    first, second = [each for each in found["artifacts"] if each[0].endswith("-backfill")]
    assert f"| {BROKEN} | failed: DataQualityError | — | — |" in first[1]
    assert f"| {BROKEN} | loaded | 5" in second[1]
    assert second[2].startswith("4 windows: 3 loaded before, 1 loaded; 5")
    assert first[2].startswith(f"1 of 4 windows failed: {BROKEN} (DataQualityError)")
    assert {first[2], second[2]} == set(found["states"])
