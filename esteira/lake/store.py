"""Reading and writing the lake: parts, seals through S3's conditional writes, checkpoints, manifests, notes of attempts."""

from __future__ import annotations

import hashlib
import io
import secrets
from datetime import UTC, datetime
from typing import Any

import msgspec

from esteira.errors import LakeUnavailable, SealConflict
from esteira.lake.attempt import AttemptNote, Checkpoint
from esteira.lake.bucket import Bucket
from esteira.lake.layout import GENERATION, Layout, Zone, former_names
from esteira.lake.seal import Part, Seal, Tombstone

_LOST_HINT = "Restore the object's version from the bucket's history; a sealed object is never rewritten."


class Lake(Bucket):
    """One bucket, read and written by the names of `Layout`."""

    @staticmethod
    def new_attempt() -> str:
        """A random attempt id."""
        return secrets.token_hex(4)

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
        self._upload(key, content)
        return _described(key, content, rows=rows, **facts)

    def put_small(self, key: str, content: bytes, *, rows: int) -> Part:
        """Store what lies beside the parts, under a key that no other attempt uses; described as a part is."""
        self.put(key, content)
        return _described(key, content, rows=rows)

    def _upload(self, key: str, content: bytes) -> None:
        import awswrangler as wr  # noqa: PLC0415 - half a second, in the thread that stores while others fetch and validate

        try:
            with self.translated("s3:PutObject", key):
                wr.s3.upload(io.BytesIO(content), self.uri(key), use_threads=False, boto3_session=self._session)
        except wr.exceptions.ServiceApiError as exc:
            raise LakeUnavailable(f"s3:PutObject on {self.uri(key)} failed: {exc}.") from exc

    def read_part(self, part: Part) -> bytes:
        """The bytes of a sealed part.

        Raises:
            SealConflict: It is missing, or it is not what was sealed.
        """
        content = self.get(part.key)
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
        if self.put_if_absent(key, seal.encode()):
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
        content = self.get(key)
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
        content = self.get(former_names(dataset))
        return (dataset, *(msgspec.json.decode(content, type=tuple[str, ...]) if content else ()))

    def put_former_name(self, dataset: str, former: str) -> None:
        """Remember that a dataset had another name, and with it those that it had before that one; idempotent."""
        key = former_names(dataset)
        self.put(key, msgspec.json.encode(self.names(former)))

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
        content = self.get(layout.tombstone(zone))
        return None if content is None else msgspec.json.decode(content, type=Tombstone)

    def put_checkpoint(self, layout: Layout, attempt: str, checkpoint: Checkpoint) -> None:
        """Remember how far this attempt came; a new key for each part, so nothing is overwritten."""
        key = layout.checkpoint(attempt, len(checkpoint.parts), checkpoint.walk)
        self.put(key, msgspec.json.encode(checkpoint))

    def find_checkpoint(self, layout: Layout) -> Checkpoint | None:
        """The checkpoint of any attempt that came furthest in the latest walk, or None."""
        prefix = layout.prefix("raw")
        own = (key for key in self.sizes(prefix) if not key.startswith(f"{prefix}{GENERATION}"))
        keys = [key for key in own if "/checkpoint-" in key]
        if not keys:
            return None
        furthest = max(keys, key=lambda key: (int(key.rsplit("-", 1)[1].removesuffix(".json")), key))
        content = self.get(furthest)
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
        self.put(key, msgspec.json.encode({"entries": entries}))
        return self.uri(key)

    def batches(self, dataset: str) -> list[str]:
        """Ids of all batches that have anything in raw, oldest first."""
        return self.folders(f"raw/{dataset}/")

    def last_generation(self, dataset: str, batch: str) -> int:
        """The highest generation of a batch that has anything in raw or curated; 0 when there is nothing of the batch."""
        layout = Layout(dataset, batch)
        folders = [*self.folders(layout.prefix("raw")), *self.folders(layout.prefix("curated"))]
        numbers = (int(name.removeprefix(GENERATION)) for name in folders if name.startswith(GENERATION))
        return max(numbers, default=1 if folders else 0)

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
            note = msgspec.json.decode(self.get(key) or b"null", type=AttemptNote | None)
            notes |= {note.id: note} if note else {}
        return [notes[name] for name in sorted(notes)]

    def _put_note(self, key: str, note: AttemptNote | None) -> None:
        self.put(key, msgspec.json.encode(note))


def _described(key: str, content: bytes, **facts: Any) -> Part:
    return Part(key=key, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), **facts)
