"""Step two: sealed raw parts into sealed curated and quarantine parts. A pure function of the raw seal and the contract."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa

from esteira.contract import Dataset
from esteira.contract.columns import BATCH_COLUMN
from esteira.drift.report import drift_error, warnings_of
from esteira.drift.watch import Watch
from esteira.errors import DataQualityError, EsteiraError
from esteira.failpoints import failpoint
from esteira.gathered import CuratedParts, Gathered
from esteira.in_order import AtOnce, InOrder
from esteira.lake import Lake, Layout, Part, Seal, TableParts
from esteira.lake.files import fetch_file
from esteira.lake.layout import Zone
from esteira.lake.seal import BATCH_STORED
from esteira.lake.taken import adopted
from esteira.profile import Profiler
from esteira.quality import Curated, Decoded, curate_decoded, decode
from esteira.quality.rejection import SHOWN_PLACES, places_of
from esteira.raw import stored_pages
from esteira.spreadsheet import read_pieces

Records = Sequence[msgspec.Raw]
Stage = type[InOrder[None]] | type[AtOnce[None]]
CHUNK_BYTES = 6 * 1024 * 1024
"""JSON that is decoded and validated at a time. Large enough that the cost of a call does not count, small enough to bound memory."""
WAITING_CHUNKS = 4
"""Curated chunks (2 MB each) that may wait for the writer: most it only keeps, and about every fourth makes a row group, which takes as long as four."""
RELEASE_AFTER_CHUNKS = 24
"""What chunks leave behind adds up over a long batch, so from here on it is given back after each; a short one is over before it counts."""


def curate(
    dataset: Dataset,
    raw: Seal,
    *,
    lake: Lake,
    generation: int = 1,
    ahead: CuratedParts | None = None,
    is_limited: bool = True,
) -> Seal:
    """Validate a sealed raw batch and seal the result as a generation; returns the seal that stands, ours or an earlier one.

    Args:
        dataset: The contract.
        raw: The raw seal.
        lake: Where the parts are.
        generation: Which loading of the batch.
        ahead: What was curated while the batch was extracted; used when it was made from the very parts that are sealed.
        is_limited: Whether too many quarantined rows, or too few at all, stop it. An erasure they do not: then the seal warns of them.

    Raises:
        DataQualityError: The share of quarantined rows is above the contract's limit; nothing is sealed.
        ContractError: The source drifted.
        SealConflict: A raw part is not what was sealed, or another run has taken the number for other rows.
    """
    try:
        generation, sealed = lake.find_standing("curated", raw.dataset, raw.batch, generation)
        if sealed:
            return adopted(sealed, raw)
        layout = Layout(raw.dataset, raw.batch, generation)
        fits = ahead is not None and (ahead.layout, ahead.raw) == (layout, raw.parts)
        made = ahead if ahead is not None and fits else _curated(dataset, raw, layout, lake)
        if made.broken:
            beside = () if dataset.new_columns == "ignore" else made.new  # one of them may be what is missing, renamed
            raise drift_error(dataset, layout, (*made.broken, *beside), lake)
        excess = _excess(made, raw, dataset)
        if excess and is_limited:
            raise excess
        seal = adopted(
            lake.put_seal("curated", _new_seal(made, raw, dataset, (excess.message,) if excess else ())), raw
        )
    except EsteiraError as exc:
        raise exc.located(dataset=raw.dataset, batch=raw.batch) from exc.__cause__
    failpoint("curate.seal")
    return seal


class Curation:
    """One attempt: takes records in the order of the batch and stores them chunk by chunk, so memory is bounded by chunks.

    Decoding, validating and writing are three stages, each a thread: one chunk is in each at the most. The last one has time to spare, so it
    profiles the columns as well.

    Args:
        dataset: The contract.
        layout: Whose parts.
        lake: Where to.
        first_row: Position of the first record in the batch.
        first_part: Number of the first part.
        stage: How a stage works: beside the caller, or `AtOnce` where other parts are curated beside this one.
    """

    def __init__(
        self,
        dataset: Dataset,
        layout: Layout,
        lake: Lake,
        *,
        first_row: int = 0,
        first_part: int = 1,
        stage: type[InOrder[None] | AtOnce[None]] = InOrder,
    ) -> None:
        self._dataset, self._layout, self._lake = dataset, layout, lake
        self._attempt, self._first_row, self._first_part = lake.new_attempt(), first_row, first_part
        self._all = Gathered(Watch(dataset), Profiler(dataset.columns))
        self._good = TableParts(lake, self._keys("curated"), _stored, self._all.profiler.add)
        self._bad = TableParts(lake, self._keys("quarantine"), _stored)
        self._validating = stage("esteira-validate")
        self._writing = stage("esteira-parquet", depth=WAITING_CHUNKS)
        self._written = 0

    def _keys(self, zone: Zone) -> Callable[[int], str]:
        return lambda number: self._layout.part(zone, self._attempt, self._first_part + number - 1)

    def add(self, records: Records) -> None:
        """Take the next records of the batch.

        Raises:
            ContractError: The source has an unknown column under `new_columns="fail"`.
            DataQualityError: A bad value under `bad_values="fail"`.
        """
        self.add_decoded(decode(records, self._dataset), records)

    def add_decoded(self, decoded: Decoded, records: Records) -> None:
        """Take the next rows of a batch that were read from a file, and how they are printed there.

        Raises:
            As `add`.
        """
        self._all.watch.see(decoded, records)
        if decoded.new_columns and self._dataset.new_columns == "fail":
            raise drift_error(self._dataset, self._layout, tuple(self._all.watch.new()), self._lake)
        self._validating.run(self._validate, decoded, records)

    def _validate(self, decoded: Decoded, records: Records) -> None:
        found = self._all
        curated = curate_decoded(decoded, records, self._dataset, first_row=self._first_row + found.rows)
        found.rows += len(records)
        found.bad_rows += curated.bad_rows
        found.reasons.update(curated.reasons)
        found.places += places_of(curated.bad, SHOWN_PLACES - len(found.places))
        found.nulled.update(curated.nulled)
        self._writing.run(self._write, curated)

    def close(self, raw: Iterable[Part]) -> CuratedParts:
        """Store what is left, and the profile.

        Args:
            raw: The raw parts whose records were added.
        """
        return self.gathered().stored(self._layout, self._attempt, raw, self._lake)

    def gathered(self) -> Gathered:
        """Store what is left; the profile is its owner's."""
        for stage in (self._validating, self._writing):
            stage.wait()
            stage.stop()
        self._all.good, self._all.bad = self._good.close(), self._bad.close()
        return self._all

    def abort(self) -> None:
        """Throw away what is not stored yet."""
        self._validating.stop()
        self._writing.stop()
        self._good.abort()
        self._bad.abort()

    def _write(self, curated: Curated) -> None:
        self._good.write(with_batch(curated.good, self._dataset, self._layout.batch))
        self._bad.write(curated.bad)
        self._written += 1
        if self._written > RELEASE_AFTER_CHUNKS:
            pa.default_memory_pool().release_unused()


class Chunks:
    """Cuts pages into chunks of about `CHUNK_BYTES`, whatever the pages' sizes."""

    def __init__(self) -> None:
        self._records: list[msgspec.Raw] = []
        self._size = 0

    def add(self, records: Records, size_bytes: int) -> Iterator[Records]:
        """Take a page; gives the chunks that are full now.

        Args:
            records: Its records.
            size_bytes: Its size.
        """
        self._records.extend(records)
        self._size += size_bytes
        if self._size < CHUNK_BYTES:
            return
        full, pieces = self._records, round(self._size / CHUNK_BYTES)
        self._records, self._size = [], 0
        rows = -(-len(full) // pieces) or 1
        for start in range(0, len(full), rows):
            yield full[start : start + rows]

    def rest(self) -> Records:
        """What is left."""
        return self._records


def _curated(dataset: Dataset, raw: Seal, layout: Layout, lake: Lake) -> CuratedParts:
    curation = Curation(dataset, layout, lake)
    try:
        if raw.provenance.file is None:
            feed_pages(curation, stored_pages(raw.parts, dataset.api, lake))
        else:
            _feed_file(curation, dataset, raw, lake)
        return curation.close(raw.parts)
    except BaseException:
        curation.abort()
        raise


def feed_pages(curation: Curation, pages: Iterable[tuple[Records, int]]) -> None:
    """All of them, cut into chunks.

    Args:
        curation: An attempt that nobody else feeds.
        pages: The records and the size of each.
    """
    chunks = Chunks()
    for records, size_bytes in pages:
        for chunk in chunks.add(records, size_bytes):
            curation.add(chunk)
    if chunks.rest():
        curation.add(chunks.rest())


def _feed_file(curation: Curation, dataset: Dataset, raw: Seal, lake: Lake) -> None:
    """From the lake to this machine's disk, since readers of workbooks need the whole file at hand, and from there piece by piece."""
    assert raw.provenance.file is not None  # noqa: S101 - asked only of a batch that is a file
    with tempfile.TemporaryDirectory(prefix="esteira-file-") as folder:
        path = Path(folder) / "file"
        fetch_file(raw, path, lake)
        for piece in read_pieces(path, raw.provenance.file.name, dataset):
            curation.add_decoded(piece.decoded, piece.rows)


def _excess(made: CuratedParts, raw: Seal, dataset: Dataset) -> DataQualityError | None:
    """What the contract's limits say of a batch, or None."""
    limit, extracted = dataset.quality.max_quarantine_ratio, _extracted(made, raw)
    if raw.provenance.file and extracted < dataset.quality.min_rows:
        return DataQualityError(
            f"The file has {extracted} rows; the contract's floor (min_rows) is {dataset.quality.min_rows}.",
            hint="Nothing was loaded. Ask who made the file whether it is really that short; if so, lower min_rows.",
        )
    if extracted and made.bad_rows / extracted > limit:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in Counter(made.reasons).most_common(3))
        return DataQualityError(
            f"{made.bad_rows} of {extracted} rows break their rules ({made.bad_rows / extracted:.2%}; "
            f"the limit is {limit:.2%}): {reasons}.{' At: ' * bool(made.places)}{', '.join(made.places)}",
            extracted=extracted,
            quarantined=made.bad_rows,
            refused=dict(made.reasons),
        )
    return None


def _extracted(made: CuratedParts, raw: Seal) -> int:
    """What the raw seal counted; the rows of a file are counted where it is read, since another contract may find its table elsewhere."""
    return raw.extracted if raw.provenance.file is None else made.rows


def _new_seal(made: CuratedParts, raw: Seal, dataset: Dataset, excess: tuple[str, ...]) -> Seal:
    return Seal(
        dataset=raw.dataset,
        batch=raw.batch,
        attempt=made.attempt,
        parts=made.good,
        quarantine=made.bad,
        extracted=_extracted(made, raw),
        curated=_extracted(made, raw) - made.bad_rows,
        quarantined=made.bad_rows,
        total_reported=raw.total_reported,
        reasons=made.reasons,
        warnings=(*raw.warnings, *warnings_of(made.new, made.seen, dataset), *excess),
        raw_seal=raw.hash,
        raw_generation=raw.generation,
        generation=made.layout.generation,
        columns=stored_names(dataset),
        provenance=raw.provenance,
        profile=made.profile,
        seen=made.seen,
    )


def stored_names(dataset: Dataset) -> tuple[str, ...]:
    """The columns of curated parts as their seal records them."""
    return (*(column.stored for column in dataset.columns), *((BATCH_STORED,) if dataset.names_batch else ()))


def with_batch(rows: pa.Table, dataset: Dataset, batch: str) -> pa.Table:
    """Good rows as they are stored: each names its batch where COPY brings it into the table as it is."""
    return rows.append_column(BATCH_COLUMN, pa.repeat(batch, rows.num_rows)) if dataset.names_batch else rows


def _stored() -> None:
    failpoint("curate.part")
