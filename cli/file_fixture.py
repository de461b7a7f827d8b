"""A dataset's recorded files: `esteira test` reads them as a run would."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import get_args

import pyarrow as pa

from cli.fit import Fit, check_fit
from esteira.contract import Dataset, SpreadsheetSource
from esteira.contract.spreadsheet import Format
from esteira.curated_file import curated_file
from esteira.errors import ConfigError, PayloadError
from esteira.extraction.known import name_fits
from esteira.quality import Curated

_PACKED = (".gz", ".zip")


def recorded_files(dataset: Dataset, folder: Path) -> list[Path]:
    """The files of a fixture, by name.

    Raises:
        ConfigError: There is none, or the contract's pattern does not fit one.
    """
    files = sorted(path for path in folder.glob("*") if path.is_file() and _is_table(path, dataset))
    if not files:
        raise ConfigError(
            f"There is no recorded file in {folder}.",
            hint="Save a small one there, without personal values; `esteira new --file` does so for a new dataset.",
        )
    foreign = [path.name for path in files if not name_fits(dataset, path.name)]
    if foreign:
        raise ConfigError(
            f"The recorded file {foreign[0]!r} does not match the contract's pattern of names.",
            hint="Correct SpreadsheetSource(match=...), or rename the file.",
        )
    return files


def try_files(dataset: Dataset, files: list[Path]) -> Fit:
    """Read recorded files as a run would.

    Raises:
        SpreadsheetError: A file cannot be read as the contract describes.
        ContractError: It has an unknown column under `new_columns="fail"`.
        PayloadError: None of them has a row.
        DataQualityError: More rows than allowed break their rules, or a key is not unique.
    """
    made = [each for path in files for each in curated_file(path, path.name, dataset)]
    count = sum(each.good.num_rows + each.bad_rows for each in made)
    if not count:
        raise PayloadError("The fixture holds no row, so it shows nothing.", hint="Save a file that has some.")
    whole = _joined(made)
    check_fit(whole, dataset, count)
    return Fit(dataset.name, len(files), count, whole.good.num_rows, whole.bad_rows, whole.reasons, whole.new_columns)


def _is_table(path: Path, dataset: Dataset) -> bool:
    """By its ending; where the contract declares the format, by the contract's pattern."""
    if isinstance(dataset.source, SpreadsheetSource) and dataset.source.format is not None:
        return name_fits(dataset, path.name)
    inner = path.stem if path.suffix.lower() in _PACKED else path.name
    return path.suffix.lower() == ".zip" or Path(inner).suffix.lower().removeprefix(".") in get_args(Format)


def _joined(made: list[Curated]) -> Curated:
    """As one; each row keeps its own reasons."""
    reasons, nulled = Counter[str](), Counter[str]()
    for each in made:
        reasons.update(each.reasons)
        nulled.update(each.nulled)
    new = tuple(dict.fromkeys(name for each in made for name in each.new_columns))
    good, bad = (pa.concat_tables(tables) for tables in zip(*((each.good, each.bad) for each in made), strict=True))
    return Curated(good, bad, sum(each.bad_rows for each in made), dict(reasons), new, (), dict(nulled))
