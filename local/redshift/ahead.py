"""Working ahead on one thread: the next pieces are made while the last one is used. Memory: `PIECES`, and the one in use."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

PIECES = 2


@contextmanager
def working_ahead(pieces: Iterator[bytes]) -> Iterator[Iterator[bytes]]:
    """Let a thread of its own make `pieces`, in their order; what fails there is raised where the piece is asked for.

    Leaving the block waits for the piece at hand and makes no more.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="redshift-ahead") as worker:
        try:
            yield _taken(worker, pieces)
        finally:
            worker.shutdown(cancel_futures=True)


def _taken(worker: ThreadPoolExecutor, pieces: Iterator[bytes]) -> Iterator[bytes]:
    coming: deque[Future[bytes | None]] = deque(worker.submit(next, pieces, None) for _ in range(PIECES))
    while (piece := coming.popleft().result()) is not None:
        coming.append(worker.submit(next, pieces, None))
        yield piece
