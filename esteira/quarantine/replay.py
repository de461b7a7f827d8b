"""Refused rows again: those that pass today join the rows of their batch, as its next generation (decision 12).

`plan` says which committed batches have some, `attempt` tries them, `seal` stores and seals the generation. The warehouse commits it only on top of the
seal that it goes on from; otherwise the caller plans anew.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.contract.columns import BATCH_COLUMN, POSITION_COLUMN
from esteira.curate import stored_names
from esteira.curation import with_batch
from esteira.errors import ConfigError
from esteira.failpoints import failpoint
from esteira.lake import Lake, Layout, Part, Replayed, Seal, Seen, TableParts
from esteira.profile import profile_parts, store
from esteira.quarantine.read import committed_seal
from esteira.quarantine.trial import Tally, Trial
from esteira.rebuild import next_generation
from esteira.warehouse import LedgerEntry


@dataclass(frozen=True, slots=True)
class Replay:
    """A committed batch with refused rows.

    Attributes:
        batch: The batch, as the ledger knows it.
        base: The curated seal that stands.
    """

    batch: Batch
    base: Seal


def plan(dataset: Dataset, entries: Collection[LedgerEntry], lake: Lake, batch: str | None = None) -> list[Replay]:
    """What may be replayed, oldest window first.

    Args:
        dataset: The contract.
        entries: The current ledger entry of each batch.
        lake: Where the seals are.
        batch: Only this one.

    Raises:
        ConfigError: The named batch is not in the table.
        SealConflict: The lake holds another seal than the ledger names.
    """
    if batch is not None:
        _require_committed(dataset, batch, entries)
    chosen = [entry for entry in entries if entry.state == "committed" and batch in {None, entry.batch_id}]
    found = ((entry, committed_seal(dataset, entry, lake)) for entry in chosen if entry.quarantined)
    return [Replay(entry.batch(dataset), seal) for entry, seal in found if seal and seal.quarantined]


def attempt(dataset: Dataset, replay: Replay, lake: Lake, rule: str | None = None) -> Tally:
    """What a replay would come to; stores nothing."""
    trial = Trial(dataset, replay.base, lake, rule)
    for _ in trial.run():
        pass
    return trial.tally


def seal(dataset: Dataset, replay: Replay, lake: Lake, rule: str | None = None) -> tuple[Seal | None, Tally]:
    """Store the rows that pass and what is still refused, and seal both with the parts that stand; no seal when none passes.

    Args:
        dataset: The contract.
        replay: The batch.
        lake: Where to.
        rule: Only rows that break this one: `column: rule`, a rule's name or a column's.

    Raises:
        ConfigError: The rows that stand do not fit the columns that the contract has today.
        SealConflict: A part is not what was sealed.
    """
    tally = attempt(dataset, replay, lake, rule)
    if not tally.passed:
        return None, tally
    base = replay.base
    generation = next_generation(dataset.name, base.batch, base.generation, lake)
    parts, trial = _Parts(dataset, Layout(base.dataset, base.batch, generation), lake), Trial(dataset, base, lake, rule)
    try:
        standing = base.parts if _fits(dataset, base, lake) else parts.rewritten(base)
        for tried in trial.run():
            parts.good.write(with_batch(tried.good, dataset, base.batch))
            parts.bad.write(tried.bad)
        made = (*standing, *parts.good.close()), parts.bad.close()
    except BaseException:
        parts.abort()
        raise
    found = _put(dataset, _sealed(dataset, base, parts, made, trial.tally), lake)
    failpoint("replay.seal")
    return found, trial.tally


def _put(dataset: Dataset, made: Seal, lake: Lake) -> Seal:
    """Under the next number that nobody took meanwhile: another run's seal holds other rows."""
    while lake.put_seal("curated", made) != made:
        made = msgspec.structs.replace(
            made, generation=next_generation(dataset.name, made.batch, made.generation, lake)
        )
    return made


class _Parts:
    """What one attempt stores."""

    def __init__(self, dataset: Dataset, layout: Layout, lake: Lake) -> None:
        self._dataset, self.lake, self.layout = dataset, lake, layout
        self.attempt = lake.new_attempt()
        self.good = TableParts(lake, lambda number: layout.part("curated", self.attempt, number))
        self.bad = TableParts(lake, lambda number: layout.part("quarantine", self.attempt, number))

    def rewritten(self, base: Seal) -> tuple[Part, ...]:
        """The rows that stand, in today's columns, before those that come; a column that they do not have is null."""
        for part in base.parts:
            stored = pq.ParquetFile(io.BytesIO(self.lake.read_part(part)))
            for group in range(stored.num_row_groups):
                self.good.write(with_batch(self._cast(stored.read_row_group(group), base), self._dataset, base.batch))
        return ()

    def abort(self) -> None:
        """Throw away what is not stored yet."""
        self.good.abort()
        self.bad.abort()

    def _cast(self, table: pa.Table, base: Seal) -> pa.Table:
        columns = {each.name: each.arrow for each in self._dataset.columns} | {POSITION_COLUMN: pa.int64()}
        try:
            return pa.table(
                {
                    name: table.column(name).cast(kind) if name in table.column_names else pa.nulls(len(table), kind)
                    for name, kind in columns.items()
                }
            )
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as exc:
            raise ConfigError(
                f"Rows that are in the table do not fit the columns that the contract has today: {type(exc).__name__}.",
                dataset=self._dataset.name,
                batch=base.batch,
                hint=f"Load the batch again as a whole: `esteira ingest {self._dataset.name} --from raw --batch {base.batch}`.",
            ) from None  # Arrow's words name a value


def _fits(dataset: Dataset, base: Seal, lake: Lake) -> bool:
    """Whether the parts that stand have today's columns; seals from before columns were recorded leave it to the parts."""
    if base.columns or not base.parts:
        return base.columns == stored_names(dataset) or not base.parts
    fields = pq.read_schema(io.BytesIO(lake.read_part(base.parts[0])))
    stored = (f"{field.name} {field.type}" for field in fields if field.name not in {POSITION_COLUMN, BATCH_COLUMN})
    return tuple(stored) == stored_names(dataset)


def _sealed(
    dataset: Dataset, base: Seal, parts: _Parts, made: tuple[tuple[Part, ...], tuple[Part, ...]], tally: Tally
) -> Seal:
    """The columns are profiled anew, from all the parts: of those that stood nobody saw the rows this time."""
    lake = parts.lake
    profiles = profile_parts(made[0], dataset.columns, lake)
    curated = base.curated + tally.passed
    return msgspec.structs.replace(
        base,
        attempt=parts.attempt,
        parts=made[0],
        quarantine=made[1],
        curated=curated,
        quarantined=base.quarantined - tally.passed,
        reasons=dict(sorted(tally.reasons.items())),
        generation=parts.layout.generation,
        columns=stored_names(dataset),
        replayed=Replayed(base.hash, base.generation, tally.passed),
        seen=_seen(base, tally),
        profile=store(lake, parts.layout.profile(parts.attempt), profiles, curated),
    )


def _seen(base: Seal, tally: Tally) -> Seen | None:
    """What the source had besides stays told; what was forgiven now comes to it."""
    if not tally.nulled:
        return base.seen
    before = base.seen or Seen()
    return msgspec.structs.replace(before, nulled=dict(sorted((tally.nulled + Counter(before.nulled)).items())))


def _require_committed(dataset: Dataset, batch: str, entries: Collection[LedgerEntry]) -> None:
    entry = next((each for each in entries if each.batch_id == batch), None)
    if entry is not None and entry.state == "committed":
        return
    state = entry.state if entry else "not in the ledger"
    hint = (
        f"`esteira ingest {dataset.name} --from raw --batch {batch}` brings it back, under today's contract."
        if state == "undone"
        else f"Nothing of it is in the table, so it is run again as a whole: `esteira ingest {dataset.name}`."
    )
    raise ConfigError(
        f"Batch {batch} is {state}, so there are no rows to join.", dataset=dataset.name, batch=batch, hint=hint
    )
