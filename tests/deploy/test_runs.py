"""How a parent waits for runs of their own when the server is not as it was."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

import httpx
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed

from blocks import runs

RUN = FlowRun(id=uuid4(), flow_id=uuid4(), name="a run", state=Completed())


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the server answers to one question after the other."""
    found: list[Any] = []
    client = Mock(read_artifacts=Mock(return_value=[]))
    monkeypatch.setattr(runs, "get_client", lambda **_: nullcontext(client))
    monkeypatch.setattr(runs, "POLL_SECONDS", 0.0)
    client.read_flow_runs.side_effect = lambda **_: _raised(found.pop(0))
    return found


def test_a_server_that_is_away_is_asked_again(answers: list[Any]) -> None:
    answers += [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), [RUN]]
    assert runs.wait_for_any([RUN.id])[RUN.id].is_completed


def test_a_run_that_somebody_deleted_is_not_waited_for(answers: list[Any]) -> None:
    answers += [[]]
    ended = runs.wait_for_any([RUN.id])[RUN.id]
    assert (ended.is_completed, ended.state) == (False, "Deleted")


def test_counts_of_a_run_are_those_that_its_batches_left(answers: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    answers += [[RUN]]
    artifacts = [
        Mock(key="flights-counts", type="table", data='[{"inserted": 2}]'),
        Mock(key="flights-summary", type="markdown", data="# flights"),
        Mock(key="latest-head-counts", type="markdown", data="# head_counts"),  # of a dataset with such a name
    ]
    with runs.get_client(sync_client=True) as client:
        monkeypatch.setattr(client, "read_artifacts", Mock(return_value=artifacts))
    assert runs.wait_for_any([RUN.id])[RUN.id].batches == ({"inserted": 2},)


def _raised(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer
