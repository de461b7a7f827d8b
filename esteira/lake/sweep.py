"""Taking objects out of the lake: what lies there of a dataset, and deleting it.

Owns the only deletes. What may go is decided in `esteira.upkeep`; nothing here chooses. The pipeline's own role may not delete, so
this lake is opened under the upkeep role (infra/access.yaml).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import NoReturn

import boto3
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from esteira.errors import AuthError, ConfigError, LakeUnavailable, SealConflict
from esteira.lake.layout import REPORTS, TOMBSTONE_NAME, Layout, Zone, export_prefix, report_prefix
from esteira.lake.place import SEAL_NAME, ZONES, Place, place_of
from esteira.lake.seal import Seal, Tombstone
from esteira.lake.store import Lake

UPLOAD_PREFIXES = ("raw/", "curated/", "quarantine/", "export/")
DELETE_AT_ONCE = 1000
"""S3's own limit: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""
_ROLE_HINT = "Only the upkeep role may: name its AWS profile in ESTEIRA_UPKEEP_PROFILE, or run this as the role esteira-<stage>-upkeep."


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as S3 lists it; `modified_at` is S3's clock."""

    key: str
    size_bytes: int
    modified_at: datetime

    @property
    def place(self) -> Place | None:
        """Where it belongs, or None for a key that `Layout` never makes."""
        return place_of(self.key)


@dataclass(frozen=True, slots=True)
class Survey:
    """What lies in the lake of one dataset: every object, and every seal by its key."""

    stored: tuple[Stored, ...] = ()
    seals: Mapping[str, Seal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that was begun and neither completed nor aborted: invisible, and billed."""

    key: str
    upload_id: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object of a versioned bucket, or a delete marker; `is_latest` is what a reader gets."""

    key: str
    version_id: str
    is_latest: bool
    is_marker: bool
    modified_at: datetime

    @property
    def is_kept_for_ever(self) -> bool:
        """Seals and tombstones: they hold no rows, and the bucket's policy keeps the seals."""
        return self.key.endswith((f"/{SEAL_NAME}", f"/{TOMBSTONE_NAME}"))


class SweptLake(Lake):
    """The lake under a role that may delete."""

    @classmethod
    def under(cls, bucket: str, profile: str | None) -> SweptLake:
        """Open it with an AWS profile, or with the process's own credentials (on ECS the run has the role).

        Raises:
            ConfigError: The profile does not exist.
        """
        try:
            return cls(bucket, boto3.Session(profile_name=profile))
        except BotoCoreError as exc:
            raise ConfigError(f"ESTEIRA_UPKEEP_PROFILE={profile}: {exc}.", hint="Name a profile that exists.") from exc

    def survey(self, dataset: str) -> Survey:
        """List a dataset, then read its seals: a part that is listed before its seal was written is found sealed.

        Raises:
            SealConflict: A seal cannot be read. What it names is unknown, so nothing of the dataset may go.
        """
        names = self.names(dataset)
        stored = tuple(each for name in names for zone in ZONES for each in self._stored(f"{zone}/{name}/"))
        return Survey(stored, dict(self._seals(stored)))

    def pages(self, dataset: str) -> list[Stored]:
        """The quality pages of a dataset."""
        return list(self._stored(report_prefix(dataset)))

    def exports(self, dataset: str) -> list[Stored]:
        """All that lies below the exports of a dataset."""
        return list(self._stored(export_prefix(dataset)))

    def delete(self, keys: Iterable[str]) -> None:
        """Delete in the given order. The bucket is versioned: each object stays restorable below a delete marker.

        Raises:
            AuthError: The role may not.
            LakeUnavailable: S3 left some of them; a second run takes up what remains.
        """
        self._delete_all({"Key": key} for key in keys)

    def delete_versions(self, versions: Iterable[Version]) -> None:
        """Delete single versions and markers in the given order. Nothing brings them back.

        Raises:
            AuthError: The role may not.
            LakeUnavailable: S3 left some of them; a second run takes up what remains.
        """
        self._delete_all({"Key": each.key, "VersionId": each.version_id} for each in versions)

    def versions(self, dataset: str) -> list[Version]:
        """Every version and marker of a dataset in the zones, in export and among the pages."""
        return [each for prefix in (*UPLOAD_PREFIXES, REPORTS) for each in self._versions(f"{prefix}{dataset}/")]

    def put_tombstone(self, zone: Zone, layout: Layout, stone: Tombstone) -> None:
        """Say beside a seal that its parts are purged; a stone that stands already stays."""
        key = layout.tombstone(zone)
        self.put_if_absent(key, msgspec.json.encode(stone))

    def unfinished_uploads(self) -> list[Upload]:
        """Multipart uploads in the zones and in export."""
        return [upload for prefix in UPLOAD_PREFIXES for upload in self._uploads(prefix)]

    def abort(self, upload: Upload) -> None:
        """Throw an unfinished upload away."""
        with self.translated("s3:AbortMultipartUpload", upload.key):
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=upload.key, UploadId=upload.upload_id)

    def raise_client_error(self, exc: ClientError, action: str, key: str) -> NoReturn:
        """As for everybody, with a hint that names the role."""
        try:
            super().raise_client_error(exc, action, key)
        except AuthError as error:
            raise AuthError(error.message, hint=_ROLE_HINT) from exc

    def _stored(self, prefix: str) -> Iterator[Stored]:
        for entry in self.entries(prefix):
            yield Stored(entry["Key"], int(entry["Size"]), entry["LastModified"])

    def _seals(self, stored: Iterable[Stored]) -> Iterator[tuple[str, Seal]]:
        for each in stored:
            place = each.place
            if place is None or not place.is_seal:
                continue
            seal = self.find_seal(place.zone, place.dataset, place.batch, place.generation)
            if seal is None:
                raise SealConflict(f"{self.uri(each.key)} is listed and cannot be read.", dataset=place.dataset)
            yield each.key, seal

    def _versions(self, prefix: str) -> Iterator[Version]:
        with self.translated("s3:ListBucketVersions", prefix):
            for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix):
                for field_name in ("Versions", "DeleteMarkers"):
                    is_marker = field_name == "DeleteMarkers"
                    for entry in page.get(field_name, ()):
                        facts = entry["VersionId"], bool(entry["IsLatest"]), is_marker, entry["LastModified"]
                        yield Version(entry["Key"], *facts)

    def _delete_all(self, objects: Iterable[dict[str, str]]) -> None:
        remaining = iter(objects)
        while chunk := list(islice(remaining, DELETE_AT_ONCE)):
            self._delete(chunk)

    def _delete(self, objects: list[dict[str, str]]) -> None:
        wanted = {"Objects": objects, "Quiet": True}
        with self.translated("s3:DeleteObject", objects[0]["Key"]):
            failed = self.client.delete_objects(Bucket=self.bucket, Delete=wanted).get("Errors", [])
        if not failed:
            return
        first = failed[0]
        told = (
            f"s3:DeleteObject on {self.uri(first['Key'])} failed with {first['Code']}; so did {len(failed) - 1} others."
        )
        if first["Code"] == "AccessDenied":
            raise AuthError(told, hint=_ROLE_HINT)
        raise LakeUnavailable(told)

    def _uploads(self, prefix: str) -> Iterator[Upload]:
        with self.translated("s3:ListBucketMultipartUploads", prefix):
            for page in self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix):
                for entry in page.get("Uploads", ()):
                    yield Upload(entry["Key"], entry["UploadId"], entry["Initiated"])
