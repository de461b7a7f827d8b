"""The parts of a sealed raw batch, curated by several workers at once. What travels there is a key and a hash, what comes back counts and sketches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any
from uuid import UUID

import pyarrow as pa
from prefect import get_client, get_run_logger, runtime, task
from prefect.futures import PrefectWrappedFuture
from prefect.states import Crashed
from prefect.task_runners import TaskRunner
from prefect.utilities.annotations import quote

from blocks import open_lake
from esteira.batch import plain, short
from esteira.by_part import PartWork, curate_parts, parts_to_curate, put_together, require_same
from esteira.catalogue import find_dataset
from esteira.contract import Dataset
from esteira.errors import LakeUnavailable, WorkerLost
from esteira.gathered import CuratedParts, Gathered
from esteira.in_order import AtOnce, InOrder
from esteira.lake import Seal
from esteira.settings import Settings, read_settings
from tasks.retrying import is_transient
from tasks.runners import Errors, lost_by, runner_of

MAX_FRUITLESS = 3
"""Workers that may die one after the other before any part is done: then it is the part, or the machine, and no accident."""
WAITING = 2
"""Pieces of work that are asked for, for each that is under way: nobody waits for the next one, and few results wait for their turn."""
Policy = dict[str, Any]
UnderWay = deque[tuple[PartWork, PrefectWrappedFuture[Gathered, Any] | None]]


def share_parts(dataset: Dataset, raw: Seal, generation: int, policy: Policy) -> CuratedParts | None:
    """Curate a batch's parts; None where its curated seal stands already.

    Called by a flow and not a task: workers get the caller's context, and a task's would bring the contract, which each worker reads for itself.

    Args:
        dataset: The contract.
        raw: The raw seal.
        generation: Which loading of the batch.
        policy: How steps are retried.

    Raises:
        ConfigError: Workers cannot be had, or have other contracts or code.
        LakeUnavailable: The scheduler does not answer.
        WorkerLost: Workers die, again and again.
        ContractError, DataQualityError, SealConflict: As `esteira.curate.curate`; of several parts the first one's.
    """
    settings = read_settings()
    works = plan_parts.with_options(**policy)(raw, generation)
    if not works:
        return None
    who = f"{settings.runner} at {settings.dask_scheduler}" if settings.dask_scheduler else settings.runner
    where = f"{dataset.name} {short(raw.batch)}"
    get_run_logger().info(
        "%s: %s parts are curated by %s workers (%s)", where, len(raw.parts), settings.parts_at_once, who
    )
    whole = put_together(_Sharing(settings, policy).gather(works))
    store: Callable[..., CuratedParts] = store_profile.with_options(**policy)
    return store(raw, works, quote(whole))  # Prefect would look for futures in it


@task(task_run_name="plan the parts of {raw.dataset}", retry_condition_fn=is_transient, persist_result=False)
def plan_parts(raw: Seal, generation: int) -> tuple[PartWork, ...]:
    """What is to be curated of a batch."""
    settings = read_settings()
    return parts_to_curate(raw, generation, settings.parts_at_once, open_lake(), settings.datasets)


def _run_name() -> str:
    work = runtime.task_run.parameters["work"]
    return f"curate {work.named} of {work.layout.dataset} {plain(short(work.layout.batch))}"


@task(task_run_name=_run_name, retry_condition_fn=is_transient, persist_result=False)
def curate_some(work: PartWork, *, is_alone: bool) -> Gathered:
    """Curate one part or a few, in whatever process this is: settings, contract and keys are read here.

    Args:
        work: Which parts.
        is_alone: Whether the process is there for this only, and has one processor: then Arrow gets one thread, and a part's stages follow one another.
    """
    if is_alone:
        pa.set_cpu_count(1)
    folder = read_settings().datasets
    require_same(work, folder)
    dataset, lake = find_dataset(folder, work.layout.dataset), open_lake()
    return curate_parts(work, dataset, lake, AtOnce if is_alone else InOrder)


@task(task_run_name="profile {raw.dataset}", retry_condition_fn=is_transient, persist_result=False)
def store_profile(raw: Seal, works: Sequence[PartWork], whole: Gathered) -> CuratedParts:
    """What all parts came to, with the profile of the whole in the lake."""
    lake = open_lake()
    return whole.stored(works[0].layout, lake.new_attempt(), raw.parts, lake)


class _Sharing:
    """Parts in the order of the batch. A worker that dies costs the parts that it had begun: what others had done by then is kept."""

    def __init__(self, settings: Settings, policy: Policy) -> None:
        self._settings = settings
        self._lost: Errors = lost_by(settings) if settings.runner != "threads" else ()
        self._task = curate_some.with_options(**policy)
        self._kept: dict[int, Gathered] = {}
        self._dead: list[UUID] = []

    def gather(self, works: Sequence[PartWork]) -> Iterator[Gathered]:
        try:
            yield from self._gathered(works)
        finally:
            self._bury()

    def _gathered(self, works: Sequence[PartWork]) -> Iterator[Gathered]:
        done = fruitless = 0
        while done < len(works):
            before = done
            try:
                with runner_of(self._settings) as runner:
                    for each in self._worked(runner, works[done:]):
                        done += 1
                        yield each
            except self._lost as exc:
                fruitless = 1 if done > before else fruitless + 1
                self._tell(works[done], fruitless, exc)
            except OSError as exc:  # what a part meets of it is told by our own errors
                raise self._without_workers(works[done], exc) from exc

    def _without_workers(self, work: PartWork, exc: OSError) -> LakeUnavailable:
        where = self._settings.dask_scheduler or f"this machine ({self._settings.runner})"
        said = f"No workers can be had at {where}: {exc}"
        hint = "Start the scheduler and its workers, or set ESTEIRA_RUNNER to threads or processes; then run the same command again."
        return LakeUnavailable(said, dataset=work.layout.dataset, batch=work.layout.batch, hint=hint)

    def _tell(self, work: PartWork, fruitless: int, exc: BaseException) -> None:
        said = f"A worker died while {work.named} was waited for: {str(exc) or type(exc).__name__}"
        if fruitless > MAX_FRUITLESS:
            layout = work.layout
            told = f"{said} It was the {fruitless}th in a row."
            raise WorkerLost(told, dataset=layout.dataset, batch=layout.batch) from exc
        get_run_logger().warning("%s %s The parts that it had begun are curated again.", work.layout.dataset, said)

    def _worked(self, runner: TaskRunner[Any], works: Iterable[PartWork]) -> Iterator[Gathered]:
        waiting, under_way = iter(works), UnderWay()
        while True:
            for work in islice(waiting, WAITING * self._settings.parts_at_once - len(under_way)):
                under_way.append((work, self._asked(runner, work)))
            if not under_way:
                return
            work, future = under_way[0]
            try:
                found = future.result() if future else self._kept.pop(work.number)
            except self._lost:
                self._keep(under_way)
                raise
            under_way.popleft()
            yield found

    def _asked(self, runner: TaskRunner[Any], work: PartWork) -> PrefectWrappedFuture[Gathered, Any] | None:
        if work.number in self._kept:
            return None
        is_alone = self._settings.runner != "threads"
        future: PrefectWrappedFuture[Gathered, Any] = runner.submit(self._task, {"work": work, "is_alone": is_alone})
        return future

    def _keep(self, under_way: UnderWay) -> None:
        """What is done and was not waited for yet."""
        for work, future in under_way:
            if future is None:
                continue
            if future.wrapped_future.done():
                with suppress(*self._lost, Exception):  # what failed is tried again, and fails in its turn
                    self._kept[work.number] = future.result()
            if work.number not in self._kept:
                self._dead.append(future.task_run_id)

    def _bury(self) -> None:
        """Tell the server of the task runs whose process died, since nobody else will: they would be shown as running for ever.

        At the end, because the server hears of a run's beginning a moment later than it began. Of those that had not begun it knows nothing.
        """
        if self._dead:
            with get_client(sync_client=True) as client:
                for run in self._dead:
                    with suppress(Exception):
                        client.set_task_run_state(
                            run, Crashed(message="The worker died; the part was curated again."), force=True
                        )
