"""Exports in the lake: a version for each state of a table, complete when its note stands, and `latest`, which names one of them.

A version's objects are written once, below an attempt of their own. What is read is what a note names, so a process that dies in the middle
leaves objects that nobody reads and `maintenance` removes.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec

from esteira.errors import SealConflict
from esteira.lake.bucket import Bucket
from esteira.lake.layout import export_latest, export_note, export_pointer
from esteira.lake.writing import MIB, GrowingObject


class ExportFile(msgspec.Struct, frozen=True):
    """A file or a folder of one version.

    Attributes:
        format, locale: What the contract asked for.
        key: Its object; of Parquet the folder.
        name: What people call the file; empty of Parquet.
        size_bytes, sha256: Of the file; of Parquet its sizes together, and nothing.
    """

    format: str
    locale: str
    key: str
    name: str = ""
    size_bytes: int = 0
    sha256: str = ""


class ExportVersion(msgspec.Struct, frozen=True):
    """What a table held at one moment, and the files that hold it.

    Attributes:
        dataset, version: Whose, and its id: the ledger's sequence number, the batch, and a hash of what was asked for.
        sequence, batch, generation, seal_hash: The last change of the table that is in it.
        loaded_up_to, committed_at: Of the dataset, and of that change.
        made_at: When the rows were asked for.
        rows: How many.
        columns, left_out: Names of those that are in it, and of the personal ones that are not.
        files: What there is.
        made_by: Version of Esteira.
    """

    dataset: str
    version: str
    sequence: int
    batch: str
    generation: int
    seal_hash: str
    loaded_up_to: datetime | None
    committed_at: datetime | None
    made_at: datetime
    rows: int
    columns: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    files: tuple[ExportFile, ...] = ()
    made_by: str = ""


def find_version(lake: Bucket, dataset: str, version: str) -> ExportVersion | None:
    """A complete version, or None."""
    return _read(lake, export_note(dataset, version))


def find_latest(lake: Bucket, dataset: str) -> ExportVersion | None:
    """The version to read, or None."""
    return _read(lake, export_pointer(dataset))


def put_version(lake: Bucket, made: ExportVersion) -> ExportVersion:
    """Note a version as complete, or adopt the one that another process completed first."""
    key = export_note(made.dataset, made.version)
    if lake.put_if_absent(key, msgspec.json.encode(made)):
        return made
    return find_version(lake, made.dataset, made.version) or made


def point_at(lake: Bucket, version: ExportVersion) -> bool:
    """Make it the version to read, unless a newer one is; whether it is now.

    The files under names that do not change follow one by one, each replaced as a whole. The pointer comes last: what it names is all there.
    """
    latest = find_latest(lake, version.dataset)
    if latest is not None and latest.sequence > version.sequence:
        return False
    if latest is not None and latest.version == version.version:
        return True
    for file in version.files:
        if file.name:
            _copy(lake, file, export_latest(version.dataset, file.name))
    lake.put(export_pointer(version.dataset), msgspec.json.encode(version), content_type="application/json")
    return True


def store_export(lake: Bucket, path: Path, key: str) -> tuple[int, str]:
    """Upload a file from a disk; its size and sha256. Nothing is visible before all of it is there."""
    growing = GrowingObject(lake, key)
    try:
        with path.open("rb") as opened:
            while block := opened.read(MIB):
                growing.write(block)
        part = growing.finish(rows=0)
    except BaseException:
        growing.abort()
        raise
    return part.size_bytes, part.sha256


def fetch_object(lake: Bucket, key: str, path: Path) -> None:
    """Put an object on a disk, a piece at a time.

    Raises:
        LakeUnavailable: S3 does not answer, or breaks off.
    """
    with lake.translated("s3:GetObject", key), path.open("wb") as opened:
        for block in lake.client.get_object(Bucket=lake.bucket, Key=key)["Body"].iter_chunks(MIB):
            opened.write(block)


def version_id(sequence: int, batch: str, asked: object) -> str:
    """The id of a version; what is asked for is part of it, so that a contract with another export gets another version."""
    return f"{sequence:08d}-{batch}-{hashlib.sha256(repr(asked).encode()).hexdigest()[:8]}"


def _copy(lake: Bucket, file: ExportFile, key: str) -> None:
    """S3's own copy: it appears as a whole. Whoever changed an object under `latest/` meanwhile loses."""
    with lake.translated("s3:PutObject", key):
        lake.client.copy(
            {"Bucket": lake.bucket, "Key": file.key}, lake.bucket, key, ExtraArgs={"MetadataDirective": "COPY"}
        )


def _read(lake: Bucket, key: str) -> ExportVersion | None:
    content = lake.get(key)
    try:
        return None if content is None else msgspec.json.decode(content, type=ExportVersion)
    except msgspec.DecodeError as exc:
        raise SealConflict(
            f"{lake.uri(key)} cannot be read as the note of an export: {exc}.",
            hint="Delete the object; the next run writes it again.",
        ) from exc
