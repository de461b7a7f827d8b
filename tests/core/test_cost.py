"""The cost page is what the computation says, and the computation is what the templates and the code hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import cost
from tests.core.test_monitoring_template import ALARMS, published

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations/cost.md").read_text(encoding="utf-8")


def test_the_page_is_what_the_computation_says() -> None:
    missing = [line for line in cost.tables() if line not in PAGE.splitlines()]
    assert not missing, "Fix: put the tables of `python -m infra.cost` into docs/operations/cost.md."


def test_each_price_has_a_source_and_says_how_old_it_is() -> None:
    assert all(each.source.startswith("https://") and each.dated and each.usd > 0 for each in cost.PRICES)
    assert all(each.value > 0 for each in cost.FACTS)


def test_quantities_of_the_monitoring_are_those_of_template_and_code() -> None:
    found = published()
    of_datasets = sum(each != () for name, all_of in found.items() for each in all_of if not name.startswith("Age"))
    of_stage = sum(() in each for name, each in found.items() if not name.startswith("Age"))
    steps = 3  # `published` has one of the four
    assert cost.BATCH_METRICS.value == cost.DATASETS.value * (of_datasets + steps) + of_stage
    assert cost.HOURLY_METRICS.value == 2 * cost.DATASETS.value + 1
    assert cost.ALARMS.value == len(ALARMS)


def test_what_grows_with_the_volume_grows_and_what_stands_does_not() -> None:
    small, large = cost.day(1), cost.day(10_000)
    stands = {"the hourly `watch` (Redshift)", "metrics", "alarms and dashboard", "keys and secrets"}
    assert {name for name in small if small[name] == large[name]} == stands
    keep = "a month's keep of the day (S3 and Redshift)"
    assert large[keep] == pytest.approx(10_000 * small[keep])
