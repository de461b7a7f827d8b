"""What a seal says: which parts a batch consists of, where they came from, and what stands in its place when they are purged."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

BATCH_STORED = "_esteira_batch string"
"""Stands last among a seal's columns when each row of the parts names its batch, behind its position."""
_UNSAID = (
    b',"seen":null}',
    b',"profile":null}',
    b',"replayed":null}',
    b',"provenance":{}}',
    b',"erased":0}',
    b',"columns":[]}',
)
"""The newest fields, last one first, as they end a seal that says nothing in them."""


class PagePointer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One page inside a raw part.

    Attributes:
        number: Counts from 1 in the batch.
        size_bytes: Its length before compression.
        rows: Records in it.
        given: A JSON object of the parent's values that are added to each of its records; the page itself stays what the portal sent.
        repeated: Positions in it of records that were on the page before; they are not among its `rows`.
        index_bytes: Where one pointer stands for all pages of the part: length of the index that lies behind them (esteira.lake.index).
    """

    number: int
    size_bytes: int
    rows: int
    given: str = ""
    repeated: tuple[int, ...] = ()
    index_bytes: int = 0


class Part(msgspec.Struct, frozen=True):
    """One stored chunk.

    Attributes:
        key: Object key.
        size_bytes: Size of the stored object.
        sha256: Hash of the stored object.
        rows: Records in it.
        pages: The pages of a raw part, in order.
        first_row: Position of its first record in the batch, from 0.
        text_bytes: Longest value of each text column in UTF-8 bytes (curated parts).
    """

    key: str
    size_bytes: int
    sha256: str
    rows: int
    pages: tuple[PagePointer, ...] = ()
    first_row: int = 0
    text_bytes: dict[str, int] = {}


class ParentSeal(msgspec.Struct, frozen=True):
    """The batch of a parent whose rows were walked: its curated seal."""

    dataset: str
    batch: str
    generation: int
    seal_hash: str


class SealedFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that is a batch: its raw parts, one behind the other, are its bytes.

    Attributes:
        name: What it was called where it came from.
        size_bytes: Its size.
        sha256: Hash of its bytes; the batch's id begins with it.
        moment: Which of two files is newer: recorded with the first sealing, and kept however often the same bytes come again.
        place: Where it came from, for people and to know it again: an object of the inbox and its version, or a portal's link.
    """

    name: str
    size_bytes: int
    sha256: str
    moment: datetime
    place: str = ""


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an extraction began with and what it came to, beside the rows.

    Attributes:
        cursor_start: The value of a cursor that is no time that the portal was asked with.
        cursor_end: The largest value of it that arrived; None when no row did.
        parent: The batch of the parent that was walked.
        etag, modified: The answer's `ETag` and `Last-Modified`, of a source that skips what has not changed.
        file: The file that the batch is, of a source of files.
    """

    cursor_start: int | str | None = None
    cursor_end: int | str | None = None
    parent: ParentSeal | None = None
    etag: str | None = None
    modified: str | None = None
    file: SealedFile | None = None


class Tombstone(msgspec.Struct, frozen=True):
    """What stands beside the seal of a generation whose parts were purged because they held a person's rows. Names nobody.

    Attributes:
        purged_at: When.
        request: Id of the request.
        replaced_by: The generation that took its place; nothing else of the batch is left.
        objects: How many of the objects that its seal names were deleted.
    """

    purged_at: datetime
    request: str
    replaced_by: int
    objects: int


class Replayed(msgspec.Struct, frozen=True):
    """What a generation adds to another: rows that were refused there and pass now (decision 12).

    Attributes:
        seal_hash, generation: The curated seal that it goes on from.
        rows: How many came.
    """

    seal_hash: str
    generation: int
    rows: int


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """How what a curated batch was made from differs from its contract, without any value.

    Attributes:
        new: Portal's name of each column that the contract does not know, and what it holds.
        absent: Optional columns of the contract that are in no record.
        nulled: Bad values that were made null, by `column: rule`.
    """

    new: dict[str, str] = {}
    absent: tuple[str, ...] = ()
    nulled: dict[str, int] = {}


class Seal(msgspec.Struct, frozen=True):
    """Which parts a batch consists of, frozen by a conditional write.

    Attributes:
        dataset, batch: Whose it is.
        attempt: The attempt that sealed.
        parts: Raw or curated parts in order.
        quarantine: Quarantine parts (curated seal only).
        extracted: Records received.
        curated: Records that satisfy every row rule (curated seal only).
        quarantined: Records that do not (curated seal only).
        total_reported: The total that the portal told, or None.
        reasons: Quarantined rows by `column: rule` (curated seal only).
        warnings: What the contract says to mention and not to stop for.
        raw_seal: Hash of the raw seal that a curated seal was made from.
        raw_generation: Generation of that raw seal.
        generation: Which loading of the batch, from 1.
        columns: Name and type of each column of the curated parts, in their order; the row's position comes behind them. Empty in seals
            from before they were recorded.
        erased: Records that were received and erased since (raw seal only): the portal's total is `extracted + erased`.
        provenance: What the extraction began with and came to.
        replayed: Of a generation that a replay made, what it goes on from (curated seal only).
        profile: The object that says what the columns of the curated parts hold; None in raw, and from before there were any. Its rows are
            those that it describes.
        seen: How the source differed from the contract; None in raw seals, and in those from before it was recorded.
    """

    dataset: str
    batch: str
    attempt: str
    parts: tuple[Part, ...]
    extracted: int
    quarantine: tuple[Part, ...] = ()
    curated: int = 0
    quarantined: int = 0
    total_reported: int | None = None
    reasons: dict[str, int] = {}
    warnings: tuple[str, ...] = ()
    raw_seal: str | None = None
    raw_generation: int = 1
    generation: int = 1
    columns: tuple[str, ...] = ()
    erased: int = 0
    provenance: Provenance = Provenance()
    replayed: Replayed | None = None
    profile: Part | None = None
    seen: Seen | None = None

    def encode(self) -> bytes:
        """Canonical JSON; a seal from before a field was recorded keeps its bytes, and with them its hash."""
        encoded = msgspec.json.encode(self, order="deterministic")
        for unsaid in _UNSAID:
            encoded = encoded[: -len(unsaid)] + b"}" if encoded.endswith(unsaid) else encoded
        return encoded

    @property
    def names_batch(self) -> bool:
        """Whether each row of the curated parts names its batch."""
        return self.columns[-1:] == (BATCH_STORED,)

    @property
    def hash(self) -> str:
        """sha256 of the canonical JSON: the batch's identity in the ledger."""
        return hashlib.sha256(self.encode()).hexdigest()
