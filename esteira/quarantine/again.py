"""Raw parts validated once more, under today's contract: in memory, without storing anything, and to the end even where the contract says `fail`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from esteira.contract import Dataset
from esteira.curation import Chunks
from esteira.lake import Lake, Seal
from esteira.lake.files import fetch_file
from esteira.quality import Curated, Decoded, curate_decoded, decode
from esteira.raw import stored_pages

Records = Sequence[msgspec.Raw]


def validated(dataset: Dataset, raw: Seal, lake: Lake) -> Iterator[tuple[Curated, Records]]:
    """The rows of a raw seal, chunk by chunk, split into good and refused ones; and as they were received.

    Raises:
        ContractError: The source drifted, so that no row can be told.
        SealConflict: A raw part is not what was sealed.
        SpreadsheetError: A file cannot be read as the contract describes.
    """
    lenient, rows = lenient_form(dataset), 0
    for decoded, records in _pages(dataset, raw, lake) if raw.provenance.file is None else _file(dataset, raw, lake):
        yield curate_decoded(decoded, records, lenient, first_row=rows), records
        rows += len(records)


def lenient_form(dataset: Dataset) -> Dataset:
    """The contract under which every refused row is told, and not only the first."""
    return replace(dataset, bad_values="quarantine") if dataset.bad_values == "fail" else dataset


def _pages(dataset: Dataset, raw: Seal, lake: Lake) -> Iterator[tuple[Decoded, Records]]:
    chunks = Chunks()
    for records, size_bytes in stored_pages(raw.parts, dataset.api, lake):
        for chunk in chunks.add(records, size_bytes):
            yield decode(chunk, dataset), chunk
    if chunks.rest():
        yield decode(chunks.rest(), dataset), chunks.rest()


def _file(dataset: Dataset, raw: Seal, lake: Lake) -> Iterator[tuple[Decoded, Records]]:
    from esteira.spreadsheet.reading import read_pieces  # noqa: PLC0415 - 5 MB that only files need

    assert raw.provenance.file is not None  # noqa: S101 - asked only of a batch that is a file
    with tempfile.TemporaryDirectory(prefix="esteira-file-") as folder:
        path = Path(folder) / "file"
        fetch_file(raw, path, lake)
        for piece in read_pieces(path, raw.provenance.file.name, dataset):
            yield piece.decoded, piece.rows
