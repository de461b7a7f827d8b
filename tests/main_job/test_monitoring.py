"""A run as machines see it: metrics that become alarms, and lines of JSON; on the whole stack, with the template's own policies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.main_job.conftest import WRONG_TOKEN
from tests.stack.monitored import NAMESPACE, Monitored

AS_OF, LATER = "2014-01-02T06:00Z", "2014-01-03T06:00Z"
NEAR, OVER, REFUSED = "watched_near", "watched_over", "watched_refused"
MACHINE = {
    "ESTEIRA_METRICS": "dataset",
    "ESTEIRA_LOG_FORMAT": "json",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "esteira,blocks",
}
CONTRACT = '''"""Airlines of which three in sixteen break a rule."""

import dataclasses
from datetime import timedelta

import pandas as pd
import pandera.pandas as pa

from datasets.airlines import DATASET as _BASE
from esteira.contract import Quality


class Airline(pa.DataFrameModel):
    """Airlines with a code of two letters."""

    carrier: pd.StringDtype = pa.Field(str_matches=r"^[A-Z]{{2}}$", description="Carrier code")
    name: pd.StringDtype = pa.Field(description="Full name")


DATASET = dataclasses.replace(_BASE, name="{name}", title={{}}, schema=Airline, quality=Quality(max_quarantine_ratio={limit}, freshness=timedelta(hours=26)))
'''


@dataclass(frozen=True)
class Story:
    """What the commands said, and the alarms."""

    monitored: Monitored
    near: Any
    off: Any
    over: Any
    refused: Any


@pytest.fixture(scope="module")
def story(world: Any, write_contract: Any, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder: Path = tmp_path_factory.mktemp("watched")
    for name, limit in ((NEAR, 0.3), (OVER, 0.01)):
        (folder / f"{name}.py").write_text(CONTRACT.format(name=name, limit=limit))
    write_contract(REFUSED, portal="portal-wrong-token", folder=folder)
    monitored = Monitored(world.stack)
    monitored.deploy()

    def run(name: str, as_of: str = AS_OF, **env: str) -> Any:
        return world.esteira("ingest", name, "--as-of", as_of, "--datasets", str(folder), env=MACHINE | env)

    near = run(NEAR)
    off = run(NEAR, LATER, ESTEIRA_METRICS="off")
    debug = {"PREFECT_LOGGING_LEVEL": "DEBUG", "PREFECT_LOGGING_ROOT_LEVEL": "DEBUG"}
    return Story(monitored, near, off, run(OVER), run(REFUSED, **debug))


def lines(result: Any) -> list[dict[str, str]]:
    """What it said as JSON; the command's own table is for people."""
    return [json.loads(line) for line in result.out.splitlines() if line.startswith("{")]


def sums(monitored: Monitored, metric: str, **dimensions: str) -> tuple[float, float] | None:
    """How many values a metric has, and their sum."""
    found = monitored.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE, MetricName=metric, Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=datetime.now(UTC) - timedelta(hours=1), EndTime=datetime.now(UTC) + timedelta(hours=1), Period=7200,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]  # fmt: skip
    return (found[0]["SampleCount"], found[0]["Sum"]) if found else None


def test_a_batch_is_measured_once_from_its_ledger_row(story: Story) -> None:
    assert story.near.code == 0, story.near.err
    assert story.off.code == 0, story.off.err
    found = {
        name: sums(story.monitored, name, Dataset=NEAR) for name in ("Batches", "Rows", "QuarantinedRows", "Retries")
    }
    assert found == {"Batches": (1, 1), "Rows": (1, 16), "QuarantinedRows": (1, 3), "Retries": (1, 0)}
    assert sums(story.monitored, "QuarantineRatio", Dataset=NEAR) == (1, pytest.approx(3 / 16))
    for metric in ("Bytes", "Seconds"):
        count, total = sums(story.monitored, metric, Dataset=NEAR)
        assert (count, total > 0) == (1, True)
    steps = {
        step: sums(story.monitored, "StepSeconds", Dataset=NEAR, Step=step)
        for step in ("extract", "curate", "load", "publish")
    }
    assert all(found[0] == 1 and found[1] > 0 for found in steps.values()), steps


def test_a_failing_batch_is_counted_and_its_alarm_reaches_the_topic(story: Story) -> None:
    assert (story.over.code, story.refused.code) == (65, 77), story.over.err + story.refused.err
    told = story.monitored.told("failure")
    assert "failed for good" in told["AlarmDescription"]
    assert (
        sums(story.monitored, "Failures", Dataset=OVER) == sums(story.monitored, "Failures", Dataset=REFUSED) == (1, 1)
    )
    assert sums(story.monitored, "Failures") == (
        4,
        4,
    )  # the emulator takes no dimension for any: two, and the same two of their datasets
    assert sums(story.monitored, "Batches", Dataset=OVER) is None


def test_refused_rows_near_the_limit_are_an_alarm_as_well_as_those_over_it(story: Story) -> None:
    assert sums(story.monitored, "QuarantineShare", Dataset=NEAR) == (1, pytest.approx(0.625))
    assert sums(story.monitored, "QuarantineShare", Dataset=OVER) == (1, pytest.approx(18.75))
    assert "near what its contract allows" in story.monitored.told("quarantine")["AlarmDescription"]


def test_a_batch_that_took_longer_than_usual_is_an_alarm(
    story: Story, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from esteira.observe.metrics import Measured, of_batch, put
    from esteira.warehouse import LedgerEntry

    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ):  # another stack's would win over the profile
        monkeypatch.delenv(name, raising=False)
    for name, value in world.stack.client_environment().items():
        monkeypatch.setenv(name, value)
    entry = LedgerEntry("b1", datetime(2014, 1, 1, tzinfo=UTC), datetime(2014, 1, 2, tzinfo=UTC), seconds=180.0)
    put(of_batch(Measured("crawling", entry, 0.01, {}, usual_seconds=30.0)), "local", "stage")
    assert "three times the median" in story.monitored.told("slow")["AlarmDescription"]
    assert sums(story.monitored, "Slowness") == (1, pytest.approx(2.0))
    assert sums(story.monitored, "Slowness", Dataset="crawling") is None  # `stage` sends what alarms need alone


@pytest.mark.fault(58)
def test_the_age_of_what_a_run_has_loaded_is_told_from_the_note_that_it_left(story: Story) -> None:
    answer = story.monitored.invoke_age()["answer"]
    years = (datetime.now(UTC) - datetime(2014, 1, 4, tzinfo=UTC)) / timedelta(hours=1)
    assert answer["ages"][NEAR] == {"hours": pytest.approx(years, abs=1), "share": pytest.approx(years / 26, abs=1)}
    assert OVER not in answer["ages"]  # never loaded: not yet anybody's
    story.monitored.set_back("stale")  # it fired before, for no age had come
    assert story.monitored.told("stale", reason="Threshold Crossed: Maximum")


def test_each_line_says_what_it_is_about(story: Story) -> None:
    said = lines(story.near)
    assert [line for line in said if not {"time", "level", "logger", "message"} <= set(line)] == []
    loaded = next(line for line in said if "committed: 13 inserted" in line["message"])
    assert {"dataset", "batch", "attempt", "step", "flow", "run", "run_id", "task"} <= set(loaded)
    assert (loaded["dataset"], loaded["step"], loaded["flow"], loaded["level"]) == (NEAR, "load", "ingest", "INFO")
    assert {line["run_id"] for line in said if "run_id" in line} == {loaded["run_id"]}
    assert [line["step"] for line in said if "rows are in the lake" in line["message"]] == ["extract"]


@pytest.mark.fault(64)
def test_no_line_holds_a_secret_not_even_with_everything_switched_on(story: Story, world: Any) -> None:
    said = lines(story.refused)
    assert any(line["level"] == "DEBUG" for line in said), "nothing was said at DEBUG: this test would look at nothing"
    assert any("AuthError" in line["message"] for line in said)
    text = story.refused.out + story.refused.err + story.near.out + story.near.err
    assert WRONG_TOKEN not in text
    assert world.token not in text
