"""The metrics: of batches, which runs send, and of ages, which a function of AWS sends without them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docs.hooks.text import Constant, code, constants, page, table
from esteira.observe.metrics import MEANINGS, namespace

_LEAD = (
    "In the namespace `{}`. Runs send them where `ESTEIRA_METRICS` says so: those without dimension with `stage`, all with `dataset`. The ages come from a function of "
    "`infra/monitoring.yaml`, once an hour, whether runs run or not. CloudWatch adds nothing up: a metric without a dimension is not the sum of those with one. "
    "What alarms watch is in [Monitoring on AWS](../operations/monitoring.md)."
)


def make() -> str:
    """The page."""
    rows = [
        (code(name), each.unit, ", ".join(map(code, each.dimensions)), "yes" if each.is_whole else "", each.says)
        for name, each in MEANINGS.items()
    ]
    shown = table(["metric", "unit", "dimensions", "also of the stage as a whole", "is, and when"], [*rows, *_ages()])
    return page("Metrics", _LEAD.format(namespace("<stage>")), shown)


def ages() -> list[Constant]:
    """The metrics of the function that asks for ages."""
    return [each for each in constants(r"Age[A-Z]\w+") if each.module == "infra/handlers/age.py"]


def _ages() -> Iterator[tuple[str, str, str, str, str]]:
    for each in ages():
        says, unit, dimensions = re.split(r" Unit: | Dimensions: ", each.says)
        is_whole = "without any" in dimensions
        yield code(each.value), unit.rstrip("."), code("Dataset"), "the largest" if is_whole else "", says
