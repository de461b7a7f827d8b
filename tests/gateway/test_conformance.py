"""The table of behaviours holds on the gateway, and the README shows that table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.gateway.behaviours import BEHAVIOURS, README, Behaviour, Bench, written


@pytest.fixture
def bench(connect: Callable[..., Any], schema: str, put_manifest: Callable[..., str]) -> Bench:
    return Bench(connect, schema, put_manifest)


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.name)
def test_a_behaviour_is_as_the_table_says(bench: Bench, behaviour: Behaviour) -> None:
    behaviour.check(bench)


def test_the_readme_shows_the_table() -> None:
    text = README.read_text()
    assert written(text) == text, "run: python -m tests.gateway.behaviours"


def test_what_differs_says_how() -> None:
    assert [behaviour.name for behaviour in BEHAVIOURS if behaviour.status == "differs" and not behaviour.reason] == []
