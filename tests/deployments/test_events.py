"""From a dropped file to its rows through every hop: S3, EventBridge, SQS, Lambda, Step Functions, Prefect, a worker, and the message at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.handlers.start import _name
from tests.deployments.events import ALERTED, Events, event_of, until
from tests.deployments.flaky import flaky
from tests.deployments.stage import Stage
from tests.main_job.dropped import contract, sales
from tests.main_job.world import World

MACHINE, QUEUE, DEAD = "esteira-local-inbox", "esteira-local-inbox", "esteira-local-inbox-dead"
SET_ASIDE = ["Set aside", "Tell set aside", "Set aside for a person"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("contracts")
    return contract(made, "seen_by_event")


@pytest.fixture
def worker(stage: Stage, folder: Path, tmp_path: Path) -> Iterator[None]:
    with stage.working(tmp_path / "worker.log", ESTEIRA_DATASETS=str(folder)):
        yield


def test_a_dropped_file_is_in_its_table_and_a_bad_one_comes_back(events: Events, worker: None):
    events.heard(ALERTED)  # of tests before
    events.drop("seen_by_event", "sales.csv", sales({"a": "1,00", "b": "2,00"}))
    events.drop("seen_by_event", "notes.txt", b"x")
    heard: list[tuple[str, str]] = []
    until(lambda: heard.extend(events.heard()) or len(heard) >= 2, 90, heard)
    told = dict(heard)
    assert [outcome for outcome, _ in events.heard(ALERTED)] == ["rejected"]
    assert "2 extracted, 2 curated, 0 quarantined" in told["accepted"]
    assert "'notes.txt' does not match '*.csv'" in told["rejected"]
    assert "inbox-rejected/seen_by_event/" in told["rejected"]
    assert sorted(World(events.stack).query("SELECT code, amount FROM dw.seen_by_event")) == [("a", 1.0), ("b", 2.0)]
    assert (events.waiting("seen_by_event"), events.taken(DEAD)) == ([], [])


@pytest.mark.fault(60)
@pytest.mark.fault(68)
def test_an_event_twice_late_and_out_of_order_is_one_run_for_each_version(events: Events):
    key = "inbox/twice/sales.csv"
    versions = [events.drop("twice", "sales.csv", sales({"a": amount})) for amount in ("1,00", "2,00")]
    executions = [_execution(events, key, version) for version in versions]
    runs = until(lambda: found if len(found := _runs(events, key)) == 2 else None, 30, "two runs")
    assert sorted(run["parameters"]["version_id"] for run in runs) == sorted(versions)
    for version in (versions[1], versions[0], versions[1]):
        events.send(QUEUE, json.dumps(event_of(events.bucket, key, version) | {"id": "delivered again"}))
    until(lambda: events.is_empty(QUEUE), 20, "the queue is empty")
    for run in runs:
        _end(events, run, "COMPLETED")
    assert {events.ended(each)["path"][-1] for each in executions} == {"Accepted"}
    events.send(QUEUE, json.dumps(event_of(events.bucket, key, versions[0])))
    until(lambda: events.is_empty(QUEUE), 20, "the queue is empty")
    assert len(_of(events, key, versions)) == 2
    assert sorted(outcome for outcome, _ in events.heard()) == ["accepted", "accepted"]
    _take_out(events, key, versions[0])
    late = events.start(MACHINE, event=event_of(events.bucket, key, versions[0]))
    assert events.ended(late)["path"] == ["Inspect", "Is it ours", "Nothing to do"]
    assert len(_runs(events, key)) == 2


@pytest.mark.fault(68)
def test_what_is_not_of_our_inbox_is_refused_and_told_and_no_run_is_made(events: Events):
    key = "inbox/foreign/sales.csv"
    version = events.drop("foreign", "sales.csv", b"x")
    _end(events, _run(events, key), "COMPLETED")
    events.ended(_execution(events, key, version))
    events.heard()
    before = _count(events)
    made_up = {
        "account": event_of(events.bucket, key, version, account="999999999999"),
        "bucket": event_of("another-bucket", key, version),
        "below inbox/": event_of(events.bucket, "raw/foreign/sales.csv", version),
        "no version": event_of(events.bucket, key, ""),
        "no event of S3": {"detail-type": "Object Created", "source": "my.app", "detail": {}},
    }
    started = [events.start(MACHINE, event=event) for event in made_up.values()]
    assert [events.ended(each)["path"] for each in started] == [
        ["Inspect", "Is it ours", "Tell refused", "Refused"]
    ] * 5
    never = events.start(MACHINE, event=event_of(events.bucket, key, "never-given-out"))
    assert events.ended(never)["path"][-1] == "Nothing to do"
    events.send(QUEUE, "no JSON at all")
    heard: list[tuple[str, str]] = []
    until(lambda: heard.extend(events.heard()) or len(heard) >= 6, 20, heard)
    assert {outcome for outcome, _ in heard} == {"refused"}
    assert [what for what in made_up if not any(what in text for _, text in heard)] == []
    assert _count(events) == before


@pytest.mark.parametrize(
    ("kind", "outcome", "error"),
    [("FAILED", "failed", "RunFailed"), ("", "late", "RunLate")],
)
def test_a_run_that_fails_and_one_that_nobody_takes_are_told(events: Events, kind: str, outcome: str, error: str):
    key = f"inbox/ended/{outcome}-{kind}.csv"
    with events.variables("esteira-local-dispatch", LATE_MINUTES="360" if kind else "0"):
        version = events.drop("ended", f"{outcome}-{kind}.csv", b"x")
        if kind:
            _end(events, _run(events, key), kind, message="why it failed")
        ended = events.ended(_execution(events, key, version))
    assert (ended["status"], ended["error"]) == ("FAILED", error)
    ((told, text),) = events.heard()
    assert (told, "why it failed" in text) == (outcome, bool(kind))
    _end(events, _run(events, key), "COMPLETED")


@pytest.mark.long
def test_calls_of_prefect_that_fail_are_repeated_until_they_succeed(events: Events):
    key = "inbox/flaky/a.csv"
    with flaky(events.stack.env["PREFECT_API_URL"], [503, 429, 500, 502]) as line, events.pointed_at(api_url=line):
        version = events.drop("flaky", "a.csv", b"x")
        _end(events, _run(events, key), "COMPLETED")
        ended = events.ended(_execution(events, key, version))
    assert (ended["status"], ended["failures"], ended["path"][-1]) == ("SUCCEEDED", 4, "Accepted")
    assert len(_runs(events, key)) == 1
    events.heard()


def test_an_event_that_prefect_could_not_take_is_set_aside_told_and_taken_when_it_is_put_back(events: Events):
    key = "inbox/aside/a.csv"
    with events.pointed_at(api_url="http://127.0.0.1:9"):
        version = events.drop("aside", "a.csv", b"x")
        ended = events.ended(_execution(events, key, version))
    assert (ended["path"][-3:], ended["error"], ended["failures"]) == (SET_ASIDE, "SetAside", 17)
    ((outcome, text),) = events.heard()
    assert (outcome, "PrefectUnavailable" in text) == ("set-aside", True)
    (dead,) = events.taken(DEAD)
    events.send(QUEUE, dead)  # what `aws sqs start-message-move-task` does, which the emulator lacks
    _end(events, _run(events, key), "COMPLETED")
    until(lambda: [told for told, _ in events.heard()] == ["accepted"], 30, "accepted")
    assert events.taken(DEAD) == []


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"api_url": "http://prefect.example.com/api"}, "Misconfigured"),
        ({"key": "Bb2"}, "Misconfigured"),
        ({}, "PrefectRefused"),
    ],
)
def test_what_no_try_would_mend_is_set_aside_at_once_and_no_secret_is_told(
    events: Events, fields: dict[str, str], kind: str
):
    name = f"{kind}-{len(fields)}-{'key' in fields}.csv"
    with (
        flaky(events.stack.env["PREFECT_API_URL"], [401]) as line,
        events.pointed_at(**(fields or {"api_url": line, "api_key": "sEcReT"})),
    ):
        version = events.drop("refused", name, b"x")
        ended = events.ended(_execution(events, f"inbox/refused/{name}", version))
    assert (ended["path"][-3:], ended["failures"]) == (SET_ASIDE, 1)
    ((outcome, text),) = events.heard()
    assert (outcome, kind in text, "sEcReT" in text) == ("set-aside", True, False)
    (dead,) = events.taken(DEAD)
    assert json.loads(dead)["detail"]["object"]["version-id"] == version


def _execution(events: Events, key: str, version: str) -> str:
    """The execution of a version, once it has begun."""
    return str(until(lambda: next(iter(_of(events, key, [version])), None), 20, f"an execution of {key}"))


def _of(events: Events, key: str, versions: list[str]) -> list[str]:
    """All executions of these versions."""
    names = [_name(json.dumps(event_of(events.bucket, key, version))) for version in versions]
    found = events.executions(MACHINE)
    return [each["executionArn"] for each in found if each["name"].partition("-")[0] in names]


def _run(events: Events, key: str) -> dict[str, Any]:
    return until(lambda: next(iter(_runs(events, key)), None), 30, f"a run of {key}")


def _runs(events: Events, key: str) -> list[dict[str, Any]]:
    found = events.prefect("POST", "/flow_runs/filter", {"limit": 200, "sort": "EXPECTED_START_TIME_DESC"})
    return [each for each in found if each["parameters"].get("key") == key]


def _count(events: Events) -> int:
    deployment = events.prefect("GET", "/deployments/name/inbox/inbox")["id"]
    return int(events.prefect("POST", "/flow_runs/count", {"deployments": {"id": {"any_": [deployment]}}}))


def _end(events: Events, run: dict[str, Any], kind: str, message: str = "") -> None:
    events.prefect(
        "POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": kind, "message": message}, "force": True}
    )


def _take_out(events: Events, key: str, version: str) -> None:
    with events.client("s3") as s3:
        s3.delete_object(Bucket=events.bucket, Key=key, VersionId=version)
