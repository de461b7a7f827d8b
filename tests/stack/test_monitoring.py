"""Alarms that need neither Prefect nor the warehouse, from the lake's notes to a message."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.stack import Stack
from tests.infra.role import without
from tests.stack.monitored import NAMESPACE, Monitored


@pytest.fixture(scope="module")
def slack() -> Iterator[Any]:
    """A Slack that keeps what it gets."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Catcher(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.texts.append(json.loads(body)["text"])
            self.send_response(503 if server.is_down else 200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Catcher)
    server.texts, server.is_down = [], False
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def monitored(stack: Stack, slack: Any) -> Monitored:
    """The alarms, before anything was ever measured."""
    made = Monitored(stack)
    secret = json.dumps({"url": f"http://127.0.0.1:{slack.server_port}/hook"})
    made.client("secretsmanager").create_secret(Name="esteira/local/slack", SecretString=secret)
    made.deploy(HasSlackSecret="true", DocsUrl="https://docs.example.org")
    return made


def note(monitored: Monitored, dataset: str, age: timedelta, limit_hours: float | None = 26) -> None:
    facts = {
        "dataset": dataset,
        "watermark": (datetime.now(UTC) - age).isoformat(),
        "committed_at": None,
        "limit_hours": limit_hours,
    }
    put(monitored, f"report/latest/{dataset}.json", json.dumps(facts))


def put(monitored: Monitored, key: str, text: str) -> None:
    monitored.client("s3").put_object(Bucket=monitored.stack.env["ESTEIRA_LAKE_BUCKET"], Key=key, Body=text)


def measured(monitored: Monitored, metric: str, dataset: str | None = None) -> float | None:
    """The newest value of a metric."""
    dimensions = [{"Name": "Dataset", "Value": dataset}] if dataset else []
    found = monitored.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE, MetricName=metric, Dimensions=dimensions, StartTime=datetime.now(UTC) - timedelta(hours=1),
        EndTime=datetime.now(UTC) + timedelta(hours=1), Period=7200, Statistics=["Maximum"],
    )["Datapoints"]  # fmt: skip
    return found[-1]["Maximum"] if found else None


@pytest.mark.fault(58)
def test_an_age_that_nobody_publishes_is_an_alarm(monitored: Monitored) -> None:
    monitored.set_back("stale")  # without data it fires at once, before the queue could listen
    told = monitored.told("stale")
    assert "No data came" in told["NewStateReason"]
    assert "https://docs.example.org/operations/monitoring.html#stale" in told["AlarmDescription"]
    assert monitored.state_of("failure") == "OK"  # nothing runs, and nothing fails


@pytest.mark.fault(58)
def test_stale_data_are_an_alarm_that_needs_neither_prefect_nor_the_warehouse(monitored: Monitored, slack: Any) -> None:
    note(monitored, "fresh", timedelta(hours=13))
    assert monitored.invoke_age()["error"] is None
    monitored.told("stale", "OK")
    monitored.forget()
    note(monitored, "old", timedelta(hours=39))
    assert monitored.invoke_age()["answer"]["ages"]["old"] == {
        "hours": pytest.approx(39, abs=0.1),
        "share": pytest.approx(1.5, abs=0.01),
    }
    assert "Maximum 1.5" in monitored.told("stale")["NewStateReason"]
    assert measured(monitored, "AgeHours", "fresh") == pytest.approx(13, abs=0.1)
    assert any("*esteira-local-stale* is ALARM" in text and "monitoring.html#stale" in text for text in slack.texts)


def test_a_note_that_cannot_be_read_is_an_error_after_the_others_are_published(monitored: Monitored) -> None:
    put(monitored, "report/latest/broken.json", "{")
    note(monitored, "later", timedelta(hours=5))
    failed = monitored.invoke_age()
    assert failed["error"]
    assert "report/latest/broken.json" in failed["answer"]["errorMessage"]
    assert measured(monitored, "AgeHours", "later") == pytest.approx(5, abs=0.1)
    monitored.client("s3").delete_object(
        Bucket=monitored.stack.env["ESTEIRA_LAKE_BUCKET"], Key="report/latest/broken.json"
    )
    assert "age of the data failed" in monitored.told("age-errors")["AlarmDescription"]


def test_what_slack_does_not_take_is_an_alarm_of_its_own(monitored: Monitored, slack: Any) -> None:
    slack.is_down = True
    event = {"Records": [{"Sns": {"Subject": "budget", "Message": "80% of the month is spent"}}]}
    answer = monitored.client("lambda").invoke(FunctionName="esteira-local-slack", Payload=json.dumps(event))
    slack.is_down = False
    assert answer["FunctionError"]
    assert "*budget*\n80% of the month is spent" in slack.texts
    assert "Slack did not take" in monitored.told("slack-errors")["AlarmDescription"]


def test_a_dataset_that_is_paused_or_without_a_limit_is_no_alarm(monitored: Monitored) -> None:
    put(monitored, "report/held/old.json", json.dumps({"dataset": "old", "hold": "paused: the portal moves"}))
    note(monitored, "endless", timedelta(days=900), None)
    answer = monitored.invoke_age()["answer"]
    assert answer["held"] == ["old"]
    assert answer["ages"]["endless"]["share"] is None
    put(monitored, "report/held/old.json", json.dumps({"dataset": "old", "hold": ""}))
    assert "old" in monitored.invoke_age()["answer"]["ages"]


def test_the_function_reads_its_notes_and_nothing_else_of_the_lake(monitored: Monitored) -> None:
    iam = monitored.client("iam")
    policy = iam.get_role_policy(RoleName="esteira-local-age", PolicyName="tell-the-age")["PolicyDocument"]
    actions = [each["Action"] for each in policy["Statement"]]
    allowed = {each for action in actions for each in ([action] if isinstance(action, str) else action)}
    assert allowed == {
        "s3:ListBucket",
        "s3:GetObject",
        "cloudwatch:PutMetricData",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }


def tells_ages(monitored: Monitored, _slack: Any) -> bool:
    """The hourly function measures what a note says."""
    note(monitored, "rights", timedelta(hours=3))
    return not monitored.invoke_age()["error"]


def tells_slack(monitored: Monitored, slack: Any) -> bool:
    """A message goes to the address that the secret holds."""
    slack.texts.clear()
    event = {"Records": [{"Sns": {"Subject": "rights", "Message": "m"}}]}
    monitored.client("lambda").invoke(FunctionName="esteira-local-slack", Payload=json.dumps(event))
    return bool(slack.texts)


NEEDED_BY: dict[str, Callable[[Monitored, Any], bool]] = {
    "AgeRole:ListNotes": tells_ages,
    "AgeRole:ReadNotes": tells_ages,
    "AgeRole:PublishAges": tells_ages,
    "SlackRole:ReadWebhook": tells_slack,
}
"""Which function fails without which statement of its role."""


@pytest.mark.parametrize("name", NEEDED_BY)
def test_without_a_right_a_function_that_worked_fails(monitored: Monitored, slack: Any, name: str) -> None:
    owner, _, sid = name.partition(":")
    work = NEEDED_BY[name]
    assert work(monitored, slack), f"{work.__doc__} With all statements it must succeed."
    with without(monitored.client("iam"), f"esteira-local-{owner.removesuffix('Role').lower()}", sid):
        assert not work(monitored, slack), f"{work.__doc__} It succeeds without {name}: take the statement out."


@pytest.mark.parametrize(
    ("alarm", "namespace", "metric"),
    [
        ("dead-letters", "AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("inbox-failed", "AWS/States", "ExecutionsFailed"),
        ("inbox-timed-out", "AWS/States", "ExecutionsTimedOut"),
    ],
)
def test_what_aws_itself_measures_is_an_alarm(monitored: Monitored, alarm: str, namespace: str, metric: str) -> None:
    """The emulator measures neither queues nor executions, so the value is put there; on AWS nobody may."""
    data = [{"MetricName": metric, "Value": 1, "Unit": "Count"}]
    monitored.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)
    assert "What to do: " in monitored.told(alarm)["AlarmDescription"]
