"""A stage of a pipeline: order, how far ahead it may be, and what becomes of work behind work that failed."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from esteira.in_order import AtOnce, InOrder

PATIENCE_SECONDS = 10


@pytest.fixture(params=[1, 3])
def stage(request: pytest.FixtureRequest) -> Iterator[InOrder[int]]:
    made = InOrder[int]("stage", depth=request.param)
    yield made
    made.stop()


def test_work_is_done_in_order(stage: InOrder[int]) -> None:
    done: list[int] = []
    for number in range(20):
        stage.run(done.append, number)  # type: ignore[arg-type]
    stage.wait()
    assert done == list(range(20))


def test_as_much_work_as_its_depth_waits_and_no_more() -> None:
    stage, gate, begun = InOrder[None]("stage", depth=2), threading.Event(), threading.Event()

    def held() -> None:
        begun.set()
        gate.wait(PATIENCE_SECONDS)

    stage.run(held)
    stage.run(held)  # does not wait: there is room
    assert begun.wait(PATIENCE_SECONDS)
    third = threading.Thread(target=stage.run, args=(held,))
    third.start()
    third.join(0.2)
    assert third.is_alive()
    gate.set()
    third.join(PATIENCE_SECONDS)
    assert not third.is_alive()
    stage.stop()


def test_nothing_is_done_after_work_that_failed(stage: InOrder[int]) -> None:
    done: list[int] = []

    def fail() -> int:
        raise ValueError("the first")

    def feed() -> None:
        for work in (fail, lambda: done.append(1), lambda: done.append(2), lambda: done.append(3)):
            stage.run(work)  # type: ignore[arg-type]
        stage.wait()

    with pytest.raises(ValueError, match="the first"):
        feed()
    assert done == []


def test_the_result_of_the_last_work_is_what_is_waited_for(stage: InOrder[int]) -> None:
    for number in range(5):
        stage.run(lambda number=number: number)
    assert stage.wait() == 4
    assert stage.wait() is None
    assert stage.is_idle


def test_work_beside_nobody_gives_the_result_of_the_work_before() -> None:
    stage = AtOnce[int]("stage")
    assert [stage.run(lambda number=number: number) for number in range(3)] == [None, 0, 1]
    assert stage.wait() == 2
