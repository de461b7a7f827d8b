"""Step three: curated seals into their table and the ledger, in one transaction under the dataset's lock.

Why it holds: table and ledger change together under one lock, so a batch is in at most once; runs repeat until the ledger row
exists, so it is in at least once; the seal makes every attempt load identical bytes.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from esteira.contract import Dataset
from esteira.errors import ConfigError, EsteiraError, WarehouseBusy
from esteira.failpoints import failpoint
from esteira.lake import Seal
from esteira.warehouse import attempts, commit, ddl, erasures, ledger, ledger_tables, profiles, settling, states
from esteira.warehouse.attempts import Attempt
from esteira.warehouse.connection import Session, Warehouse
from esteira.warehouse.copy_errors import Copied, ReadPart, explained
from esteira.warehouse.erasures import Erasure
from esteira.warehouse.graves import ensure_graves
from esteira.warehouse.history import History
from esteira.warehouse.locks import bounded_shaping, locked_transaction
from esteira.warehouse.request import LoadRequest, LoadResult, SettleRequest, UndoRequest
from esteira.warehouse.staging import text_bytes

__all__ = ["LoadRequest", "LoadResult", "Loader", "UndoRequest"]
T = TypeVar("T")
TRANSACTION_TRIES = 5
BACKOFF_SECONDS = 1.0
"""First wait between tries of the whole transaction; doubled each time, with full jitter."""
logger = logging.getLogger(__name__)


class Loader:
    """Loads sealed batches into one warehouse, and takes them out again.

    Args:
        warehouse: Where to.
        sleep: Waits between tries; tests replace it.
        history: Finds committed batches in the lake. Without it, what needs earlier batches again is refused.
        read_part: Gives a sealed part's bytes, to name the value that COPY refused. Without it, only file and column are named.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        sleep: Callable[[float], None] = time.sleep,
        history: History | None = None,
        read_part: ReadPart | None = None,
    ) -> None:
        self._warehouse = warehouse
        self._sleep = sleep
        self._history = history
        self._read_part = read_part

    def load(self, request: LoadRequest) -> LoadResult:
        """Commit a batch, or find that it is committed.

        Raises:
            SealConflict: The batch is committed under another seal.
            DataQualityError: A whole-batch rule failed; nothing is loaded.
            LoadError: Redshift refuses the data, or batches that a new generation needs again are no longer in the lake.
            WarehouseBusy: Conflicts or lost connections outlast the tries; nothing is loaded twice.
        """
        attempt = Attempt(request.dataset.name, request.batch.id, request.run)
        try:
            return self._retrying(attempt, lambda: self._commit([request], attempt, accept_loss=False))[0]
        except EsteiraError as exc:
            raise exc.located(dataset=request.dataset.name, batch=request.batch.id) from exc.__cause__

    def rebuild(
        self, requests: Sequence[LoadRequest], *, accept_loss: bool = False, erasure: Erasure | None = None
    ) -> list[LoadResult]:
        """Commit new generations of several batches of one dataset in one transaction: readers see all of it or nothing.

        Args:
            requests: What to load; what is committed already is found and left.
            accept_loss: Whether to go on when other batches can no longer be read from the lake.
            erasure: What to take out of the table besides, and to note in the audit, in the same transaction.

        Raises:
            ConfigError: The requests are not of one dataset.
            LoadError: Other batches can no longer be read; nothing was changed.
            SealConflict: Another run committed a later generation of a batch meanwhile; nothing was changed.
        """
        names = {request.dataset.name for request in requests}
        if len(names) != 1:
            raise ConfigError(
                f"A rebuild is of one dataset; {', '.join(sorted(names)) or 'none'} was asked for.",
                hint="Call it once for each dataset.",
            )
        attempt = Attempt(requests[0].dataset.name, requests[0].batch.id, requests[0].run)
        try:
            return self._retrying(
                attempt,
                lambda: self._commit(requests, attempt, accept_loss=accept_loss, erasure=erasure, may_be_late=False),
            )
        except EsteiraError as exc:
            raise exc.located(dataset=requests[0].dataset.name) from exc.__cause__

    def undo(self, request: UndoRequest) -> LoadResult:
        """Take a batch out as if it had never been loaded: what it overwrote comes back, and its new ledger row says why.

        Raises:
            ConfigError: The ledger does not know the batch, or it was never loaded.
            LoadError: Other batches can no longer be read from the lake; nothing was changed.
        """
        attempt = Attempt(request.dataset.name, request.batch_id, request.run)
        try:
            return self._retrying(attempt, lambda: self._undo(request, attempt))
        except EsteiraError as exc:
            raise exc.located(dataset=request.dataset.name, batch=request.batch_id) from exc.__cause__

    def settle(self, request: SettleRequest) -> LoadResult:
        """Settle a batch without rows, so that it blocks no later one; a batch that is settled already stays as it is.

        Raises:
            WarehouseBusy: Conflicts or lost connections outlast the tries.
        """
        attempt = Attempt(request.batch.dataset, request.batch.id, request.run)
        try:
            return self._retrying(attempt, lambda: self._settle(request, attempt))
        except EsteiraError as exc:
            raise exc.located(dataset=request.batch.dataset, batch=request.batch.id) from exc.__cause__

    def _retrying(self, attempt: Attempt, run: Callable[[], T]) -> T:
        """Each try is a new connection and the whole transaction: after a lost COMMIT answer the ledger decides, under the lock."""
        for number in range(1, TRANSACTION_TRIES + 1):
            try:
                return run()
            except WarehouseBusy as exc:
                if number == TRANSACTION_TRIES:
                    raise
                wait = random.uniform(0, BACKOFF_SECONDS * 2 ** (number - 1))  # noqa: S311 - jitter, not a secret
                logger.info("%s %s: %s Trying again in %.1f s", attempt.dataset, attempt.batch, exc.message, wait)
                self._sleep(wait)
        raise AssertionError  # pragma: no cover - the last try returns or raises

    def _commit(
        self,
        requests: Sequence[LoadRequest],
        attempt: Attempt,
        *,
        accept_loss: bool,
        erasure: Erasure | None = None,
        may_be_late: bool = True,
    ) -> list[LoadResult]:
        dataset, seals = requests[0].dataset, [request.seal for request in requests]
        with self._session(attempt, "esteira") as session:
            place = self._prepare(session, attempt, dataset, seals)
            if erasure:
                erasures.prepare(session)
            with explained(self._copied(dataset, seals)), locked_transaction(session, attempt, place.config):
                states.require_alive(session, dataset.name)
                if erasure:
                    erasures.clear(session, dataset, place.config.schema, erasure.key)
                news = commit.commit(session, place, requests, accept_loss=accept_loss, may_be_late=may_be_late)
                if erasure:
                    profiles.forget(session, dataset.name)
                if erasure and news.written:  # else an earlier try, whose answer was lost, has noted it
                    erasures.write(session, erasure)
            failpoint("load.commit")
            return [commit.result(session, request.batch.id, place, news) for request in requests]

    def _undo(self, request: UndoRequest, attempt: Attempt) -> LoadResult:
        with self._session(attempt, "esteira undo") as session:
            place = self._prepare(session, attempt, request.dataset, [])
            with locked_transaction(session, attempt, place.config):
                states.require_alive(session, request.dataset.name)
                news = commit.undo(session, place, request)
            return commit.result(session, request.batch_id, place, news)

    def _settle(self, request: SettleRequest, attempt: Attempt) -> LoadResult:
        batch, config = request.batch, self._warehouse.config
        with self._session(attempt, "esteira settle") as session:
            with bounded_shaping(session, attempt, ledger_tables.tables(batch.dataset), config):
                settling.prepare(session, batch)
            with locked_transaction(session, attempt, config):
                is_new = settling.settle(session, request)
            entry = ledger.find_current(session, batch.dataset, batch.id)
            assert entry is not None  # noqa: S101 - the transaction above has just found or written it
            return LoadResult(entry, is_new)

    @contextmanager
    def _session(self, attempt: Attempt, label: str) -> Iterator[Session]:
        with (
            self._warehouse.session(f"{label} {attempt.dataset} {attempt.batch}") as session,
            attempts.recorded(session, attempt),
        ):
            yield session

    def _prepare(self, session: Session, attempt: Attempt, dataset: Dataset, seals: Sequence[Seal]) -> commit.Place:
        """Before BEGIN, idempotently: table, ledger, and what else the write mode keeps."""
        config = self._warehouse.config
        states.require_alive(session, dataset.name)
        made = (*ledger_tables.tables(dataset.name), *profiles.tables(dataset.name))
        tables = [(config.schema, dataset.name), *made, (ddl.LOCK_SCHEMA, dataset.name)]
        with bounded_shaping(session, attempt, tables, config):
            live = ddl.ensure_table(session, dataset, config.schema, text_bytes(seals), config.reader_group)
            ledger_tables.ensure_ledger(session, dataset.name, ddl.table_name(ddl.LOCK_SCHEMA, dataset.name))
            profiles.ensure_profiles(session, dataset.name)
            ensure_graves(session, dataset, config.schema)
        return commit.Place(dataset, config, self._history, live.stamps_rows)

    def _copied(self, dataset: Dataset, seals: Sequence[Seal]) -> Copied:
        parts = [part for seal in seals for part in seal.parts]
        return Copied(dataset.columns, parts, self._warehouse.config.copy_role_arn, self._read_part)
