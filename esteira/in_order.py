"""One thing after the other in a thread of its own, a bounded number of them ahead: a stage of a pipeline."""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class InOrder(Generic[T]):
    """A thread that does what it is given, in order. What goes wrong is raised by a later call, and nothing is done after it.

    Args:
        name: The thread's name, for logs and dumps.
        depth: Pieces of work that it may have before the caller must wait: more than one where some take much longer than others.
    """

    def __init__(self, name: str, *, depth: int = 1) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._depth = depth
        self._working: deque[Future[T]] = deque()

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Wait until there is room for this work, then begin; returns the result of the work that made room, if there was any.

        The caller's context goes along: log records of a Prefect run keep their run.
        """
        made_room = None
        while len(self._working) >= self._depth:
            made_room = self._working.popleft().result()
        before = self._working[-1] if self._working else None
        context, this = contextvars.copy_context(), partial(work, *args, **kwargs)
        self._working.append(self._thread.submit(context.run, _after, before, this))
        return made_room

    def wait(self) -> T | None:
        """Wait for all work under way; returns the last result, or None when there is none."""
        working, self._working = self._working, deque()
        result = None
        for each in working:
            result = each.result()
        return result

    @property
    def is_idle(self) -> bool:
        """Whether there is no work under way, so that `wait` would not."""
        return all(each.done() for each in self._working)

    def stop(self) -> None:
        """End the thread when the work it was given is done; its result is nobody's any more."""
        self._thread.shutdown(wait=True)


def _after(before: Future[T] | None, work: Callable[[], T]) -> T:
    """Work that is not begun, but fails alike, where the work before it failed; the one thread has ended that already."""
    if before is not None:
        before.result()
    return work()


class AtOnce(Generic[T]):
    """The same verbs in the caller's own thread: a stage of a pipeline whose processor others keep busy.

    Args:
        name: Of the thread that there is none of.
        depth: Nothing waits.
    """

    def __init__(self, name: str, *, depth: int = 1) -> None:
        self._result: T | None = None

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Do it; returns the result of the work before."""
        before, self._result = self._result, None
        self._result = work(*args, **kwargs)
        return before

    def wait(self) -> T | None:
        """The last result, once."""
        before, self._result = self._result, None
        return before

    def stop(self) -> None:
        """Nothing is under way."""
