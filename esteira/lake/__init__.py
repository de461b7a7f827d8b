"""The lake: every S3 key, part and seal.

Nothing else builds a key. Objects are written once and never overwritten; what a batch consists of is what its seal says.
"""

from esteira.lake.attempt import AttemptNote, Checkpoint
from esteira.lake.layout import Layout
from esteira.lake.seal import (
    PagePointer,
    ParentSeal,
    Part,
    Provenance,
    Replayed,
    Seal,
    SealedFile,
    Seen,
    Tombstone,
)
from esteira.lake.store import Lake
from esteira.lake.writing import TableParts

__all__ = [
    "AttemptNote",
    "Checkpoint",
    "Lake",
    "Layout",
    "PagePointer",
    "ParentSeal",
    "Part",
    "Provenance",
    "Replayed",
    "Seal",
    "SealedFile",
    "Seen",
    "TableParts",
    "Tombstone",
]
