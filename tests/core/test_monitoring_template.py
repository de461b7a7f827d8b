"""`infra/monitoring.yaml` against what it watches: names, fields and links that would otherwise part without a word."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from esteira.alerts.refusals import NEAR_SHARE
from esteira.observe.effort import Effort
from esteira.observe.lines import FIELDS
from esteira.observe.metrics import Measured, of_batch, of_failure
from esteira.warehouse import LedgerEntry
from tests.stack.monitored import template

ROOT = Path(__file__).parents[2]
START, END = datetime(2014, 1, 1, tzinfo=UTC), datetime(2014, 1, 2, tzinfo=UTC)
RESOURCES: dict[str, Any] = template()["Resources"]
ALARMS = {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
QUERIES = {
    name: each["Properties"]["QueryString"]
    for name, each in RESOURCES.items()
    if each["Type"] == "AWS::Logs::QueryDefinition"
}
OWN = {"Fn::Sub": "Esteira/${Stage}"}
COMMANDS = {"fields", "filter", "sort", "limit", "stats"}
WORDS = {
    "in", "like", "by", "as", "and", "asc", "desc", "count", "bin", "tries", "times", "h",
}  # fmt: skip
"""Of the language, and names that the queries make: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html"""


def published() -> dict[str, set[tuple[str, ...]]]:
    """Every metric of ours and the dimensions that it comes with."""
    entry = LedgerEntry("b", START, END, extracted=2, curated=1, quarantined=1, seconds=9.0)
    batch = Measured("d", entry, 0.1, {"load": 1.0}, 3.0, Effort(1, 1, 1.0))
    found: dict[str, set[tuple[str, ...]]] = {"AgeShare": {(), ("Dataset",)}, "AgeHours": {("Dataset",)}}
    for each in (*of_batch(batch), *of_failure("d", (1, 2, 0.1))):
        found.setdefault(each.name, set()).add(tuple(each.dimensions))
    return found


@pytest.mark.parametrize("name", ALARMS)
def test_each_alarm_tells_the_topic_and_leads_to_what_to_do(name: str):
    alarm = ALARMS[name]
    assert alarm["AlarmActions"] == [{"Ref": "Topic"}]
    assert alarm["TreatMissingData"] in {"breaching", "notBreaching"}
    anchor = re.search(
        r"What to do: \$\{DocsUrl\}/operations/monitoring\.html#([a-z-]+)$", alarm["AlarmDescription"]["Fn::Sub"]
    )
    assert anchor, alarm["AlarmDescription"]
    headings = re.findall(r"^### (.+)$", (ROOT / "docs/operations/monitoring.md").read_text(), re.MULTILINE)
    assert anchor[1] in {heading.lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", [name for name, alarm in ALARMS.items() if alarm["Namespace"] == OWN])
def test_an_alarm_of_ours_watches_what_is_published_without_a_dimension(name: str):
    assert "Dimensions" not in ALARMS[name]
    assert () in published()[ALARMS[name]["MetricName"]]


@pytest.mark.fault(58)
def test_missing_ages_are_a_breach_and_one_late_call_is_none():
    stale, schedule = ALARMS["StaleAlarm"], RESOURCES["AgeSchedule"]["Properties"]
    assert (stale["MetricName"], stale["Statistic"], stale["Threshold"]) == ("AgeShare", "Maximum", 1)
    assert stale["TreatMissingData"] == "breaching"
    assert schedule["ScheduleExpression"] == "rate(1 hour)"
    assert stale["Period"] * stale["EvaluationPeriods"] == 2 * 3600


def test_alarms_of_aws_watch_the_names_that_decision_16_fixes():
    values = [json.dumps(each["Value"]) for alarm in ALARMS.values() for each in alarm.get("Dimensions", ())]
    watched = {name for value in values for name in re.findall(r"esteira-\$\{Stage\}-([a-z-]+)", value)}
    functions, machines = {"age", "slack", "start", "inspect", "dispatch"}, {"inbox", "slot", "break-glass"}
    assert watched == functions | machines | {"events-dlq"}
    assert "InboxDeadLetterQueueName" in str(values)  # the output of events.yaml, where it is deployed


def test_people_are_told_of_quarantine_from_the_same_share_on_by_both_ways():
    assert template()["Parameters"]["QuarantineLimit"]["Default"] == NEAR_SHARE


@pytest.mark.parametrize("name", QUERIES)
def test_a_saved_query_names_commands_and_fields_that_there_are(name: str):
    plain = re.sub(r'"[^"]*"|/[^/]*/', "", QUERIES[name])
    for stage in plain.split("|"):
        command, *rest = re.findall(r"[a-z_]+", stage)
        assert command in COMMANDS
        assert set(rest) <= {*FIELDS, *WORDS}, stage


def test_the_dashboard_shows_each_alarm_and_only_metrics_that_there_are():
    body, filled = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    assert set(re.findall(r"\$\{(\w+)\}", body)) - set(filled) == {"Stage", "DocsUrl"}
    widgets = json.loads(body)["widgets"]
    (shown,) = [each["properties"]["alarms"] for each in widgets if each["type"] == "alarm"]
    always = {each["AlarmName"]["Fn::Sub"] for name, each in ALARMS.items() if "Condition" not in RESOURCES[name]}
    assert {each.rpartition(":")[2] for each in shown} == always
    searched = re.findall(
        r"SEARCH\('\{Esteira/\$\{Stage\},([\w,]+)\} MetricName=\"(\w+)\"", "".join(map(str, widgets)).replace("\\", "")
    )
    assert len(searched) > 8
    for dimensions, metric in searched:
        assert tuple(dimensions.split(",")) in published()[metric], metric
    (log,) = [each["properties"]["query"] for each in widgets if each["type"] == "log"]
    assert set(re.search(r"fields ([a-z_, ]+)", log)[1].split(", ")) < {*FIELDS} | {"message "}


def test_the_right_to_send_metrics_is_bound_to_the_stages_own_namespace():
    import cfnlint.decode

    seen = 0
    for path in sorted((ROOT / "infra").glob("*.yaml")):
        found = json.loads(json.dumps(cfnlint.decode.decode(str(path))[0]))
        for statement in _statements(found):
            if "cloudwatch:PutMetricData" in statement["Action"]:
                seen += 1
                assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": OWN}}, path.name
    assert seen >= 2


def test_messages_of_alarms_and_budgets_can_be_encrypted_and_published():
    for document in (
        RESOURCES["TopicKey"]["Properties"]["KeyPolicy"],
        RESOURCES["TopicPolicy"]["Properties"]["PolicyDocument"],
    ):
        services = [each["Principal"].get("Service") for each in document["Statement"]]
        assert {"cloudwatch.amazonaws.com", "budgets.amazonaws.com"} <= {
            name for each in services for name in ([each] if isinstance(each, str) else each or ())
        }
    assert RESOURCES["Topic"]["Properties"]["KmsMasterKeyId"] == {"Fn::GetAtt": ["TopicKey", "Arn"]}
    told = RESOURCES["Budget"]["Properties"]["NotificationsWithSubscribers"]
    assert [each["Subscribers"][0]["Address"] for each in told] == [{"Ref": "Topic"}] * 2


def _statements(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, dict):
        own = [node] if {"Effect", "Action"} <= set(node) else []
        return own + [each for value in node.values() for each in _statements(value)]
    return [each for value in node for each in _statements(value)] if isinstance(node, list) else []
