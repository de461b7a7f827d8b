"""The daily flow: one failing dataset stops those whose rows must refer to it, and no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

_DAILY = """
import json
from datetime import UTC, datetime
from flows.daily import daily
state = daily(as_of=datetime(2014, 1, 2, 6, tzinfo=UTC), return_state=True)
outcomes = state.result(raise_on_failure=False)
print(json.dumps({
    "is_failed": state.is_failed(), "message": state.message,
    "outcomes": [[each.dataset, each.report is not None, type(each.error).__name__, each.skipped_for] for each in outcomes],
}))
"""
_REFERENCE = 'Quality(references=(Reference("carrier", to="daily_airlines.carrier", otherwise="{otherwise}"),))'


@pytest.fixture(scope="module")
def day(world: Any, write_contract: Any) -> Any:
    folder = write_contract("daily_airlines", "airlines", portal="portal-wrong-token")
    write_contract("daily_airports", "airports", folder=folder)
    # Another real table that has a carrier: the same portal table under other names.
    write_contract("daily_strict", "airlines", folder=folder, quality=_REFERENCE.format(otherwise="fail"))
    write_contract("daily_lenient", "airlines", folder=folder, quality=_REFERENCE.format(otherwise="warn"))
    quiet = {"ESTEIRA_DATASETS": str(folder), "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
    result = world.python(_DAILY, env=quiet)
    assert result.code == 0, result.err
    facts = json.loads(result.out)
    return facts | {"outcomes": {name: rest for name, *rest in facts["outcomes"]}}


def test_a_failing_dataset_does_not_stop_one_that_does_not_need_it(world: Any, day: Any):
    assert day["outcomes"]["daily_airports"] == [True, "NoneType", None]
    assert world.query("SELECT COUNT(*) FROM dw.daily_airports") == [(1_458,)]


def test_the_failing_dataset_keeps_its_error(day: Any):
    assert day["outcomes"]["daily_airlines"] == [False, "AuthError", None]


def test_a_dataset_whose_rows_must_refer_to_the_failed_one_is_skipped_for_it(world: Any, day: Any):
    assert day["outcomes"]["daily_strict"] == [False, "NoneType", "daily_airlines"]
    assert world.query("SELECT COUNT(*) FROM svv_tables WHERE table_name = 'daily_strict'") == [(0,)]


def test_a_dataset_that_only_warns_of_missing_references_is_loaded_with_a_warning(world: Any, day: Any):
    assert day["outcomes"]["daily_lenient"] == [True, "NoneType", None]
    ((warnings,),) = world.query("SELECT warnings FROM esteira_ledger.daily_lenient")
    assert "daily_airlines.carrier is not in the warehouse yet" in warnings


def test_the_run_as_a_whole_fails_and_names_the_datasets(day: Any):
    assert day["is_failed"]
    assert "2 of 4" in day["message"]
    assert "daily_airlines" in day["message"]
    assert "daily_strict" in day["message"]
