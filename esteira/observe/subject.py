"""What the work at hand is about, for each line that is logged meanwhile: dataset, batch, attempt, run, step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_subject: ContextVar[Mapping[str, str]] = ContextVar("subject", default={})  # noqa: B039 - it is never changed


@contextmanager
def about(**facts: str) -> Iterator[None]:
    """Add facts to each line that is logged inside the block; threads need the caller's context to log them."""
    token = _subject.set({**_subject.get(), **facts})
    try:
        yield
    finally:
        _subject.reset(token)


def subject() -> Mapping[str, str]:
    """The facts that hold now."""
    return _subject.get()
