"""One file of a table's rows, in one format: what `esteira export` and the exports after a load have in common."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from esteira.contract import Dataset
from esteira.contract.export import Export
from esteira.errors import ConfigError
from esteira.export.beside import Provenance, add_about, add_dictionary
from esteira.export.conventions import CONVENTIONS, Conventions, Language, word
from esteira.export.delimited import write_delimited
from esteira.export.snapshot import Rows, shown_type
from esteira.export.titles import titles_of
from esteira.export.workbook import Workbook


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file is to be.

    Attributes:
        dataset: Whose rows.
        export: Format and locale.
        language: Of headers and words; None takes the locale's.
    """

    dataset: Dataset
    export: Export
    language: Language | None = None

    @property
    def conventions(self) -> Conventions:
        """How the locale writes, with the words of the language asked for."""
        found = CONVENTIONS[self.export.locale]
        values = {name: getattr(found, name) for name in found.__dataclass_fields__}
        return Conventions(**values | {"language": self.language or found.language})


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it: how many rows, and how many texts a cell could not take."""

    rows: int
    cut_texts: int = 0


def write_file(wanted: Wanted, rows: Rows, provenance: Provenance, file: BinaryIO) -> Written:
    """Write all rows into an open file, in memory that does not grow with them."""
    writers: dict[str, Callable[..., Written]] = {"csv": _csv, "xlsx": _xlsx, "parquet": _parquet}
    return writers[wanted.export.format](wanted, rows, provenance, file)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that appears when it is whole, in the place of what stood there, with its mode.

    It is written beside its place, in a hidden file that is gone afterwards whatever happens.

    Raises:
        ConfigError: It cannot be written there.
    """
    target = path.resolve()  # through a link, which stays one
    if target.exists() and not target.is_file():
        raise ConfigError(f"{path} is no file that could be replaced.", hint="Name another file with --out.")
    part: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        part = Path(name)
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        part.replace(target)
    except OSError as exc:
        raise ConfigError(
            f"{path} cannot be written: {exc.strerror or exc}. What stood there is as it was.",
            hint="Name another file with --out, or make room.",
        ) from exc
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _umask() -> int:
    """Python tells it only to who sets it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _csv(wanted: Wanted, rows: Rows, _: Provenance, file: BinaryIO) -> Written:
    conventions = wanted.conventions
    return Written(write_delimited(file, rows.tables(), titles_of(rows.columns, conventions.language), conventions))


def _xlsx(wanted: Wanted, rows: Rows, provenance: Provenance, file: BinaryIO) -> Written:
    conventions = wanted.conventions
    book = Workbook(file, conventions, wanted.dataset.name)
    titles = titles_of(rows.columns, conventions.language)
    count = book.add_rows(word("data", conventions.language), titles, rows.tables())
    add_dictionary(book, wanted.dataset, rows.columns, conventions.language)
    add_about(book, wanted.dataset, provenance, count, conventions)
    book.close()
    return Written(count, book.cut_texts)


def _parquet(wanted: Wanted, rows: Rows, provenance: Provenance, file: BinaryIO) -> Written:
    fields = [
        pa.field(
            column.name, shown_type(column), metadata={"description": column.description, "unit": column.unit or ""}
        )
        for column in rows.columns
    ]
    schema = pa.schema(fields, metadata={"esteira_dataset": wanted.dataset.name, "esteira_batch": provenance.batch})
    count = 0
    with pq.ParquetWriter(file, schema, compression="zstd", coerce_timestamps="us") as writer:
        for table in rows.tables():
            writer.write_table(table.cast(schema))
            count += table.num_rows
    return Written(count)
