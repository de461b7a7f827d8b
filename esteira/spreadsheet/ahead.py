"""Work on a file's blocks beside each other, handed on in their order; never more of them at once than is said."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def read_ahead(pool: Executor, items: Iterator[Item]) -> Iterator[Item]:
    """The items; the next one is read while one is in work."""
    following = pool.submit(next, items, None)
    while (item := following.result()) is not None:
        following = pool.submit(next, items, None)
        yield item


def in_turn(pool: Executor, work: Callable[[Item], Made], items: Iterable[Item], most: int) -> Iterator[Made]:
    """What the work makes of each item; at most so many are in work while the caller is."""
    pending = deque[Future[Made]]()
    for item in items:
        pending.append(pool.submit(work, item))
        if len(pending) > most:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
