"""Files in raw, byte for byte: uploaded from a disk in parts, and put together again on a disk. Neither is ever whole in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from esteira.failpoints import failpoint
from esteira.lake.layout import Layout
from esteira.lake.seal import Part, Seal
from esteira.lake.store import Lake
from esteira.lake.writing import MIB, GrowingObject

FILE_PART_BYTES = 64 * MIB
"""What is read back at a time. Nearly every spreadsheet is smaller, and so one object that can be downloaded and opened."""
_BLOCK_BYTES = MIB


def file_hash(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def store_file(path: Path, layout: Layout, attempt: str, lake: Lake) -> tuple[Part, ...]:
    """Upload a file as the raw parts of a batch.

    Args:
        path: The file.
        layout: Whose parts.
        attempt: An attempt that has stored nothing yet.
        lake: Where to.

    Raises:
        AuthError: S3 denies the write.
        LakeUnavailable: S3 does not take it after retries.
    """
    left, parts = path.stat().st_size, list[Part]()
    with path.open("rb") as opened:
        while left or not parts:
            growing = GrowingObject(lake, layout.file_part(attempt, len(parts) + 1))
            parts.append(_stored(growing, opened, min(left, FILE_PART_BYTES)))
            left -= parts[-1].size_bytes
            failpoint("extract.part")
    return tuple(parts)


def fetch_file(raw: Seal, path: Path, lake: Lake) -> None:
    """Put a sealed file together again.

    Args:
        raw: A raw seal whose parts are a file.
        path: Where to write it; the caller removes it.
        lake: Where from.

    Raises:
        SealConflict: A part is missing, or is not what was sealed.
        LakeUnavailable: S3 does not answer.
    """
    with path.open("wb") as opened:
        for part in raw.parts:
            opened.write(lake.read_part(part))


def _stored(growing: GrowingObject, opened: BinaryIO, size_bytes: int) -> Part:
    try:
        for block in _blocks(opened, size_bytes):
            growing.write(block)
        return growing.finish(rows=0)
    except BaseException:
        growing.abort()
        raise


def _blocks(opened: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    while size_bytes:
        block = opened.read(min(size_bytes, _BLOCK_BYTES))
        if not block:
            raise OSError(f"{opened.name} became shorter while it was read")
        size_bytes -= len(block)
        yield block
