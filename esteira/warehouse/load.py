"""Step three: a curated seal into its table and the ledger, in one transaction under the dataset's lock.

Why it holds: table and ledger change together under one lock, so a batch is in at most once; runs repeat until the ledger row
exists, so it is in at least once; the seal makes every attempt load identical bytes.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.errors import DataQualityError, EsteiraError, LoadError, SealConflict, WarehouseBusy
from esteira.failpoints import failpoint
from esteira.lake import Seal
from esteira.warehouse import ddl, ledger, rules, write
from esteira.warehouse.connection import Session, Warehouse
from esteira.warehouse.ledger import LedgerEntry

TRANSACTION_TRIES = 5
BACKOFF_SECONDS = 1.0
"""First wait between tries of the whole transaction; doubled each time, with full jitter."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What to load.

    Attributes:
        dataset: The contract.
        batch: The batch.
        seal: Its curated seal.
        manifest: URI of the COPY manifest derived from the seal.
        run: Name of the run, for the ledger.
        version: Version of the code, for the ledger.
    """

    dataset: Dataset
    batch: Batch
    seal: Seal
    manifest: str
    run: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The ledger row that stands, and whether this call wrote it."""

    entry: LedgerEntry
    is_new: bool


class Loader:
    """Loads sealed batches into one warehouse.

    Args:
        warehouse: Where to.
        sleep: Waits between tries; tests replace it.
    """

    def __init__(self, warehouse: Warehouse, sleep: Callable[[float], None] = time.sleep) -> None:
        self._warehouse = warehouse
        self._sleep = sleep

    def load(self, request: LoadRequest) -> LoadResult:
        """Commit a batch, or find that it is committed.

        Raises:
            SealConflict: The batch is committed under another seal.
            DataQualityError: A whole-batch rule failed; nothing is loaded.
            LoadError: Redshift refuses the data.
            WarehouseBusy: Conflicts or lost connections outlast the tries; nothing is loaded twice.
        """
        try:
            return self._retrying(request)
        except EsteiraError as exc:
            raise exc.located(dataset=request.batch.dataset, batch=request.batch.id) from exc.__cause__

    def _retrying(self, request: LoadRequest) -> LoadResult:
        """Each try is a new connection: after a lost COMMIT answer the lock waits for the orphan and the ledger decides."""
        for attempt in range(1, TRANSACTION_TRIES + 1):
            try:
                return self._try(request)
            except WarehouseBusy as exc:
                if attempt == TRANSACTION_TRIES:
                    raise
                wait = random.uniform(0, BACKOFF_SECONDS * 2 ** (attempt - 1))  # noqa: S311 - jitter, not a secret
                logger.info(
                    "load of %s %s: %s Trying again in %.1f s",
                    request.batch.dataset,
                    request.batch.id,
                    exc.message,
                    wait,
                )
                self._sleep(wait)
        raise AssertionError  # pragma: no cover - the last try returns or raises

    def _try(self, request: LoadRequest) -> LoadResult:
        name, schema = request.dataset.name, self._warehouse.config.schema
        with self._warehouse.session(f"esteira {name} {request.batch.id}") as session:
            ddl.ensure_table(session, request.dataset, schema, _text_bytes(request.seal))
            ledger.ensure_ledger(session, name, ddl.table_name(ddl.LOCK_SCHEMA, name))
            with session.transaction():
                is_new = self._load_locked(session, request)
            failpoint("load.commit")
            entry = ledger.find_current(session, name, request.batch.id)
            assert entry is not None  # noqa: S101 - the transaction above has just found or written it
            return LoadResult(entry, is_new)

    def _load_locked(self, session: Session, request: LoadRequest) -> bool:
        """Inside the transaction. The lock comes first: the first read would fix the snapshot before we hold it."""
        name = request.dataset.name
        session.run(f"LOCK {ddl.table_name(ddl.LOCK_SCHEMA, name)}")
        if _is_settled(ledger.find_current(session, name, request.batch.id), request.seal):
            return False
        self._stage(session, request)
        warnings = rules.check(session, request.dataset, self._warehouse.config.schema)
        counts = write.apply(session, request.dataset, self._warehouse.config.schema, request.batch.id)
        table = ddl.table_name(self._warehouse.config.schema, name)
        table_rows = session.count(f"SELECT COUNT(*) FROM {table}")
        ledger.write_entry(session, name, _entry(request, counts, warnings, table_rows))
        return True

    def _stage(self, session: Session, request: LoadRequest) -> None:
        session.run(write.staging_statement(request.dataset, _text_bytes(request.seal)))
        if request.seal.parts:
            session.run(write.copy_statement(request.dataset, request.manifest, self._warehouse.config.copy_role_arn))
        failpoint("load.copy")
        staged = session.count(f"SELECT COUNT(*) FROM {write.STAGING}")
        if staged != request.seal.curated:
            raise LoadError(f"COPY brought {staged} rows; the seal says {request.seal.curated}.")


def _is_settled(current: LedgerEntry | None, seal: Seal) -> bool:
    """Whether the ledger needs nothing from this seal: it is in, or a later generation has taken its place.

    Raises:
        SealConflict: The same generation was committed under another seal.
    """
    if current is None or current.generation < seal.generation:
        return False
    if current.generation == seal.generation and current.seal_hash != seal.hash:
        raise SealConflict(
            f"The ledger holds generation {seal.generation} of this batch with seal {current.seal_hash}; "
            f"this attempt holds seal {seal.hash}."
        )
    return True


def _text_bytes(seal: Seal) -> dict[str, int]:
    """Longest text of each column over all parts, in bytes."""
    longest: dict[str, int] = {}
    for part in seal.parts:
        for name, size in part.text_bytes.items():
            longest[name] = max(size, longest.get(name, 0))
    return longest


def _entry(request: LoadRequest, counts: write.Counts, warnings: tuple[str, ...], table_rows: int) -> LedgerEntry:
    seal = request.seal
    if seal.extracted != seal.curated + seal.quarantined or seal.curated != counts.total:
        raise DataQualityError(
            f"The counts do not add up: extracted {seal.extracted}, curated {seal.curated}, quarantined {seal.quarantined}, "
            f"written {counts}.",
            hint="This is a defect of Esteira, not of the data: nothing was loaded. Report it with this message.",
        )
    return LedgerEntry(
        batch_id=request.batch.id, window_start=request.batch.window.start, window_end=request.batch.window.end,
        seal_hash=seal.hash, attempt=seal.attempt, extracted=seal.extracted, curated=seal.curated, quarantined=seal.quarantined,
        inserted=counts.inserted, updated=counts.updated, unchanged=counts.unchanged, stale=counts.stale, duplicate=counts.duplicate,
        total_reported=seal.total_reported, warnings=(*seal.warnings, *warnings), run=request.run, version=request.version,
        generation=seal.generation, deleted=counts.deleted, table_rows=table_rows,
    )  # fmt: skip
