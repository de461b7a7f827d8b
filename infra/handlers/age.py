"""How old each dataset's newest data are, once an hour, as CloudWatch metrics. Asks neither Prefect nor the warehouse.

The pipeline leaves `report/latest/<dataset>.json` after each commit, and `report/held/<dataset>.json` where a person paused or retired a dataset.
`AgeShare` is the age over what the contract allows, so that 1 is the limit of every dataset; its largest comes without a dimension, and comes
always: an alarm that takes missing data for a breach then knows that this function runs.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3

AGE_HOURS = "AgeHours"
"""Hours since the end of the last loaded window of a dataset; a dataset that a person holds has none. Hourly. Unit: None. Dimensions: Dataset."""
AGE_SHARE = "AgeShare"
"""The same over what the contract's `freshness` allows: 1 is the limit. Hourly. Unit: None. Dimensions: Dataset; the largest of all datasets without any."""
LATEST, HELD = "report/latest/", "report/held/"
MOST_AT_ONCE = 1000
"""Metrics of one request: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html"""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Publish the ages; returns them, for whoever invokes it by hand.

    Args:
        event: `now`, an ISO moment, to see what it would be then; EventBridge sends none.
        context: Lambda's; not used.

    Raises:
        ValueError: A note cannot be read. The ages of the others are published first.
    """
    del context
    now = datetime.fromisoformat(event["now"]) if "now" in event else datetime.now(UTC)
    notes, broken = _notes(LATEST)
    held, broken_holds = _notes(HELD)
    on_purpose = {note["dataset"] for note in held if note["hold"]}
    ages = {note["dataset"]: _age(note, now) for note in notes if note["dataset"] not in on_purpose}
    _publish(list(_metrics(ages)))
    said = {"level": "INFO", "message": f"{len(ages)} datasets, {len(on_purpose)} held", "ages": ages}
    sys.stdout.write(f"{json.dumps(said)}\n")
    if broken + broken_holds:
        raise ValueError(f"Notes that cannot be read: {', '.join(broken + broken_holds)}")
    return {"ages": ages, "held": sorted(on_purpose)}


def _age(note: dict[str, Any], now: datetime) -> dict[str, float | None]:
    """Hours since the end of the last loaded window, which may lie ahead of the run; and their share of the limit."""
    hours = max(0.0, (now - datetime.fromisoformat(note["watermark"])).total_seconds() / 3600)
    limit = note["limit_hours"]
    return {"hours": round(hours, 3), "share": round(hours / limit, 4) if limit else None}


def _metrics(ages: dict[str, dict[str, float | None]]) -> Iterator[dict[str, Any]]:
    shares = {name: age["share"] for name, age in ages.items() if age["share"] is not None}
    yield {"MetricName": AGE_SHARE, "Value": max(shares.values(), default=0.0), "Unit": "None"}
    for name, age in ages.items():
        own = [{"Name": "Dataset", "Value": name}]
        yield {"MetricName": AGE_HOURS, "Value": age["hours"], "Unit": "None", "Dimensions": own}
        if name in shares:
            yield {"MetricName": AGE_SHARE, "Value": shares[name], "Unit": "None", "Dimensions": own}


def _publish(metrics: list[dict[str, Any]]) -> None:
    client = boto3.client("cloudwatch")
    for start in range(0, len(metrics), MOST_AT_ONCE):
        client.put_metric_data(
            Namespace=os.environ["METRIC_NAMESPACE"], MetricData=metrics[start : start + MOST_AT_ONCE]
        )


def _notes(prefix: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The notes below a prefix, and the keys of those that cannot be read."""
    s3, notes, broken = boto3.client("s3"), list[dict[str, Any]](), list[str]()
    for key in _keys(s3, prefix):
        body = s3.get_object(Bucket=os.environ["LAKE_BUCKET"], Key=key)["Body"].read()
        try:
            notes.append(_checked(json.loads(body)))
        except (ValueError, KeyError, TypeError):
            broken.append(key)
    return notes, broken


def _keys(s3: Any, prefix: str) -> Iterable[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=os.environ["LAKE_BUCKET"], Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", ())]


def _checked(note: dict[str, Any]) -> dict[str, Any]:
    if "hold" not in note:
        datetime.fromisoformat(note["watermark"])
        float(note["limit_hours"] or 1)
    str(note["dataset"])
    return note
