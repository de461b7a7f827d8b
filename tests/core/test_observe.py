"""Lines for machines, and what is measured of a batch."""

from __future__ import annotations

import contextvars
import io
import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ReadTimeoutError

from esteira.observe import effort
from esteira.observe.effort import NO_EFFORT, Effort
from esteira.observe.lines import FIELDS, HANDLER_VARIABLE, MAX_TEXT, Lines, ask_for_lines, line
from esteira.observe.metrics import Measured, Metric, namespace, of_batch, of_failure, put, slowness
from esteira.observe.subject import about
from esteira.redaction import register_secret
from esteira.warehouse import LedgerEntry

CANARY = "canary-0b5e55ed"
ROOT = Path(__file__).parents[2]
SAYING = """
import logging
import prefect.main, tasks
for name, level in (("prefect.flow_runs", 20), ("esteira.http.client", 20), ("urllib3", 30), ("urllib3", 10)):
    logging.getLogger(name).log(level, "asked again")
"""
START, END = datetime(2014, 1, 1, tzinfo=UTC), datetime(2014, 1, 2, tzinfo=UTC)


def record(message: str, *args: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("esteira.x", logging.WARNING, "x.py", 1, message, args, None)
    vars(made).update(more)
    return made


def measured(**more: object) -> dict[tuple[str, str], float]:
    entry = LedgerEntry("b", START, END, extracted=200, curated=198, quarantined=2, seconds=90.0)
    found = of_batch(Measured("flights", entry, **({"limit": 0.02, "seconds": {"load": 1.5}} | more)))  # type: ignore[arg-type]
    return {(each.name, "/".join(each.dimensions.values())): each.value for each in found}


def test_a_line_is_one_object_with_what_the_work_is_about_and_nothing_that_is_not_known():
    with about(dataset="flights", batch="b1"), about(step="load"):
        found = json.loads(line(record("%s rows\nare in", 3, flow_run_id="r1")))
    assert "\n" not in line(record("a\nb"))
    assert found == {
        "time": found["time"], "level": "WARNING", "logger": "esteira.x", "message": "3 rows\nare in", "dataset": "flights",
        "batch": "b1", "step": "load", "run_id": "r1",
    }  # fmt: skip
    assert list(found) == [name for name in FIELDS if name in found]
    assert "dataset" not in json.loads(line(record("later")))


def test_threads_that_take_the_context_along_say_what_they_are_about():
    said: list[str] = []
    with about(batch="b1"):
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(lambda: said.append(line(record("x"))),))
        thread.start()
        thread.join()
    assert json.loads(said[0])["batch"] == "b1"


@pytest.mark.fault(64)
def test_no_part_of_a_line_holds_a_secret():
    register_secret(CANARY)
    with pytest.raises(ValueError, match=CANARY) as caught:
        int(f"token={CANARY}")
    failure = (ValueError, caught.value, caught.value.__traceback__)
    made = record("asked with %s", CANARY, flow_run_name=CANARY, exc_info=failure)
    with about(dataset=CANARY):
        text = line(made)
    assert CANARY not in text
    found = json.loads(text)
    assert (found["message"], found["error"]) == ("asked with ***", "ValueError")
    assert found["traceback"].endswith("'token=***'")


def test_a_line_stays_below_what_cloudwatch_takes():
    found = json.loads(line(record("x" * 10 * MAX_TEXT)))
    assert len(found["message"]) == MAX_TEXT + 1


@pytest.mark.fault(64)
def test_lines_for_people_go_through_the_same_sieve(monkeypatch: pytest.MonkeyPatch):
    register_secret(CANARY)
    monkeypatch.delenv("ESTEIRA_LOG_FORMAT", raising=False)
    out = io.StringIO()
    handler = Lines(out, styles={"log.web_url": "blue"})
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.emit(record("with %s", CANARY))
    assert out.getvalue() == "WARNING with ***\n"


def test_prefect_is_asked_for_our_lines_where_json_is_wanted_and_nobody_said_otherwise():
    for environment, handler in (
        ({}, None), ({"ESTEIRA_LOG_FORMAT": "json"}, "esteira.observe.lines.Lines"),
        ({"ESTEIRA_LOG_FORMAT": "json", HANDLER_VARIABLE: "own.Handler"}, "own.Handler"),
    ):  # fmt: skip
        ask_for_lines(environment)
        assert environment.get(HANDLER_VARIABLE) == handler


def test_what_alarms_watch_comes_as_a_share_of_the_limit_with_and_without_the_dataset():
    found = measured(usual_seconds=10.0)
    assert found["QuarantineShare", ""] == found["QuarantineShare", "flights"] == 0.5
    assert found["Slowness", ""] == found["Slowness", "flights"] == 1.5  # the floor is a minute
    assert found["StepSeconds", "flights/load"] == 1.5
    assert (found["Rows", "flights"], found["QuarantineRatio", "flights"]) == (200, 0.01)
    assert ("Rows", "") not in found


def test_what_is_not_known_is_not_measured():
    found = measured()
    assert not {"Slowness", "Bytes", "Retries"} & {name for name, _ in found}
    assert measured(effort=Effort(7, 1, 2.5))["WaitSeconds", "flights"] == 2.5


def test_a_contract_that_allows_no_refused_row_is_over_its_limit_with_the_first():
    assert measured(limit=0.0)["QuarantineShare", ""] == 2
    assert slowness(200, 50) > 1 > slowness(59, 1)


def test_a_failure_is_counted_once_for_the_stage_and_once_for_its_dataset():
    assert list(of_failure("flights")) == [
        Metric("Failures", 1),
        Metric("Failures", 1, {"Dataset": "flights"}),
    ]
    shares = [each.value for each in of_failure("flights", (2, 10, 0.1)) if each.name == "QuarantineShare"]
    assert shares == [2.0, 2.0]


def test_nothing_is_sent_and_aws_is_not_asked_where_metrics_are_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody listens there
    assert put([Metric("Rows", 1)], "dev", "off") == 0
    assert put([Metric("Rows", 1, {"Dataset": "flights"})], "dev", "stage") == 0
    assert namespace("dev") == "Esteira/dev"


def test_a_cloudwatch_that_does_not_answer_costs_seconds(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for name, value in {"ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}", "DEFAULT_REGION": "us-east-1",
                            "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}.items():  # fmt: skip
            monkeypatch.setenv(f"AWS_{name}", value)
        began = time.monotonic()
        with pytest.raises(ReadTimeoutError):
            put([Metric("Rows", 1)], "dev", "stage")
    assert time.monotonic() - began < 12


def test_the_image_writes_what_prefect_the_core_and_libraries_say_as_json():
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    environment = dict(re.findall(r"^ +(?:ENV )?(PREFECT_LOGGING_\w+)=(\S+)", image, re.MULTILINE))
    assert environment[HANDLER_VARIABLE] == "esteira.observe.lines.Lines"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    said = {}
    for form in ("json", ""):
        done = subprocess.run(
            [sys.executable, "-c", SAYING], env={**clean, **environment, "ESTEIRA_LOG_FORMAT": form, "PREFECT_LOGGING_TO_API_ENABLED": "false"},
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        said[form] = done
    found = [json.loads(text) for text in said["json"].stdout.splitlines()]
    assert [(each["logger"], each["level"]) for each in found] == [
        ("prefect.flow_runs", "INFO"), ("esteira.http.client", "INFO"), ("urllib3", "WARNING")
    ]  # fmt: skip
    assert (said["json"].stderr, said[""].stdout) == ("", "")
    assert "| INFO    | esteira.http.client - asked again" in said[""].stderr


def test_the_effort_of_two_tries_is_told_together_and_once():
    effort.note("flights", "b9", Effort(0, 2, 1.5))
    effort.note("flights", "b9", Effort(100, 1, 0.5))
    assert effort.taken("flights", "b9") == Effort(100, 3, 2.0)
    assert effort.taken("flights", "b9") == NO_EFFORT
