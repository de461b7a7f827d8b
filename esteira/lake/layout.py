"""The names of objects: zone, dataset, batch, attempt, part; who writes each and who deletes it, which the reference prints from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from esteira.errors import ConfigError

Zone = Literal["raw", "curated", "quarantine"]
GENERATION = "generation-"
"""Begins the folder of a later generation; attempts are hexadecimal, so the two cannot be confused."""
TOMBSTONE_NAME = "TOMBSTONE.json"
PROFILE_NAME = "profile.json"
REPORTS = "report/html/"
"""The pages for people. What is in them can be made again from ledger, seals and profiles."""
CATALOGUE_PAGE = "report/html/index.html"
"""The catalogue: how each dataset stands.

Written after each load, and by `esteira report`. Deleted by nobody.
"""
VERSION_NAME = "VERSION.json"
MAX_PARTS = 1_000_000
MAX_KEY_BYTES = 1024
"""S3's own limit: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""


@dataclass(frozen=True, slots=True)
class Layout:
    """Keys of one batch.

    Attributes:
        dataset: Dataset name.
        batch: Batch id.
        generation: Which loading of the batch, from 1; a later one has a folder of its own beside the first one's attempts.
    """

    dataset: str
    batch: str
    generation: int = 1

    def __post_init__(self) -> None:
        for name in (self.dataset, self.batch):
            if not name or not name.isascii() or not name.isprintable() or ".." in name or "/" in name:
                raise ConfigError(f"{name[:80]!r} cannot be part of an S3 key.", dataset=self.dataset[:80])
        if len(self.seal("quarantine")) + 64 > MAX_KEY_BYTES:
            raise ConfigError(
                f"The key of batch {self.batch[:80]!r}… is longer than S3 allows.", dataset=self.dataset[:80]
            )

    def prefix(self, zone: Zone) -> str:
        """Everything of this batch in a zone; for a later generation, everything of that."""
        folder = "" if self.generation == 1 else f"{GENERATION}{self.generation:03d}/"
        return f"{zone}/{self.dataset}/{self.batch}/{folder}"

    def part(self, zone: Zone, attempt: str, number: int) -> str:
        """One part; numbers count from 1 and run on over attempts.

        Written by extraction (raw) or curation (curated, quarantine), once. Deleted by `esteira maintenance` where no seal names it or its generation
        was never committed, and by `esteira erase`.
        """
        suffix = "json.zst" if zone == "raw" else "parquet"
        return f"{self.prefix(zone)}{attempt}/part-{number:05d}.{suffix}"

    def file_part(self, attempt: str, number: int) -> str:
        """One piece of a file that is kept byte for byte; mostly there is only one.

        Written by the extraction of a file, once. Deleted as a part is, and 90 days after a dropped file was refused.
        """
        return f"{self.prefix('raw')}{attempt}/part-{number:05d}.bin"

    def profile(self, attempt: str) -> str:
        """What the columns of an attempt's curated parts hold, beside them.

        Written by curation, once. Deleted with the parts beside it.
        """
        return f"{self.prefix('curated')}{attempt}/{PROFILE_NAME}"

    def checkpoint(self, attempt: str, number: int, walk: int = 1) -> str:
        """Where the extraction stood after part `number`; those of a later walk come after all of an earlier one.

        Written by extraction after each part. Deleted by `esteira maintenance` once the batch is settled.
        """
        return f"{self.prefix('raw')}{attempt}/checkpoint-{(walk - 1) * MAX_PARTS + number:05d}.json"

    def seal(self, zone: Zone) -> str:
        """The one object that says what the batch consists of.

        Written by the first attempt that gets so far, with `If-None-Match: *`. Deleted by nobody: the bucket's policy denies it to all.
        """
        return f"{self.prefix(zone)}SEAL.json"

    def tombstone(self, zone: Zone) -> str:
        """Stands beside a seal whose parts were purged.

        Written by `esteira erase`, and by `esteira maintenance` for a refused file. Deleted by nobody.
        """
        return f"{self.prefix(zone)}{TOMBSTONE_NAME}"

    @property
    def attempts(self) -> str:
        """Where each attempt at the batch is noted, beside the zones: a note alone does not open a batch.

        Written by each process that works at the batch, when it begins and when it ends. Deleted by nobody.
        """
        return f"report/attempts/{self.dataset}/{self.batch}/"

    @property
    def drift(self) -> str:
        """What is noted of a generation that drift stopped.

        Written by curation when the source drifted. Deleted by nobody.
        """
        return f"{self.drift_folder(self.dataset)}{self.batch}/{GENERATION}{self.generation:03d}.json"

    @staticmethod
    def drift_folder(dataset: str) -> str:
        """The notes of a dataset's batches that drift stopped."""
        return f"report/drift/{dataset}/"

    @staticmethod
    def listed_folder(dataset: str) -> str:
        """The notes of listed files whose bytes an earlier batch brought.

        Written by the extraction of a portal's files. Deleted by nobody.
        """
        return f"report/listed/{dataset}/"

    @property
    def page(self) -> str:
        """The quality page of this generation.

        Written after each load, and by `esteira report`. Deleted by `esteira maintenance` after `ESTEIRA_REPORT_DAYS`, and by `esteira erase`.
        """
        return f"{report_prefix(self.dataset)}{self.batch}/{self.generation}.html"

    def manifest(self, seal_hash: str) -> str:
        """The COPY manifest derived from a seal; its name carries the seal's hash, so rewriting it changes nothing.

        Written by a load before its COPY. Deleted by `esteira maintenance` with a generation that was never committed, and by `esteira erase`.
        """
        return f"{self.prefix('curated')}manifest-{seal_hash[:16]}.json"


def standing_note(dataset: str) -> str:
    """Up to when a dataset is loaded.

    Written after each load, for the hourly age that needs no Prefect. Deleted by nobody.
    """
    return f"report/latest/{dataset}.json"


def hold_note(dataset: str) -> str:
    """Why a dataset is old on purpose.

    Written by `esteira pause`, `retire` and `rename`; `esteira resume` overwrites it. Deleted by nobody.
    """
    return f"report/held/{dataset}.json"


def former_names(dataset: str) -> str:
    """The names that a dataset had before: in a zone, so that whoever may read its batches may read them, and no lifecycle rule takes them first.

    Written by `esteira rename`. Deleted by nobody.
    """
    return f"curated/{dataset}/FORMERLY.json"


def report_prefix(dataset: str) -> str:
    """All quality pages of a dataset."""
    return f"{REPORTS}{dataset}/"


def latest_page(dataset: str) -> str:
    """The page of a dataset's newest batch, under a name that does not change.

    Written after each load, and by `esteira report`. Deleted by `esteira erase`; the next load makes it again.
    """
    return f"{report_prefix(dataset)}latest.html"


def batch_of_page(key: str) -> str | None:
    """The batch that a page shows values of; None for the other keys. A latest page shows those of whichever batch was the newest."""
    parts = key.removeprefix(REPORTS).split("/")
    return parts[1] if key.startswith(REPORTS) and len(parts) == 3 else None


def export_prefix(dataset: str) -> str:
    """All exports of a dataset."""
    return f"export/{dataset}/"


def export_folder(dataset: str, version: str) -> str:
    """One version of a dataset's exports: attempts, and the note of the one that is it.

    Written by the export after a load. Deleted by `esteira maintenance` after `ESTEIRA_EXPORT_DAYS`, but never the version that `latest.json` names nor
    the newest `ESTEIRA_EXPORT_VERSIONS`; and by `esteira erase`.
    """
    return f"{export_prefix(dataset)}{version}/"


def export_attempt(dataset: str, version: str, attempt: str) -> str:
    """Where one try at a version writes its rows and files.

    Written by UNLOAD under the COPY role (`rows/`, `parquet/`) and by the process that exports, once. Deleted by `esteira maintenance` when its version is
    old or it never became one, and by `esteira erase`.
    """
    return f"{export_folder(dataset, version)}{attempt}/"


def export_note(dataset: str, version: str) -> str:
    """What says that a version is complete, and which objects it consists of.

    Written by the export that completed it first. Deleted with the version, before the rest of it.
    """
    return f"{export_folder(dataset, version)}{VERSION_NAME}"


def export_pointer(dataset: str) -> str:
    """The version to read, as a copy of its note.

    Written by each export that made a newer version, as its last step. Deleted by `esteira erase`, and written again after it.
    """
    return f"{export_prefix(dataset)}latest.json"


def export_latest(dataset: str, name: str) -> str:
    """A file of that version under a key that does not change.

    Written by each export that made a newer version, before the pointer. Deleted by `esteira erase`, and written again after it.
    """
    return f"{export_prefix(dataset)}latest/{name}"
