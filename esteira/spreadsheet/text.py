"""A file of delimited text as Arrow reads it: its encoding and its heading, its rows in batches, and those that do not fit."""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from esteira.contract import SpreadsheetSource
from esteira.spreadsheet.buffers import check_text
from esteira.spreadsheet.failure import failed
from esteira.spreadsheet.heading import Heading, Headings
from esteira.spreadsheet.opening import Opened
from esteira.spreadsheet.quotes import count_quotes, open_quote

BLOCK_BYTES = 1024 * 1024
"""Text of a piece; a row must fit into it. Arrow reads some blocks ahead, so they make most of the memory."""
_SCAN_BYTES = 4 * 1024 * 1024
csv.field_size_limit(BLOCK_BYTES)  # its own limit, an eighth of that, refuses outlines of areas in the first rows


class BrokenRows:
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


class DelimitedText:
    """The file.

    Args:
        file: Opened, and no archive any more.
        source: Its encoding and its delimiter.
    """

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

    def batches(self, heading: Heading, lines: int, broken: BrokenRows) -> Iterator[pa.RecordBatch]:
        """The rows as Arrow reads them: a quoted and an empty text are the same, an empty one is null."""
        names, quotes = [str(column) for column in range(len(heading.names))], count_quotes(self.file.path)
        arrow_encoding = "utf8" if self.encoding == "utf-8-sig" else self.encoding
        read = pacsv.ReadOptions(
            column_names=names, skip_rows=lines, block_size=BLOCK_BYTES, encoding=arrow_encoding, use_threads=False
        )
        parse = pacsv.ParseOptions(
            delimiter=self.delimiter,
            newlines_in_values=quotes
            > 0,  # without any, Arrow need not parse all of a block to find where its last row ends
            ignore_empty_lines=False,
            invalid_row_handler=broken.take,
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
        self._check_quotes(quotes)
        for batch in pacsv.open_csv(self.file.path, read_options=read, parse_options=parse, convert_options=convert):
            for texts in batch.columns:
                check_text(texts)
            yield batch

    def _check_quotes(self, quotes: int) -> None:
        line = open_quote(self.file.path, self.encoding, self.delimiter, quotes)
        if line is not None:
            raise failed(
                self.file.name, f"line {line:,}: a quoted text begins in this row and never ends, so the rows below would be part of it.",
                "Copy the file again if it was cut off there; otherwise correct the quote, or delimiter= in the contract.",
            )  # fmt: skip

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
