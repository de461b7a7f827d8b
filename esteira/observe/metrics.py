"""CloudWatch metrics of batches: what is sent, under which names, and the one call that sends it.

Each metric of a dataset has the dimension `Dataset` (a step's also `Step`), for dashboards and questions. What alarms watch comes without any
dimension too, as a share of what the contract allows: 1 is the limit whatever the dataset, so one alarm serves them all, and a new
dataset needs no new alarm. A metric without dimensions is never the sum of those with them: CloudWatch adds nothing up by itself.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from botocore.config import Config

from esteira.alerts.trend import SLOW_FACTOR, SLOW_FLOOR_SECONDS
from esteira.aws import aws_client
from esteira.observe.effort import NO_EFFORT, Effort
from esteira.warehouse.ledger_entry import LedgerEntry

Reach = Literal["off", "stage", "dataset"]
Unit = Literal["Count", "Seconds", "Bytes", "None"]
MOST_AT_ONCE = 1000
"""Metrics of one request: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html"""
_CONFIG = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
"""A CloudWatch that does not answer, as from a network without a way to it, costs a run ten seconds and not the ten minutes of botocore's own."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a metric is.

    Attributes:
        says: In a sentence, with when it is sent.
        unit: CloudWatch's name of it.
        dimensions: Names of those that it has.
        is_whole: Whether it comes for the stage as a whole too, without any.
    """

    says: str
    unit: Unit = "Count"
    dimensions: tuple[str, ...] = ("Dataset",)
    is_whole: bool = False


BATCHES, FAILURES, QUARANTINE_SHARE, SLOWNESS = "Batches", "Failures", "QuarantineShare", "Slowness"
MEANINGS = {
    BATCHES: Meaning("1 for each batch that was loaded.", is_whole=True),
    FAILURES: Meaning("1 for each batch, or what comes before one, that failed for good.", is_whole=True),
    "Rows": Meaning("Rows that a batch brought, the refused ones among them. With each loaded batch."),
    "QuarantinedRows": Meaning("Rows of a batch that were refused. With each loaded batch."),
    "QuarantineRatio": Meaning(
        "Refused rows over all rows, from 0 to 1. With each loaded batch, and with one that failed over it.", "None"
    ),
    QUARANTINE_SHARE: Meaning(
        "The ratio over the contract's `max_quarantine_ratio`: above 1 nothing is loaded. As the ratio.", "None", is_whole=True
    ),
    "Seconds": Meaning("From the begin of a batch's first step to its ledger row. With each loaded batch that one run did.", "Seconds"),
    "StepSeconds": Meaning("Of one step of a batch. With each loaded batch.", "Seconds", ("Dataset", "Step")),
    SLOWNESS: Meaning(
        "Seconds over those from which people are told that a batch was slow: above 1 it was. Once enough batches were measured.",
        "None",
        is_whole=True,
    ),
    "Bytes": Meaning("Stored in raw by this process. With each batch that it extracted, a failed one too.", "Bytes"),
    "Retries": Meaning("Requests to the portal that were tried again. As the bytes."),
    "WaitSeconds": Meaning("Seconds before these retries, and for the portal's rate budget. As the bytes.", "Seconds"),
}  # fmt: skip
"""All that is sent, and nothing else can be: `Metric` looks its unit up here."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One value.

    Attributes:
        name: Of the metric.
        value: Now.
        dimensions: Empty for the stage as a whole.
    """

    name: str
    value: float
    dimensions: Mapping[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> Unit:
        """CloudWatch's name of it."""
        return MEANINGS[self.name].unit


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a batch that was loaded.

    Attributes:
        dataset: Whose.
        entry: Its ledger row.
        limit: Share of refused rows that the contract allows.
        seconds: Of each step.
        usual_seconds: What such a batch usually takes; None while too few were measured.
        effort: What the portal cost.
    """

    dataset: str
    entry: LedgerEntry
    limit: float
    seconds: Mapping[str, float]
    usual_seconds: float | None = None
    effort: Effort = NO_EFFORT


def of_batch(batch: Measured) -> Iterator[Metric]:
    """The metrics of a batch that was loaded."""
    entry, own = batch.entry, {"Dataset": batch.dataset}
    yield from _both(BATCHES, 1, own)
    yield from _quarantine(entry.quarantined, entry.extracted, batch.limit, own)
    yield Metric("Rows", entry.extracted, own)
    yield Metric("QuarantinedRows", entry.quarantined, own)
    yield from (Metric("StepSeconds", took, own | {"Step": step}) for step, took in batch.seconds.items())
    if entry.seconds is not None:
        yield Metric("Seconds", entry.seconds, own)
        if batch.usual_seconds is not None:
            yield from _both(SLOWNESS, slowness(entry.seconds, batch.usual_seconds), own)
    yield from _effort(batch.effort, own)


def of_failure(
    dataset: str, refused: tuple[int, int, float] | None = None, effort: Effort = NO_EFFORT
) -> Iterator[Metric]:
    """The metrics of a batch that failed.

    Args:
        dataset: Whose.
        refused: Refused rows, all rows, and the contract's limit, where that is why it failed.
        effort: What the portal cost all the same.
    """
    own = {"Dataset": dataset}
    yield from _both(FAILURES, 1, own)
    if refused is not None:
        yield from _quarantine(*refused, own)
    yield from _effort(effort, own)


def slowness(seconds: float, usual_seconds: float) -> float:
    """Seconds over those from which people are told that a batch was slow: above 1 it was."""
    return seconds / max(SLOW_FLOOR_SECONDS, SLOW_FACTOR * usual_seconds)


def put(metrics: Iterable[Metric], stage: str, reach: Reach) -> int:
    """Send metrics in one request; returns how many.

    Args:
        metrics: What to send.
        stage: Goes into the namespace.
        reach: `off`; `stage` for what alarms need alone; `dataset` for all.
    """
    wanted = [] if reach == "off" else [each for each in metrics if reach == "dataset" or not each.dimensions]
    if wanted:
        data = [_datum(each) for each in wanted[:MOST_AT_ONCE]]
        aws_client("cloudwatch", _CONFIG).put_metric_data(Namespace=namespace(stage), MetricData=data)
    return len(wanted)


def namespace(stage: str) -> str:
    """Where the metrics of a stage are."""
    return f"Esteira/{stage}"


def _both(name: str, value: float, own: Mapping[str, str]) -> Iterator[Metric]:
    yield Metric(name, value)
    yield Metric(name, value, own)


def _quarantine(quarantined: int, extracted: int, limit: float, own: Mapping[str, str]) -> Iterator[Metric]:
    ratio = quarantined / extracted if extracted else 0.0
    yield Metric("QuarantineRatio", ratio, own)
    # A contract that allows no refused row: the first one is over the limit already.
    yield from _both(QUARANTINE_SHARE, ratio / limit if limit else 2.0 * bool(quarantined), own)


def _effort(effort: Effort, own: Mapping[str, str]) -> Iterator[Metric]:
    """What the portal cost. Nothing where this process extracted nothing: a zero would mean a batch without bytes."""
    if effort == NO_EFFORT:
        return
    yield Metric("Bytes", effort.stored_bytes, own)
    yield Metric("Retries", effort.retries, own)
    yield Metric("WaitSeconds", effort.waited_seconds, own)


def _datum(metric: Metric) -> dict[str, object]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]
    return {"MetricName": metric.name, "Value": float(metric.value), "Unit": metric.unit, "Dimensions": dimensions}
