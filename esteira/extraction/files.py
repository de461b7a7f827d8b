"""Step one of a dataset of files: a file on this machine's disk into sealed raw parts, byte for byte."""

from __future__ import annotations

from pathlib import Path

from esteira.contract import Dataset
from esteira.errors import EsteiraError, SealConflict
from esteira.failpoints import failpoint
from esteira.file_batch import file_batch
from esteira.lake import Lake, Layout, Provenance, Seal, SealedFile
from esteira.lake.files import store_file


def keep_file(dataset: Dataset, path: Path, told: Provenance, lake: Lake) -> Seal:
    """Bring a file into raw and seal it; returns the seal that stands, ours or an earlier one of the same bytes.

    The seal holds the file's name, moment and place as they were when its bytes were sealed first: they decide its place in the order, so
    bytes that come again change nothing.

    Args:
        dataset: The contract.
        path: The file.
        told: What is known of it, with its hash.
        lake: Where to.

    Raises:
        SealConflict: Another file with the same batch id is sealed.
        SpreadsheetError: Its name does not tell the period that the contract wants of it.
    """
    assert told.file is not None  # noqa: S101 - the caller has hashed it
    batch = file_batch(dataset, told.file)
    try:
        generation, sealed = lake.find_standing("raw", batch.dataset, batch.id, 1)
        if sealed is None:
            layout, attempt = Layout(batch.dataset, batch.id, generation), lake.new_attempt()
            parts = store_file(path, layout, attempt, lake)
            mine = Seal(
                dataset=batch.dataset, batch=batch.id, attempt=attempt, generation=generation,
                parts=parts, extracted=0, provenance=told,
            )  # fmt: skip
            sealed = lake.put_seal("raw", mine)
            failpoint("extract.seal")
        return _checked(sealed, told.file)
    except EsteiraError as exc:
        raise exc.located(dataset=batch.dataset, batch=batch.id) from exc.__cause__


def sealed_file(raw: Seal) -> SealedFile:
    """The file of a raw seal.

    Raises:
        SealConflict: It seals pages of a portal.
    """
    if raw.provenance.file is None:
        raise SealConflict(
            "The batch is sealed as pages of a portal, and its source is files.", dataset=raw.dataset, batch=raw.batch
        )
    return raw.provenance.file


def _checked(sealed: Seal, file: SealedFile) -> Seal:
    found = sealed_file(sealed)
    if found.sha256 != file.sha256:
        raise SealConflict(
            f"The batch is sealed with a file of sha256 {found.sha256}, and {file.name[:80]!r} has {file.sha256}: two files share an id."
        )
    return sealed
