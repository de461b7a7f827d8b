"""The drop zone: what people put into `inbox/<dataset>/`, and what is given back to them in `inbox-rejected/`.

Each version of an object is one drop: who overwrites a file that waits has dropped two, and who deletes it has taken back what waited.
The bucket is versioned, so a drop is never changed; it leaves the inbox by its version, and a newer one of the same name stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from esteira.errors import ConfigError, LakeUnavailable
from esteira.failpoints import failpoint
from esteira.lake.bucket import Bucket, code_of
from esteira.lake.writing import MIB, GrowingObject

INBOX = "inbox/"
"""What people drop for a dataset: `inbox/<dataset>/<file>`.

Written by people, under the role of `ESTEIRA_DROP_PROFILE` or with `esteira drop`. Deleted by the run that took or refused it, by its version.
"""
REJECTED = "inbox-rejected/"
"""What was refused, in a folder for each refusal, with a letter that says why in both languages.

Written by the run that refused it. Deleted by the bucket's lifecycle.
"""
REASON_SUFFIX = ".MOTIVO-REASON.txt"
_BLOCK_BYTES = MIB
_MAX_NAME_BYTES = 200
_GONE = frozenset({"NoSuchVersion", "NoSuchKey", "404", "NotFound", "MethodNotAllowed"})
"""S3's answers to a version that was deleted; the last one is that to a delete marker."""


@dataclass(frozen=True, slots=True)
class Drop:
    """One version of an object of the inbox.

    Attributes:
        key, version_id: The object.
        size_bytes: Its size.
        moment: When S3 received it, by its own clock in whole seconds.
    """

    key: str
    version_id: str
    size_bytes: int
    moment: datetime

    @property
    def dataset(self) -> str:
        """The folder that it lies in; empty when it lies in none."""
        folder, slash, _ = self.key.removeprefix(INBOX).partition("/")
        return folder if slash else ""

    @property
    def name(self) -> str:
        """The file's name."""
        return self.key.rpartition("/")[2]

    @property
    def is_folder(self) -> bool:
        """Whether it only stands for a folder, as consoles make them."""
        return self.key.endswith("/")

    @property
    def place(self) -> str:
        """The object and its version."""
        return f"{self.key}?versionId={self.version_id}"

    @property
    def rejected_key(self) -> str:
        """Where it goes when it cannot be taken: in a folder of its own, since a file of the same name may be refused again."""
        folder = f"{self.moment.astimezone(UTC):%Y-%m-%dT%H%M%SZ}-{self.version_id[:8]}"
        return f"{REJECTED}{_safe(self.dataset, 'unknown')}/{folder}/{_safe(self.name, 'file')}"


class DropZone:
    """The inbox of one bucket.

    Args:
        bucket: The lake's.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    @classmethod
    def under(cls, bucket: str, profile: str | None) -> DropZone:
        """Open it as one who may drop: with an AWS profile, or with the process's own credentials.

        Raises:
            ConfigError: The profile does not exist.
        """
        try:
            return cls(Bucket(bucket, boto3.Session(profile_name=profile) if profile else None))
        except BotoCoreError as exc:
            raise ConfigError(f"ESTEIRA_DROP_PROFILE={profile}: {exc}.", hint="Name a profile that exists.") from exc

    @property
    def bucket(self) -> Bucket:
        """Where it is, under the identity that it was opened with."""
        return self._bucket

    def waiting(self, dataset: str) -> list[Drop]:
        """What waits of a dataset, oldest first."""
        found = self._drops(f"{INBOX}{dataset}/")
        return sorted(
            (each for each in found if not each.is_folder), key=lambda each: (each.moment, each.key, each.version_id)
        )

    def find(self, key: str, version_id: str) -> Drop | None:
        """One drop, or None when it was taken, or taken back, meanwhile."""
        return next((each for each in self._drops(key) if (each.key, each.version_id) == (key, version_id)), None)

    def put(self, path: Path, dataset: str) -> str:
        """Drop a file; returns its key.

        Raises:
            AuthError: S3 denies the write.
            LakeUnavailable: S3 does not take it after retries.
        """
        growing = GrowingObject(self._bucket, f"{INBOX}{dataset}/{path.name}")
        try:
            with path.open("rb") as opened:
                while block := opened.read(_BLOCK_BYTES):
                    growing.write(block)
            return growing.finish(rows=0).key
        except BaseException:
            growing.abort()
            raise

    def fetch(self, drop: Drop, path: Path) -> bool:
        """Download a drop to a disk; whether it was still there.

        Raises:
            LakeUnavailable: S3 does not answer, or sends less than it lists.
        """
        with self._bucket.translated("s3:GetObjectVersion", drop.key):
            try:
                answer = self._bucket.client.get_object(**self._place(drop))
            except ClientError as exc:
                if code_of(exc) in _GONE:
                    return False
                raise
            with path.open("wb") as opened:
                for block in answer["Body"].iter_chunks(_BLOCK_BYTES):
                    opened.write(block)
        if path.stat().st_size != drop.size_bytes:
            raise LakeUnavailable(
                f"{self._bucket.uri(drop.key)} came with {path.stat().st_size} bytes, and S3 lists {drop.size_bytes}."
            )
        return True

    def remove(self, drop: Drop) -> None:
        """Take a drop out of the inbox; one that is gone already is no error."""
        with self._bucket.translated("s3:DeleteObjectVersion", drop.key):
            self._bucket.client.delete_object(**self._place(drop))
        failpoint("inbox.remove")

    def reject(self, drop: Drop, reason: str) -> str:
        """Move a drop to where its owner finds it with the reason beside it; returns the reason's key.

        The reason first and the inbox last: whoever finds the one finds the other, and what is interrupted is done again.

        Args:
            drop: What cannot be taken.
            reason: For the person who dropped it.
        """
        key = f"{drop.rejected_key}{REASON_SUFFIX}"
        self._bucket.put(
            key, reason.encode("utf-8-sig")
        )  # Windows' editor takes it for its own code page without the mark
        failpoint("inbox.reason")
        if self._copied(drop):
            failpoint("inbox.copy")
            self.remove(drop)
        return key

    def _copied(self, drop: Drop) -> bool:
        """In S3 itself, so that a file that is too large to be read is moved too."""
        with self._bucket.translated("s3:PutObject", drop.rejected_key):
            try:
                self._bucket.client.copy(self._place(drop), self._bucket.bucket, drop.rejected_key)
            except ClientError as exc:
                if code_of(exc) in _GONE:
                    return False
                raise
            return True

    def _place(self, drop: Drop) -> dict[str, str]:
        return {"Bucket": self._bucket.bucket, "Key": drop.key, "VersionId": drop.version_id}

    def _drops(self, prefix: str) -> Iterator[Drop]:
        """Every version below a prefix that was not taken back."""
        versions, markers = self._listed(prefix)
        for entry in versions:
            if not any(_takes_back(marker, entry) for marker in markers.get(entry["Key"], ())):
                yield Drop(entry["Key"], entry["VersionId"], int(entry["Size"]), entry["LastModified"])

    def _listed(self, prefix: str) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
        versions: list[dict[str, Any]] = []
        markers: dict[str, list[dict[str, Any]]] = {}
        with self._bucket.translated("s3:ListBucketVersions", prefix):
            pages = self._bucket.client.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket.bucket, Prefix=prefix
            )
            for page in pages:
                versions += page.get("Versions", ())
                for marker in page.get("DeleteMarkers", ()):
                    markers.setdefault(marker["Key"], []).append(marker)
        return versions, markers


def _takes_back(marker: dict[str, Any], version: dict[str, Any]) -> bool:
    """Whether a delete marker lies above a version. Within a second only the latest one is sure to: what may be newer is kept."""
    return bool(marker["IsLatest"] or version["LastModified"] < marker["LastModified"])


def _safe(name: str, otherwise: str) -> str:
    """A piece of a key that lists and downloads everywhere, or a plain word."""
    is_plain = name.isprintable() and name not in {"", ".", ".."} and "\\" not in name
    return name if is_plain and len(name.encode()) <= _MAX_NAME_BYTES else otherwise
