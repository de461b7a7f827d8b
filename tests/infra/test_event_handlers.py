"""The functions of the events by themselves: what they say to Prefect and to Step Functions, and what they refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra.handlers import dispatch, start
from infra.handlers.prefect_api import Prefect
from infra.handlers.problems import Misconfigured, PrefectRefused, PrefectUnavailable, Problem
from infra.handlers.slots import latest_slot

KEY = "pnu_sEcReT"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:inbox"


@contextmanager
def answering(status: int, body: bytes = b"{}", **headers: str) -> Iterator[tuple[str, list[str]]]:
    """A server that always says the same; its address, and the keys that it was shown."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, PrefectRefused), (401, PrefectRefused), (404, PrefectRefused), (409, PrefectRefused), (408, PrefectUnavailable),
     (429, PrefectUnavailable), (500, PrefectUnavailable), (503, PrefectUnavailable)],
)  # fmt: skip
def test_what_prefect_answers_decides_whether_another_try_may_help(status: int, kind: type[Problem]):
    with (
        answering(status, b'{"detail": "pnu_sEcReT"}') as (address, seen),
        pytest.raises(kind, match="Next step") as told,
    ):
        Prefect(address, KEY).run("r")
    assert (seen, KEY in str(told.value), told.value.__cause__) == ([f"Bearer {KEY}"], False, None)


def test_the_key_does_not_follow_a_redirect():
    with answering(200) as (other, seen), answering(302, Location=other) as (address, _), pytest.raises(PrefectRefused):
        Prefect(address, KEY).run("r")
    assert seen == []


def test_a_page_for_people_is_not_taken_for_prefects_answer():
    with answering(200, b"<html>") as (address, _), pytest.raises(PrefectUnavailable, match="not Prefect's"):
        Prefect(address).run("r")


def test_nobody_at_the_address_is_told_without_it_whole():
    with pytest.raises(PrefectUnavailable, match=r"ConnectionRefusedError|URLError"):
        Prefect("http://127.0.0.1:9/api", KEY).run("r")


@pytest.mark.parametrize("address", ["http://prefect.example.com/api", "ftp://prefect.example.com", "prefect", ""])
def test_an_address_that_would_send_the_key_in_clear_text_is_refused(address: str):
    with pytest.raises(Misconfigured, match="not https"):
        Prefect(address, KEY)


def deployment(cron: str = "0 5 * * *", zone: str = "America/Sao_Paulo", **more: Any) -> dict[str, Any]:
    schedule = {"id": "s", "active": True, "schedule": {"cron": cron, "timezone": zone}, "parameters": {"a": 1}}
    return {"id": "d", "name": "daily", "paused": False, "schedules": [schedule]} | more


@pytest.mark.parametrize(
    ("now", "key"),
    [
        ("2026-11-26T08:30:00Z", "scheduled d s 2026-11-26 05:00:00-03:00"),
        ("2026-11-26T08:00:00Z", "scheduled d s 2026-11-26 05:00:00-03:00"),
        ("2026-11-26T07:59:59Z", "scheduled d s 2026-11-25 05:00:00-03:00"),
        ("2019-01-15T07:30:00Z", "scheduled d s 2019-01-15 05:00:00-02:00"),  # summer time, while Brazil had it
    ],
)
def test_a_slot_has_the_key_of_prefects_own_run(now: str, key: str):
    slot = latest_slot(deployment(), datetime.fromisoformat(now))
    assert slot is not None
    assert (slot.key, slot.parameters) == (key, {"a": 1})


def test_a_schedule_that_people_stopped_has_no_slot():
    stopped = deployment()
    stopped["schedules"][0]["active"] = False
    assert [latest_slot(each, datetime.now(UTC)) for each in (stopped, deployment(paused=True))] == [None, None]


@pytest.mark.parametrize("wrong", [deployment("*/5 * * * *"), deployment("0 5 * * 1"), deployment(schedules=[])])
def test_a_schedule_that_is_not_once_a_day_is_refused(wrong: dict[str, Any]):
    with pytest.raises(Misconfigured, match="M H"):
        latest_slot(wrong, datetime.now(UTC))


@pytest.mark.parametrize(
    ("kind", "name", "minutes", "outcome"),
    [
        ("COMPLETED", "Completed", 1, "accepted"), ("COMPLETED", "Rejected", 1, "rejected"), ("FAILED", "Failed", 1, "failed"),
        ("CRASHED", "Crashed", 1, "failed"), ("CANCELLED", "Cancelled", 1, "failed"), ("RUNNING", "Running", 999, "running"),
        ("SCHEDULED", "Late", 1, "waiting"), ("SCHEDULED", "AwaitingConcurrencySlot", 59, "waiting"), ("SCHEDULED", "Late", 61, "late"),
        ("PENDING", "Pending", 61, "late"), ("CANCELLING", "Cancelling", 61, "running"), ("PAUSED", "Paused", 61, "running"),
    ],
)  # fmt: skip
def test_a_state_of_prefect_has_one_outcome(kind: str, name: str, minutes: int, outcome: str):
    found = dispatch._outcome({"type": kind, "name": name}, timedelta(minutes=minutes), timedelta(minutes=60))
    assert found == outcome


def test_the_wait_grows_with_the_age_of_the_run_and_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LATE_MINUTES", "360")

    def wait(seconds: float) -> int:
        created = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
        return int(
            dispatch._told({"id": "r", "created": created, "state": {"type": "RUNNING"}}, is_new=False)["wait_seconds"]
        )

    assert [wait(seconds) for seconds in (-999, 0, 60, 3600)] == [2, 2, 30, 300]


def test_one_version_has_one_name_whatever_else_its_event_says():
    def name(version: str, **more: str) -> str:
        detail = {"bucket": {"name": "b"}, "object": {"key": "inbox/a/b.csv", "version-id": version}}
        return start._name(json.dumps({"detail": detail, **more}))

    assert name("1", id="x") == name("1", id="y", time="later") != name("2")
    assert len(start._name("no JSON")) == 64


def test_a_message_that_could_not_be_started_comes_again_and_the_others_do_not(monkeypatch: pytest.MonkeyPatch):
    states = boto3.client("stepfunctions", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    monkeypatch.setenv("MACHINE_ARN", MACHINE)
    monkeypatch.setattr(boto3, "client", lambda _: states)
    with Stubber(states) as stub:
        stub.add_response("start_execution", {"executionArn": "e", "startDate": 0})
        stub.add_client_error("start_execution", "ThrottlingException")
        stub.add_client_error("start_execution", "ExecutionAlreadyExists")
        stub.add_response(
            "describe_execution", {"executionArn": "e", "stateMachineArn": MACHINE, "status": "RUNNING", "startDate": 0}
        )
        records = [{"messageId": each, "body": json.dumps({"n": each})} for each in ("new", "throttled", "known")]
        answer = start.handler({"Records": records}, None)
        stub.assert_no_pending_responses()
    assert answer == {"batchItemFailures": [{"itemIdentifier": "throttled"}]}
