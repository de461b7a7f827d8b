"""Delimited text: Arrow's reader into blocks, with texts as they stand."""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from esteira.contract import Dataset, SpreadsheetSource
from esteira.spreadsheet.ahead import in_turn, read_ahead
from esteira.spreadsheet.assemble import WHOLE_ROW, Assembly, Block
from esteira.spreadsheet.buffers import check_text, combined, trimmed
from esteira.spreadsheet.cells import Cells
from esteira.spreadsheet.failure import failed
from esteira.spreadsheet.footer import footer_of
from esteira.spreadsheet.heading import Heading, Headings
from esteira.spreadsheet.look import Fault
from esteira.spreadsheet.opening import Opened
from esteira.spreadsheet.piece import Piece

BLOCK_BYTES = 1024 * 1024
"""Text of a piece; a row must fit into it. Arrow reads some blocks ahead, so they make most of the memory."""
BLOCKS_AHEAD = 2
"""That many are converted while one is read."""
_SCAN_BYTES = 4 * 1024 * 1024
_NONE = pa.scalar(None, pa.string())


def delimited_pieces(file: Opened, dataset: Dataset, source: SpreadsheetSource, pool: Executor) -> Iterator[Piece]:
    """The rows of a file of delimited text.

    Raises:
        SpreadsheetError: It cannot be read as the contract describes.
    """
    text = _Text(file, source)
    assembly = Assembly(dataset, source, file.name)
    try:
        heading, lines = text.heading(Headings(dataset, source, file.name))
        blocks = _Blocks(text, heading, lines, pool).all()
        yield from in_turn(pool, partial(assembly.piece, heading=heading), blocks, BLOCKS_AHEAD)
    except (UnicodeError, pa.ArrowInvalid) as exc:
        raise text.unreadable(exc) from exc


class _Text:
    """The file as text."""

    def __init__(self, file: Opened, source: SpreadsheetSource) -> None:
        self.file, self.source = file, source
        declared = codecs.lookup(source.encoding).name
        self.encoding = "utf-8-sig" if declared == "utf-8" else declared
        self.delimiter = source.delimiter or ("\t" if file.format == "tsv" else source.prints.delimiter)

    def heading(self, headings: Headings) -> tuple[Heading, int]:
        """The heading, and how many lines stand above the data."""
        with self.file.path.open(encoding=self.encoding, newline="") as text:
            rows, lines = list[list[str]](), [0]
            reader = csv.reader(text, delimiter=self.delimiter)
            try:
                for row in islice(reader, headings.first_rows()):
                    rows.append([cell.strip("\ufeff") for cell in row] if not rows else row)
                    lines.append(reader.line_num)
            except csv.Error as exc:
                raise failed(self.file.name, f"line {reader.line_num}: {exc}.") from exc
        heading = headings.find(rows, "")
        return heading, lines[min(heading.first, len(rows))]

    def batches(self, heading: Heading, lines: int, broken: _Broken) -> Iterator[pa.RecordBatch]:
        """The rows as Arrow reads them: a quoted and an empty text are the same, an empty one is null."""
        names = [str(column) for column in range(len(heading.names))]
        arrow_encoding = "utf8" if self.encoding == "utf-8-sig" else self.encoding
        read = pacsv.ReadOptions(
            column_names=names, skip_rows=lines, block_size=BLOCK_BYTES, encoding=arrow_encoding, use_threads=False
        )
        parse = pacsv.ParseOptions(
            delimiter=self.delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=broken.take
        )
        convert = pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=False,  # it would look at every text: most columns have no letter that can be wrong
        )
        if not self._has_data(lines):
            return
        for batch in pacsv.open_csv(self.file.path, read_options=read, parse_options=parse, convert_options=convert):
            for texts in batch.columns:
                check_text(texts)
            yield batch

    def _has_data(self, lines: int) -> bool:
        """Whether a line stands below the heading: Arrow takes a file without any for an error."""
        with self.file.path.open(encoding=self.encoding, newline="") as text:
            return next(islice(text, lines, None), None) is not None

    def unreadable(self, exc: Exception) -> Exception:
        """What Arrow could not read."""
        place = self._bad_byte()
        if place is not None:
            at, byte, line = place
            return failed(
                self.file.name, f"byte {at:,} (line {line:,}) is {byte:#04x}, which is no text in {self.source.encoding}.",
                "Correct encoding= in the contract (cp1252 is usual for files of Excel), or save the file as declared.",
            )  # fmt: skip
        return failed(
            self.file.name,
            f"it cannot be read as text delimited by {self.delimiter!r}: {exc}.",
            "Open it in an editor at the named row; a quote that never ends is the usual cause.",
        )

    def _bad_byte(self) -> tuple[int, int, int] | None:
        """The first byte that the encoding does not know, its value, and its line."""
        decoder, done, lines = codecs.getincrementaldecoder(self.source.encoding)(), 0, 1
        with self.file.path.open("rb") as content:
            while chunk := content.read(_SCAN_BYTES):
                pending = len(decoder.getstate()[0])
                try:
                    lines += decoder.decode(chunk).count("\n")
                except UnicodeDecodeError as exc:
                    at = done - pending + exc.start
                    return at, exc.object[exc.start], lines + exc.object[: exc.start].count(b"\n")
                except UnicodeError:
                    return done, chunk[0], lines
                done += len(chunk)
        if decoder.getstate()[0]:
            return done - 1, decoder.getstate()[0][-1], lines
        return None


class _Broken:
    """Rows with more or fewer fields than there are columns."""

    def __init__(self) -> None:
        self.rows: deque[tuple[int, int, str]] = deque()

    def take(self, row: Any) -> str:
        """Remember one; Arrow passes over it. Its number counts the lines that were skipped."""
        self.rows.append((int(row.number), int(row.actual_columns), str(row.text)))
        return "skip"

    def until(self, number: int) -> list[tuple[int, int, str]]:
        """Take those before a row out; more may come in meanwhile, since Arrow reads ahead."""
        taken = list[tuple[int, int, str]]()
        while self.rows and self.rows[0][0] < number:
            taken.append(self.rows.popleft())
        return taken


class _Blocks:
    """The rows of data in blocks, and the broken ones behind those that they stand among."""

    def __init__(self, text: _Text, heading: Heading, lines: int, pool: Executor) -> None:
        self._text, self._heading, self._lines, self._pool = text, heading, lines, pool
        self._columns = sorted({*heading.places.values(), *(place for place, _ in heading.melted)})
        self._footer = footer_of(text.source.footer)
        self._moved = heading.first - lines
        self._next = lines + 1
        self._is_over = False

    def all(self) -> Iterator[Block]:
        """Until the footer, or the end."""
        broken = _Broken()
        for batch in read_ahead(self._pool, self._text.batches(self._heading, self._lines, broken)):
            yield from self._block(batch, broken, is_last=False)
            if self._is_over:
                return
        nothing = pa.RecordBatch.from_pydict(
            {str(column): pa.nulls(0, pa.string()) for column in range(len(self._heading.names))}
        )
        yield from self._block(nothing, broken, is_last=True)

    def _block(self, batch: pa.RecordBatch, broken: _Broken, *, is_last: bool) -> Iterator[Block]:
        numbers, bad = self._numbered(batch.num_rows, broken, is_last=is_last)
        first = self._first_texts(batch)
        end = self._end(numbers, first, bad)
        is_data = numbers < end
        if first.null_count:
            is_data &= pc.is_valid(first).to_numpy(zero_copy_only=False)
        bad = [each for each in bad if each[0] < end and each[2].strip()]
        if not is_data.all():
            batch, numbers = batch.filter(pa.array(is_data)), numbers[is_data]
        if len(numbers) or bad:
            yield self._made(batch, numbers, bad)

    def _numbered(
        self, count: int, broken: _Broken, *, is_last: bool
    ) -> tuple[np.ndarray[Any, np.dtype[np.int64]], list[tuple[int, int, str]]]:
        """The numbers of a batch's rows: the broken ones among them have theirs."""
        bad, end = list[tuple[int, int, str]](), self._next + count
        while more := broken.until(end if not is_last else 2**62):
            bad += more
            end = self._next + count + len(bad)
        numbers = (
            np.setdiff1d(np.arange(self._next, end), [each[0] for each in bad]) if bad else np.arange(self._next, end)
        )
        self._next = end
        return numbers.astype(np.int64)[:count], bad

    def _first_texts(self, batch: pa.RecordBatch) -> pa.StringArray:
        """The first text of each row; null in an empty row."""
        found = batch.column(0)
        for column in batch.columns[1:]:
            if not found.null_count:
                break
            found = pc.coalesce(found, column)
        if not found.null_count and self._footer is None:
            return found
        bare = trimmed(found)
        return bare if bare is found else pc.if_else(pc.equal(bare, ""), _NONE, bare)

    def _end(
        self, numbers: Sequence[int] | np.ndarray[Any, Any], first: pa.StringArray, bad: list[tuple[int, int, str]]
    ) -> int:
        """The number of the first row that is no data any more."""
        ends = [2**62]
        if self._footer is not None:
            ends += [int(numbers[row]) for row in self._footer.rows(first)[:1]]
            ends += [number for number, _, text in bad if self._footer.knows(_first_field(text, self._text.delimiter))][
                :1
            ]
        if self._text.source.ends_at_blank:
            ends += [int(numbers[row]) for row in np.flatnonzero(pc.is_null(first).to_numpy(zero_copy_only=False))[:1]]
            ends += [number for number, _, text in bad if not text.strip()][:1]
        self._is_over = min(ends) < 2**62
        return min(ends)

    def _made(
        self, batch: pa.RecordBatch, numbers: np.ndarray[Any, np.dtype[np.int64]], bad: list[tuple[int, int, str]]
    ) -> Block:
        width = len(self._heading.names)
        cells = {column: _lengthened(batch.column(column), len(bad)) for column in self._columns}
        every = np.append(numbers, np.array([number for number, _, _ in bad], np.int64)) + self._moved
        faults = {
            (len(numbers) + at, WHOLE_ROW): Fault(f"fields({width})", text) for at, (_, _, text) in enumerate(bad)
        }
        return Block(
            "",
            every,
            cells,
            lambda row, column: batch.column(column)[row].as_py() if row < batch.num_rows else None,
            faults,
        )


def _lengthened(texts: pa.StringArray, more: int) -> Cells:
    found = combined(pa.concat_arrays([texts, pa.nulls(more, pa.string())])) if more else texts
    return Cells(len(found), found)


def _first_field(text: str, delimiter: str) -> str:
    return next((field.strip() for field in next(csv.reader([text], delimiter=delimiter), []) if field.strip()), "")
