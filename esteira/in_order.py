"""One thing after the other in a thread of its own, at most one ahead of the caller: a stage of a pipeline."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class InOrder(Generic[T]):
    """A thread that does what it is given, in order. What goes wrong is raised by the next call.

    Args:
        name: The thread's name, for logs and dumps.
    """

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._working: Future[T] | None = None

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Wait for the work before this, then begin; returns the result of the work before.

        The caller's context goes along: log records of a Prefect run keep their run.
        """
        before = self.wait()
        self._working = self._thread.submit(contextvars.copy_context().run, partial(work, *args, **kwargs))
        return before

    def wait(self) -> T | None:
        """Wait for the work under way; returns its result, or None when there is none."""
        working, self._working = self._working, None
        return None if working is None else working.result()

    @property
    def is_idle(self) -> bool:
        """Whether there is no work under way, so that `wait` would not."""
        return self._working is None or self._working.done()

    def stop(self) -> None:
        """End the thread when the work it was given is done; its result is nobody's any more."""
        self._thread.shutdown(wait=True)


class AtOnce(Generic[T]):
    """The same verbs in the caller's own thread: a stage of a pipeline whose processor others keep busy.

    Args:
        name: Of the thread that there is none of.
    """

    def __init__(self, name: str) -> None:
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
