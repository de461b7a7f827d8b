"""From a file on disk to pieces of rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from esteira.contract import Dataset
from esteira.spreadsheet.piece import Piece


def read_pieces(path: Path, name: str, dataset: Dataset) -> Iterator[Piece]:
    """Read a file, piece by piece, in the order of its sheets and rows.

    Args:
        path: The file on disk; never written.
        name: Its name where it came from: its ending says the format, and messages and lineage name it.
        dataset: A contract whose source is a `SpreadsheetSource`.

    Raises:
        SpreadsheetError: It cannot be read as the contract describes; says where, and what to do.
    """
    raise NotImplementedError
