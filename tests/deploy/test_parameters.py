"""Parameters of flows are what their signatures say, also where the flow's function is wrapped."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from typing import Any

import pytest

MOMENT = "2014-01-02T06:00:00Z"
GIVEN: dict[str, dict[str, Any]] = {
    "backfill": {"dataset": "flights", "start": MOMENT, "end": MOMENT},
    "daily": {"cadence": "daily", "as_of": MOMENT},
    "inbox": {"bucket": "b", "key": "inbox/flights/a.csv", "version_id": "v"},
    "ingest": {"dataset": "flights", "as_of": MOMENT},
    "maintenance": {"datasets": ["flights"], "as_of": MOMENT},
    "rebuild": {"dataset": "flights", "source": "raw", "start": MOMENT},
    "replay": {"dataset": "flights", "dry_run": True},
    "undo": {"dataset": "flights", "batch": "b"},
    "watch": {"as_of": MOMENT},
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_flow_takes_its_parameters_by_their_types(name: str):
    flow = getattr(importlib.import_module(f"flows.{name}"), name)
    checked = flow.validate_parameters(GIVEN[name])
    moments = [value for key, value in checked.items() if key in {"as_of", "start"} and key in GIVEN[name]]
    assert all(moment == datetime(2014, 1, 2, 6, tzinfo=UTC) for moment in moments)
    assert GIVEN[name].keys() <= checked.keys()
