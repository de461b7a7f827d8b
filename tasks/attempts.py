"""Counting the attempts at a batch, so that one that can never succeed does not block the others for ever."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect import get_run_logger, task

from blocks import open_lake, open_loader
from esteira import giving_up
from esteira.batch import Batch
from esteira.errors import EsteiraError
from esteira.lake import Lake
from esteira.observe.subject import about
from esteira.warehouse import SettleRequest
from tasks.retrying import is_transient
from tasks.run import code_version, run_name


@contextmanager
def counted_attempt(batch: Batch, max_attempts: int, policy: dict[str, Any]) -> Iterator[None]:
    """One attempt at a batch: noted when it begins and when it ends.

    Raises:
        GivenUp: So many attempts have failed that the batch is left out; 0 never gives up.
    """
    note = begin_attempt.with_options(**policy)(batch, max_attempts)
    lake = open_lake()  # now: when the batch is in, the Prefect server, which says where the lake is, may be away
    try:
        with about(dataset=batch.dataset, batch=batch.id, attempt=note):
            yield
    except BaseException as exc:
        _end(lake, batch, note, exc)
        raise
    _end(lake, batch, note, None)


@task(task_run_name="begin {batch.plain_name}", retry_condition_fn=is_transient, persist_result=False)
def begin_attempt(batch: Batch, max_attempts: int) -> str:
    """Note that an attempt begins, or give the batch up; returns the note's id."""
    lake = open_lake()
    failed = giving_up.counted(lake.attempts(batch.dataset, batch.id))
    if max_attempts and len(failed) >= max_attempts:
        open_loader().settle(SettleRequest(batch, giving_up.reason(failed), run=run_name(), version=code_version()))
        raise giving_up.given_up(batch, failed)
    where = batch.name
    if failed:
        so_far = f"{len(failed)} failed before it, the last: {giving_up.reason(failed)}"
        get_run_logger().warning("%s: another attempt at batch %s; %s", where, batch.id, so_far)
    else:
        get_run_logger().info("%s: begins as batch %s", where, batch.id)
    return lake.begin_attempt(batch.dataset, batch.id)


def _end(lake: Lake, batch: Batch, note: str, error: BaseException | None) -> None:
    """A note that cannot be written makes the attempt look like a death: it counts, and the error itself is what matters now."""
    try:
        lake.end_attempt(batch.dataset, batch.id, giving_up.ended(note, error))
    except EsteiraError as exc:
        get_run_logger().warning("%s %s: how the attempt ended is not noted: %s", batch.dataset, batch.id, exc)
