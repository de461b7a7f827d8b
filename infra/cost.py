"""What a day costs: `python -m infra.cost` prints the tables of docs/operations/cost.md, which a test compares with what it says here.

Prices are those of us-east-1 without free tiers and discounts; quantities are formulas of the volume. Nothing is asked of AWS.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

SCALES = (1, 100, 10_000)
DAYS = 30
"""Of a month, for prices by the month."""
ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Price:
    """One price.

    Attributes:
        what: What is paid for, and its unit.
        usd: US dollars.
        source: Where it was read.
        dated: What the source says of its date; `undated` where it says nothing.
    """

    what: str
    usd: float
    source: str
    dated: str


VCPU = Price(
    "Fargate, a vCPU for an hour",
    0.04048,
    "https://www.factualminds.com/blog/amazon-fargate-ecs-task-pricing-2026.md",
    "June 2026",
)
MEMORY = Price("Fargate, a GB for an hour", 0.004445, VCPU.source, "June 2026")
RPU = Price(
    "Redshift Serverless, an RPU for an hour (4 RPU: $1.50)", 0.375,
    "https://aws.amazon.com/blogs/big-data/amazon-redshift-serverless-at-4-rpus-high-value-analytics-at-low-cost", "undated (4 RPU came in 2025)",
)  # fmt: skip
MANAGED = Price(
    "Redshift managed storage, a GB for a month",
    0.024,
    "https://aws.amazon.com/redshift/pricing/",
    "undated, read second-hand",
)
STORED = Price(
    "S3 Standard, a GB for a month",
    0.023,
    "https://devnotes.tech/understanding-aws-s3-pricing-a-complete-cost-breakdown-with-examples",
    "undated",
)
PUT = Price("S3, 1,000 writes", 0.005, STORED.source, "undated")
NAT_HOUR = Price(
    "NAT gateway, an hour", 0.045, "https://cloudpipelines.pages.dev/guides/aws-nat-gateway-pricing-2026/", "2026"
)
NAT_GB = Price("NAT gateway, a GB", 0.045, NAT_HOUR.source, "2026")
LOGS = Price(
    "CloudWatch Logs, a GB taken in", 0.50,
    "https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/", "13 June 2026",
)  # fmt: skip
DASHBOARD = Price("CloudWatch, a dashboard for a month (three are free)", 3.00, LOGS.source, "13 June 2026")
METRIC = Price(
    "CloudWatch, a metric for a month", 0.30, "https://signoz.io/guides/cloudwatch-pricing", "15 February 2026"
)
ALARM = Price(
    "CloudWatch, an alarm for a month (ten are free)",
    0.10,
    "https://c3x.dev/blog/aws-cloudwatch-metrics-cost/",
    "undated",
)
KEY = Price(
    "KMS, a key for a month",
    1.00,
    "https://www.factualminds.com/blog/aws-kms-pricing-keys-requests-multi-region/",
    "undated",
)
SECRET = Price(
    "Secrets Manager, a secret for a month", 0.40,
    "https://hivebook.wiki/wiki/aws-secrets-manager-rotated-secrets-dynamic-db-credentials-kms", "undated",
)  # fmt: skip
TRANSITIONS = Price(
    "Step Functions, 1,000 transitions", 0.025, "https://aws.amazon.com/step-functions/pricing/", "undated"
)
PRICES = (
    VCPU,
    MEMORY,
    RPU,
    MANAGED,
    STORED,
    PUT,
    NAT_HOUR,
    NAT_GB,
    LOGS,
    DASHBOARD,
    METRIC,
    ALARM,
    KEY,
    SECRET,
    TRANSITIONS,
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One quantity that the formulas rest on.

    Attributes:
        what: What it is, with its unit.
        value: Of it.
        known: How it is known: measured, of a template, or assumed.
    """

    what: str
    value: float
    known: str


ROWS = Fact(
    "rows a day at 1x: the demo's flights, a whole year of them each day", 336_776, "measured, docs/performance.md"
)
JSON_GB = Fact("GB of JSON that a portal sends for them", 0.119, "measured, docs/performance.md")
RAW_GB = Fact("GB of them in raw, compressed", 0.0132, "measured, the demo's lake")
CURATED_GB = Fact("GB of them in curated, Parquet", 0.0081, "measured, the demo's lake")
PUTS = Fact("S3 writes for them", 14, "measured, docs/performance.md")
PORTAL_GB_S = Fact("GB a second that a portal gives", 0.005, ASSUMED)
DATASETS = Fact("datasets, each a container of its own once a day", 5, "the demo")
START_S = Fact("seconds of a container before its work: image, interpreter, Prefect", 60, ASSUMED)
TASK_VCPU = Fact("vCPU of a task", 1, "runtime.yaml")
TASK_GB = Fact("GB of a task's memory", 2, "runtime.yaml")
BASE_RPU = Fact("RPU of the workgroup", 8, "warehouse.yaml")
COPY_GB_S = Fact("GB of Parquet a second that COPY takes on these", 0.05, ASSUMED)
WAKE_S = Fact(
    "seconds billed for a wake-up at least",
    60,
    "https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-billing.html",
)
WAKES = Fact("wake-ups of a day's loads: what is due, load, publish, of datasets that run together", 3, ASSUMED)
WATCHES = Fact("wake-ups by the hourly deployment `watch`", 24, "prefect.yaml")
LINE_GB = Fact("GB of log of a batch", 20e-6, "measured: 20 kB of JSON lines")
BATCH_ROWS = Fact("rows of a batch at most, where windows are cut by rows", 10_000_000, ASSUMED)
ALARMS = Fact("alarms", 16, "monitoring.yaml")
HOURLY_METRICS = Fact(
    "metrics that are sent each hour: two of each dataset, one of the stage", 11, "infra/handlers/age.py"
)
BATCH_METRICS = Fact("metrics of a batch: 15 of a dataset, 4 of the stage", 79, "esteira/observe/metrics.py")
NATS = Fact("NAT gateways", 1, "network.yaml")
KEYS = Fact("keys: lake, topic", 2, "lake.yaml, monitoring.yaml")
SECRETS = Fact("secrets: warehouse, Prefect, Slack, one portal", 4, "decision 16")
FILES = Fact("dropped files a day at 1x", 1, "the demo")
STEPS = Fact("transitions of a dropped file", 12, ASSUMED)
FACTS = (
    ROWS, JSON_GB, RAW_GB, CURATED_GB, PUTS, PORTAL_GB_S, DATASETS, START_S, TASK_VCPU, TASK_GB, BASE_RPU, COPY_GB_S, WAKE_S, WAKES, WATCHES, LINE_GB,
    BATCH_ROWS, ALARMS, HOURLY_METRICS, BATCH_METRICS, NATS, KEYS, SECRETS, FILES, STEPS,
)  # fmt: skip


def day(scale: int) -> dict[str, float]:
    """US dollars of a day at so many times the demo's volume, by what they are paid for."""
    work_s = JSON_GB.value * scale / PORTAL_GB_S.value
    task_hours = (DATASETS.value * START_S.value + work_s) / 3600
    load_s = max(WAKES.value * WAKE_S.value, CURATED_GB.value * scale / COPY_GB_S.value)
    rpu_hour = BASE_RPU.value * RPU.usd / 3600
    batches = DATASETS.value + ROWS.value * scale / BATCH_ROWS.value
    return {
        "containers (Fargate)": task_hours * (TASK_VCPU.value * VCPU.usd + TASK_GB.value * MEMORY.usd),
        "loads (Redshift)": load_s * rpu_hour,
        "the hourly `watch` (Redshift)": WATCHES.value * WAKE_S.value * rpu_hour,
        "a month's keep of the day (S3 and Redshift)": scale * (RAW_GB.value + CURATED_GB.value) * STORED.usd
        + scale * CURATED_GB.value * MANAGED.usd,
        "writes (S3)": scale * PUTS.value / 1000 * PUT.usd,
        "way out (NAT)": NATS.value * 24 * NAT_HOUR.usd + JSON_GB.value * scale * NAT_GB.usd,
        "logs": batches * LINE_GB.value * LOGS.usd,
        "metrics": (HOURLY_METRICS.value + BATCH_METRICS.value / 24) * METRIC.usd / DAYS,
        "alarms and dashboard": (ALARMS.value * ALARM.usd + DASHBOARD.usd) / DAYS,
        "keys and secrets": (KEYS.value * KEY.usd + SECRETS.value * SECRET.usd) / DAYS,
        "events (Step Functions)": FILES.value * scale * STEPS.value / 1000 * TRANSITIONS.usd,
    }


def tables() -> Iterator[str]:
    """The page's three tables, as Markdown."""
    days = {scale: day(scale) for scale in SCALES}
    yield "| US dollars a day | " + " | ".join(f"{scale:,}x" for scale in SCALES) + " |"
    yield "|---|" + "---:|" * len(SCALES)
    for name in days[1]:
        yield f"| {name} | " + " | ".join(f"{days[scale][name]:,.2f}" for scale in SCALES) + " |"
    yield "| **all** | " + " | ".join(f"**{sum(days[scale].values()):,.2f}**" for scale in SCALES) + " |"
    yield ""
    yield from ("| price | USD | its source says it is of |", "|---|---:|---|")
    yield from (f"| {each.what} | {each.usd:g} | [{each.dated}]({each.source}) |" for each in PRICES)
    yield ""
    yield from ("| quantity | | known by |", "|---|---:|---|")
    yield from (f"| {each.what} | {each.value:,g} | {each.known} |" for each in FACTS)


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in tables())
