"""A file on disk into good and refused rows, outside of any batch: for those who look at a file before it is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from esteira.contract import Dataset
from esteira.quality import Curated, curate_decoded
from esteira.spreadsheet.reading import read_pieces


def curated_file(path: Path, name: str, dataset: Dataset) -> Iterator[Curated]:
    """Read, transform and validate a file piece by piece, as a run would; nothing is stored.

    Args:
        path: The file on disk.
        name: Its name where it came from.
        dataset: A contract whose source is a `SpreadsheetSource`.

    Raises:
        SpreadsheetError: It cannot be read as the contract describes.
        ContractError, DataQualityError: See `curate_decoded`.
    """
    rows = 0
    for piece in read_pieces(path, name, dataset):
        yield curate_decoded(piece.decoded, piece.rows, dataset, first_row=rows)
        rows += len(piece.rows)
