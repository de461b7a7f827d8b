"""Each right of the functions is needed: they run under their own roles in the emulator, and without one of its statements a function fails."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.deployments.events import Events, event_of
from tests.infra.role import without

ROLES = {"StartRole": "start", "InspectRole": "inspect", "DispatchRole": "dispatch"}
KEY = "inbox/rights/a.csv"
pytestmark = [pytest.mark.long]


@dataclass
class Functions:
    """The functions of `infra/events.yaml`, and an object in the inbox that was seen to."""

    events: Events
    version: str
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def call(self, function: str, event: object) -> Any:
        """What a function answers; None when it fails."""
        told = self.events.invoke(f"esteira-local-{function}", event)
        return None if "errorType" in told else told

    def takes_message(self, **body: object) -> bool:
        told = self.call("start", {"Records": [{"messageId": "m", "body": json.dumps(body)}]})
        return bool(told == {"batchItemFailures": []})


@pytest.fixture(scope="module")
def functions(events: Events) -> Iterator[Functions]:
    made = Functions(events, events.drop("rights", "a.csv", b"x"))
    dispatches(made)  # whoever asks first, the event or this, makes the one run
    events.complete_runs("inbox/rights/")
    yield made
    events.complete_runs("inbox/rights/")


def starts(functions: Functions) -> bool:
    """A message becomes an execution."""
    return functions.takes_message(number=next(functions.numbers))


def looks_at_the_execution_that_there_is(functions: Functions) -> bool:
    """The same message again is none."""
    return functions.takes_message(known=True) and functions.takes_message(known=True)


def inspects(functions: Functions) -> bool:
    """A version that is there is to be taken."""
    found = functions.call("inspect", {"event": event_of(functions.events.bucket, KEY, functions.version)})
    return bool(found and found["verdict"] == "take")


def dispatches(functions: Functions) -> bool:
    """Prefect knows the run of a version."""
    drop = {"bucket": functions.events.bucket, "key": KEY, "version": functions.version}
    found = functions.call("dispatch", {"ask": "take", "drop": drop})
    return bool(found and found["outcome"] == "accepted")


NEEDED_BY: dict[str, Callable[[Functions], bool]] = {
    "StartRole:StartInbox": starts,
    "StartRole:SeeHowItEnded": looks_at_the_execution_that_there_is,
    "InspectRole:ListDrops": inspects,
    "InspectRole:SeeDrops": inspects,
    "DispatchRole:ReadPrefectKey": dispatches,
}


@pytest.mark.parametrize("name", NEEDED_BY)
def test_without_a_right_a_function_that_worked_fails(functions: Functions, name: str) -> None:
    owner, _, sid = name.partition(":")
    work = NEEDED_BY[name]
    assert work(functions), f"{work.__doc__} With all statements it must succeed."
    with functions.events.client("iam") as iam, without(iam, f"esteira-local-{ROLES[owner]}", sid):
        assert not work(functions), f"{work.__doc__} It succeeds without {name}: take the statement out."
    assert work(functions), f"{work.__doc__} With the statement again it must succeed again."
