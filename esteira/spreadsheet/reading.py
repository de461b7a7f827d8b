"""From a file on disk to pieces of rows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from esteira.contract import Dataset, SpreadsheetSource
from esteira.errors import ConfigError, EsteiraError
from esteira.spreadsheet.delimited import delimited_pieces
from esteira.spreadsheet.opening import DELIMITED, opened
from esteira.spreadsheet.piece import Piece
from esteira.spreadsheet.workbook import workbook_pieces

THREADS = 3
"""Two convert blocks, where Arrow and numpy let go of Python's lock; one reads ahead."""


def read_pieces(path: Path, name: str, dataset: Dataset) -> Iterator[Piece]:
    """Read a file, piece by piece, in the order of its sheets and rows.

    Args:
        path: The file on disk; never written.
        name: Its name where it came from: its ending says the format, and messages and lineage name it.
        dataset: A contract whose source is a `SpreadsheetSource`.

    Raises:
        SpreadsheetError: It cannot be read as the contract describes; says where, and what to do.
        ConfigError: The contract's rows come from a portal.
    """
    source = dataset.source
    if not isinstance(source, SpreadsheetSource):
        raise ConfigError("Its rows come from a portal's API, not from files.", dataset=dataset.name)
    try:
        with opened(path, name, source) as file, ThreadPoolExecutor(THREADS, "esteira-cells") as pool:
            read = delimited_pieces if file.format in DELIMITED else workbook_pieces
            yield from read(file, dataset, source, pool)
    except EsteiraError as exc:
        raise exc.located(dataset=dataset.name) from exc.__cause__
