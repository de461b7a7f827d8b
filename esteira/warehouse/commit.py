"""The transaction: lock, ask the ledger, stage, check, write, and the ledger row. What the table holds afterwards is the fold of decision 6."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from esteira.contract import Dataset, Scd2
from esteira.errors import ConfigError, DataQualityError, SealConflict
from esteira.findings import Finding, finding, sentence
from esteira.lake import Seal
from esteira.warehouse import cursors, ledger, profiles, rules
from esteira.warehouse.config import WarehouseConfig
from esteira.warehouse.connection import Session
from esteira.warehouse.counts import Counts, Outcome
from esteira.warehouse.history import History, Past
from esteira.warehouse.ledger_entry import LedgerEntry
from esteira.warehouse.order import stage_order
from esteira.warehouse.request import LoadRequest, LoadResult, UndoRequest
from esteira.warehouse.staging import stage
from esteira.warehouse.statements import table_name
from esteira.warehouse.write import AppendWriter, Writer, writer_for

Findings = tuple[Finding, ...]
Standing = Mapping[str, LedgerEntry | None]
"""The ledger's current entry of each batch at hand."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction works.

    Attributes:
        dataset: The contract.
        config: The warehouse.
        history: Finds committed batches in the lake, or None.
        stamps_rows: Whether the table writes the time of loading by itself.
    """

    dataset: Dataset
    config: WarehouseConfig
    history: History | None
    stamps_rows: bool = False

    def past(self, at_hand: Collection[str], *, may_lose: bool) -> Past:
        """The batches beside those at hand."""
        return Past(self.history, self.config.copy_role_arn, at_hand, may_lose=may_lose)


@dataclass(frozen=True, slots=True)
class News:
    """What a transaction wrote: ids of the batches with a new ledger row, and of those that could not be read from the lake."""

    written: frozenset[str] = frozenset()
    lost: tuple[str, ...] = ()


def commit(
    session: Session, place: Place, requests: Sequence[LoadRequest], *, accept_loss: bool, may_be_late: bool = True
) -> News:
    """Load what the ledger does not have yet, under the lock.

    Args:
        session: In the transaction.
        place: Where.
        requests: What to load.
        accept_loss: Whether to go on without batches that a fold needs and that are gone.
        may_be_late: Whether a later generation does as well. A rebuild was asked for its own rows.

    Raises:
        SealConflict: A batch is committed under another seal of the same generation, or a rebuild was overtaken.
        DataQualityError: A whole-batch rule failed, or rows of an `Append` are in the table already.
        LoadError: COPY brought other rows than were sealed, or a fold needs batches that are gone.
    """
    name = place.dataset.name
    standing = {request.batch.id: ledger.find_current(session, name, request.batch.id) for request in requests}
    wanted = [request for request in requests if not _is_settled(standing[request.batch.id], request.seal)]
    for request in () if may_be_late else requests:
        _refuse_overtaken(session, request, standing[request.batch.id])
    if not wanted:
        return News()
    for request in wanted:
        cursors.refuse_overlap(session, request, standing[request.batch.id])
    is_rewrite = any(_is_in_table(standing[request.batch.id]) and not _only_adds(request) for request in wanted)
    past = place.past([request.batch.id for request in wanted], may_lose=accept_loss or not is_rewrite)
    stage_order(session, name, [request.batch for request in wanted])
    findings, outcome = _write(session, place, wanted, past, standing, is_rewrite=is_rewrite)
    _write_entries(session, place, wanted, findings, outcome)
    return News(frozenset(request.batch.id for request in wanted), past.lost)


def undo(session: Session, place: Place, request: UndoRequest) -> News:
    """Take a batch out, under the lock; a batch that is out already stays so.

    Raises:
        ConfigError: The ledger does not know the batch, or it was never loaded.
        LoadError: Batches that must be read again are gone.
    """
    name = place.dataset.name
    current = ledger.find_current(session, name, request.batch_id)
    if current is not None and current.state == "undone":
        return News()
    if not _is_in_table(current) or current is None:
        raise ConfigError(
            f"Batch {request.batch_id} is not in the table: {current.state if current else 'the ledger does not know it'}.",
            hint=f"`esteira status {name}` lists the batches.",
        )
    past = place.past([request.batch_id], may_lose=request.accept_loss)
    stage_order(session, name, without=request.batch_id)
    writer = writer_for(session, place.dataset, place.config.schema, past)
    writer.take_out(request.batch_id)
    outcome = writer.settle(is_rewrite=True)
    entry = _undone(request, current, past.lost)
    ledger.write_entry(session, name, replace(entry, deleted=outcome.deleted, table_rows=_table_rows(session, place)))
    return News(frozenset({request.batch_id}), past.lost)


def result(session: Session, batch_id: str, place: Place, news: News) -> LoadResult:
    """The ledger row that stands after the transaction."""
    entry = ledger.find_current(session, place.dataset.name, batch_id)
    assert entry is not None  # noqa: S101 - the transaction has just found or written it
    return LoadResult(entry, batch_id in news.written, news.lost)


def _is_in_table(current: LedgerEntry | None) -> bool:
    return current is not None and current.state == "committed"


def _only_adds(request: LoadRequest) -> bool:
    """Whether a generation tells again all that the one in the table tells, so that nothing must be forgotten (decision 12).

    Versions of `Scd2` are joined with those of other batches: what the table hides of them only the lake knows.
    """
    return request.seal.replayed is not None and not isinstance(request.dataset.write, Scd2)


def _is_settled(current: LedgerEntry | None, seal: Seal) -> bool:
    """Whether the ledger needs nothing from this seal: it is in, or another generation has taken its place or that which it goes on from."""
    if seal.replayed and current is not None and current.seal_hash != seal.replayed.seal_hash:
        return True
    if current is None or current.generation < seal.generation:
        return False
    if current.generation == seal.generation and current.seal_hash != seal.hash:
        raise SealConflict(
            f"The ledger holds generation {seal.generation} of this batch with seal {current.seal_hash}; "
            f"this attempt holds seal {seal.hash}."
        )
    return True


def _refuse_overtaken(session: Session, request: LoadRequest, current: LedgerEntry | None) -> None:
    """A later generation from other rows stands, and ours was never in: to take it for ours would lose what was asked for."""
    seal, name = request.seal, request.dataset.name
    if current is None or current.generation <= seal.generation or ledger.has_seal(session, name, seal):
        return
    raise SealConflict(
        f"Generation {current.generation} was committed while this run made generation {seal.generation}.",
        dataset=name,
        batch=request.batch.id,
        hint="Nothing of this run was loaded or deleted. Give the same command again: it goes on from what stands now.",
    )


def _write(
    session: Session,
    place: Place,
    requests: Sequence[LoadRequest],
    past: Past,
    standing: Standing,
    *,
    is_rewrite: bool,
) -> tuple[dict[str, Findings], Outcome]:
    """Stage and check each batch, then write all of them together; returns what the rules found and what became of the rows."""
    findings = {}
    writer = writer_for(session, place.dataset, place.config.schema, past)
    for request in requests:
        findings[request.batch.id] = _bring(session, place, request, writer, standing[request.batch.id])
    outcome = writer.settle(is_rewrite=is_rewrite)
    if past.lost:
        lost = finding("lost", batches=len(past.lost))
        findings = {batch_id: (*others, lost) for batch_id, others in findings.items()}
    return findings, outcome


def _bring(
    session: Session, place: Place, request: LoadRequest, writer: Writer, standing: LedgerEntry | None
) -> Findings:
    """Bring a batch's rows to where the writer settles them: staged and checked, or straight into the table if nothing is to be checked."""
    dataset, role_arn = place.dataset, place.config.copy_role_arn
    is_plain = place.stamps_rows and request.seal.names_batch and not rules.needs_staging(dataset)
    if isinstance(writer, AppendWriter) and is_plain:
        writer.copy(request.batch, request.seal, request.manifest, role_arn)
        return ()
    stage(session, dataset.columns, request.seal, request.manifest, role_arn)
    findings = rules.check(session, request, place.config.schema, standing if _is_in_table(standing) else None)
    writer.take(request.batch)
    return findings


def _write_entries(
    session: Session,
    place: Place,
    requests: Sequence[LoadRequest],
    findings: dict[str, Findings],
    outcome: Outcome,
) -> None:
    """One ledger row for each batch, and its profile. Rows that left the table are told once, with the last of them."""
    table_rows, deleted = _table_rows(session, place), outcome.deleted
    for request in reversed(requests):
        counts = outcome.counts.get(request.batch.id, Counts())
        entry = _entry(request, counts, findings[request.batch.id])
        ledger.write_entry(session, place.dataset.name, replace(entry, deleted=deleted, table_rows=table_rows))
        profiles.write_profile(session, place.dataset.name, request.batch.id, request.seal.generation, request.profile)
        deleted = 0


def _table_rows(session: Session, place: Place) -> int:
    return session.count(f"SELECT COUNT(*) FROM {table_name(place.config.schema, place.dataset.name)}")


def _entry(request: LoadRequest, counts: Counts, findings: Findings) -> LedgerEntry:
    seal = request.seal
    if seal.extracted != seal.curated + seal.quarantined or seal.curated != counts.total:
        raise DataQualityError(
            f"The counts do not add up: extracted {seal.extracted}, curated {seal.curated}, quarantined {seal.quarantined}, "
            f"written {counts}.",
            hint="This is a defect of Esteira, not of the data: nothing was loaded. Report it with this message.",
        )
    warnings = (*seal.warnings, *(str(sentence(each)) for each in findings))
    return LedgerEntry(
        batch_id=request.batch.id, window_start=request.batch.window.start, window_end=request.batch.window.end,
        seal_hash=seal.hash, attempt=seal.attempt, extracted=seal.extracted, curated=seal.curated, quarantined=seal.quarantined,
        inserted=counts.inserted, updated=counts.updated, unchanged=counts.unchanged, stale=counts.stale, duplicate=counts.duplicate,
        total_reported=seal.total_reported, warnings=warnings, findings=findings, run=request.run, version=request.version,
        generation=seal.generation, cursor_start=_text(seal.provenance.cursor_start), cursor_end=_text(seal.provenance.cursor_end),
        seconds=request.seconds_so_far,
    )  # fmt: skip


def _text(value: int | str | None) -> str | None:
    return None if value is None else str(value)


def _undone(request: UndoRequest, current: LedgerEntry, lost: tuple[str, ...]) -> LedgerEntry:
    warnings = (f"{len(lost)} batches could not be read again: {', '.join(lost[:10])}.",) if lost else ()
    return LedgerEntry(
        batch_id=current.batch_id, window_start=current.window_start, window_end=current.window_end,
        generation=current.generation + 1, state="undone", reason=request.reason, warnings=warnings, run=request.run,
        version=request.version,
    )  # fmt: skip
