"""Reading and writing the lake: parts through awswrangler, seals through S3's conditional writes."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn

import awswrangler as wr
import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from esteira.errors import AuthError, ConfigError, EsteiraError, LakeUnavailable, SealConflict
from esteira.lake.layout import GENERATION, Layout, Zone
from esteira.lake.seal import AttemptNote, Checkpoint, Part, Seal, Tombstone
from esteira.vault import login_error

FORMER_NAMES = "FORMERLY.json"
CONFLICT_TRIES = 5
"""S3 answers 409 while another conditional write of the same key is under way; the put is simply tried again."""
_ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})
_DENIED = frozenset(
    {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "KMS.AccessDeniedException"}
)


class Lake:
    """One bucket.

    Args:
        bucket: Bucket name.
        session: AWS session; by default the environment's (a task role on AWS, a profile on a laptop).
    """

    def __init__(self, bucket: str, session: boto3.Session | None = None) -> None:
        self.bucket = bucket
        with self._translated("s3:ListBucket", ""):
            self._session = session or boto3.Session()
            self._s3: Any = self._session.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 5}))

    @staticmethod
    def new_attempt() -> str:
        """A random attempt id."""
        return secrets.token_hex(4)

    def uri(self, key: str) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.bucket}/{key}"

    def put_part(self, key: str, content: bytes, *, rows: int, **facts: Any) -> Part:
        """Store one part under a key that no other attempt uses.

        Args:
            key: From `Layout.part`.
            content: The object's bytes.
            rows: Records in it.
            facts: Further attributes of `Part`.

        Raises:
            AuthError: S3 denies the write.
            LakeUnavailable: S3 does not take it after retries.
        """
        with self._translated("s3:PutObject", key):
            wr.s3.upload(io.BytesIO(content), self.uri(key), use_threads=False, boto3_session=self._session)
        return Part(key=key, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), rows=rows, **facts)

    def read_part(self, part: Part) -> bytes:
        """The bytes of a sealed part.

        Raises:
            SealConflict: It is missing, or it is not what was sealed.
        """
        content = self._get(part.key)
        if content is None:
            raise SealConflict(
                f"{self.uri(part.key)} is sealed with sha256 {part.sha256[:16]}… and does not exist.", hint=_LOST_HINT
            )
        found = hashlib.sha256(content).hexdigest()
        if found != part.sha256:
            raise SealConflict(
                f"{self.uri(part.key)} is sealed with sha256 {part.sha256} and has {found}.", hint=_LOST_HINT
            )
        return content

    def put_seal(self, zone: Zone, seal: Seal) -> Seal:
        """Seal a batch, or adopt the seal that another attempt wrote first.

        A put whose answer was lost looks the same as a lost race: what is read back decides.
        """
        key = Layout(seal.dataset, seal.batch, seal.generation).seal(zone)
        with self._translated("s3:PutObject", key):
            if self._put_if_absent(key, seal.encode()):
                return seal
        winner = self.find_seal(zone, seal.dataset, seal.batch, seal.generation)
        if winner is None:
            raise LakeUnavailable(
                f"{self.uri(key)} was refused as existing and cannot be read.", dataset=seal.dataset, batch=seal.batch
            )
        return winner

    def find_seal(self, zone: Zone, dataset: str, batch: str, generation: int = 1) -> Seal | None:
        """The seal of a batch's generation in a zone, or None.

        Raises:
            SealConflict: The object is no seal of this batch.
        """
        key = Layout(dataset, batch, generation).seal(zone)
        content = self._get(key)
        if content is None:
            return None
        try:
            seal = msgspec.json.decode(content, type=Seal)
        except msgspec.DecodeError as exc:
            raise SealConflict(
                f"{self.uri(key)} cannot be read as a seal: {exc}.", dataset=dataset, batch=batch
            ) from exc
        if (seal.dataset, seal.batch, seal.generation) != (dataset, batch, generation):
            raise SealConflict(
                f"{self.uri(key)} seals {seal.dataset} {seal.batch}, generation {seal.generation}.",
                dataset=dataset,
                batch=batch,
            )
        return seal

    def names(self, dataset: str) -> tuple[str, ...]:
        """A dataset's name and those that it had before, newest first: what was sealed under one of them stays there."""
        content = self._get(_former_key(dataset))
        return (dataset, *(msgspec.json.decode(content, type=tuple[str, ...]) if content else ()))

    def put_former_name(self, dataset: str, former: str) -> None:
        """Remember that a dataset had another name, and with it those that it had before that one; idempotent."""
        key = _former_key(dataset)
        with self._translated("s3:PutObject", key):
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=msgspec.json.encode(self.names(former)))

    def find_settled_seal(self, zone: Zone, dataset: str, batch: str, generation: int = 1) -> Seal | None:
        """The seal of a generation that the ledger names, also from before the dataset was renamed; or None.

        A new attempt asks `find_seal`: it may adopt only what was sealed under the name it writes to.
        """
        seal = self.find_seal(zone, dataset, batch, generation)
        if seal is not None:
            return seal
        found = (self.find_seal(zone, name, batch, generation) for name in self.names(dataset)[1:])
        return next((seal for seal in found if seal is not None), None)

    def find_standing(self, zone: Zone, dataset: str, batch: str, generation: int) -> tuple[int, Seal | None]:
        """The generation that stands in the place of the given one, and its seal or None: a purged one was replaced by a later.

        A process that finds the seal of purged parts would otherwise adopt parts that are gone.
        """
        seal = self.find_seal(zone, dataset, batch, generation)
        stone = self.find_tombstone(zone, Layout(dataset, batch, generation)) if seal else None
        if stone is None or stone.replaced_by <= generation:
            return generation, seal
        return self.find_standing(zone, dataset, batch, stone.replaced_by)

    def find_tombstone(self, zone: Zone, layout: Layout) -> Tombstone | None:
        """What says that the parts of a generation were purged, or None."""
        content = self._get(layout.tombstone(zone))
        return None if content is None else msgspec.json.decode(content, type=Tombstone)

    def put_checkpoint(self, layout: Layout, attempt: str, checkpoint: Checkpoint) -> None:
        """Remember how far this attempt came; a new key for each part, so nothing is overwritten."""
        key = layout.checkpoint(attempt, len(checkpoint.parts))
        with self._translated("s3:PutObject", key):
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=msgspec.json.encode(checkpoint))

    def find_checkpoint(self, layout: Layout) -> Checkpoint | None:
        """The checkpoint of any attempt that came furthest, or None."""
        prefix = layout.prefix("raw")
        own = (key for key in self.sizes(prefix) if not key.startswith(f"{prefix}{GENERATION}"))
        keys = [key for key in own if "/checkpoint-" in key]
        if not keys:
            return None
        furthest = max(keys, key=lambda key: (key.rsplit("-", 1)[1], key))
        content = self._get(furthest)
        return msgspec.json.decode(content, type=Checkpoint) if content is not None else None

    def put_manifest(self, seal: Seal) -> str:
        """Write the COPY manifest of a curated seal and return its URI.

        Every entry is mandatory and states its length, which COPY needs for Parquet:
        https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html
        """
        key = Layout(seal.dataset, seal.batch, seal.generation).manifest(seal.hash)
        entries = [
            {"url": self.uri(part.key), "mandatory": True, "meta": {"content_length": part.size_bytes}}
            for part in seal.parts
        ]
        with self._translated("s3:PutObject", key):
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=msgspec.json.encode({"entries": entries}))
        return self.uri(key)

    def batches(self, dataset: str) -> list[str]:
        """Ids of all batches that have anything in raw, oldest first."""
        return self._folders(f"raw/{dataset}/")

    def last_generation(self, dataset: str, batch: str) -> int:
        """The highest generation of a batch that has anything in raw or curated; 0 when there is nothing of the batch."""
        layout = Layout(dataset, batch)
        folders = [*self._folders(layout.prefix("raw")), *self._folders(layout.prefix("curated"))]
        numbers = (int(name.removeprefix(GENERATION)) for name in folders if name.startswith(GENERATION))
        return max(numbers, default=1 if folders else 0)

    def _folders(self, prefix: str) -> list[str]:
        """Names of the folders right below a prefix, in order."""
        with self._translated("s3:ListBucket", prefix):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/")
            return [
                entry["Prefix"].removeprefix(prefix).rstrip("/")
                for page in pages
                for entry in page.get("CommonPrefixes", ())
            ]

    def sizes(self, prefix: str) -> dict[str, int]:
        """Key to size in bytes of every object below a prefix, in order."""
        with self._translated("s3:ListBucket", prefix):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            return {entry["Key"]: int(entry["Size"]) for page in pages for entry in page.get("Contents", ())}

    def begin_attempt(self, dataset: str, batch: str) -> str:
        """Note that a process begins to work at a batch; returns the note's id."""
        layout = Layout(dataset, batch)
        note = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{self.new_attempt()}"
        self._put_note(f"{layout.attempts}{note}/begun.json", None)
        return note

    def end_attempt(self, dataset: str, batch: str, ended: AttemptNote) -> None:
        """Note how it ended. Of a process that died nobody does."""
        self._put_note(f"{Layout(dataset, batch).attempts}{ended.id}/ended.json", ended)

    def attempts(self, dataset: str, batch: str) -> list[AttemptNote]:
        """Every attempt at a batch, oldest first; one that never ended has the outcome `open`."""
        prefix = Layout(dataset, batch).attempts
        keys = self.sizes(prefix)
        notes = {
            key.removeprefix(prefix).split("/")[0]: AttemptNote(key.removeprefix(prefix).split("/")[0]) for key in keys
        }
        for key in (key for key in keys if key.endswith("/ended.json")):
            note = msgspec.json.decode(self._get(key) or b"null", type=AttemptNote | None)
            notes |= {note.id: note} if note else {}
        return [notes[name] for name in sorted(notes)]

    def _put_note(self, key: str, note: AttemptNote | None) -> None:
        with self._translated("s3:PutObject", key):
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=msgspec.json.encode(note))

    def _get(self, key: str) -> bytes | None:
        with self._translated("s3:GetObject", key):
            try:
                content: bytes = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            except ClientError as exc:
                if _code(exc) in _ABSENT:
                    return None
                raise
            return content

    def _put_if_absent(self, key: str, content: bytes) -> bool:
        for attempt in range(1, CONFLICT_TRIES + 1):
            try:
                self._s3.put_object(Bucket=self.bucket, Key=key, Body=content, IfNoneMatch="*")
            except ClientError as exc:
                if _code(exc) in {"PreconditionFailed", "412"}:
                    return False
                if _code(exc) not in {"ConditionalRequestConflict", "409"} or attempt == CONFLICT_TRIES:
                    raise
            else:
                return True
        return False

    @contextmanager
    def _translated(self, action: str, key: str) -> Iterator[None]:
        try:
            yield
        except EsteiraError:
            raise
        except ClientError as exc:
            self._raise_client_error(exc, action, key)
        except (BotoCoreError, wr.exceptions.ServiceApiError) as exc:
            found = login_error(exc) if isinstance(exc, BotoCoreError) else None
            raise found or LakeUnavailable(f"{action} on {self.uri(key)} failed: {exc}.") from exc

    def _raise_client_error(self, exc: ClientError, action: str, key: str) -> NoReturn:
        code = _code(exc)
        if code in _DENIED:
            raise AuthError(
                f"{action} on arn:aws:s3:::{self.bucket}/{key} is denied ({code}).",
                hint=f"Grant {action} on this ARN to the task role.",
            ) from exc
        if code in {"NoSuchBucket", "PermanentRedirect"}:
            raise ConfigError(
                f"Bucket {self.bucket} answers {code}.", hint="Set ESTEIRA_LAKE_BUCKET to the bucket of this stage."
            ) from exc
        raise LakeUnavailable(f"{action} on {self.uri(key)} failed with {code}.") from exc


def _former_key(dataset: str) -> str:
    """In a zone, beside the batches, so that whoever may read those may read it, and no lifecycle rule takes it before them."""
    return f"curated/{dataset}/{FORMER_NAMES}"


def _code(exc: ClientError) -> str:
    return str(exc.response.get("Error", {}).get("Code", ""))


_LOST_HINT = "Restore the object's version from the bucket's history; a sealed object is never rewritten."
