"""Where the table stands on a sheet, and how large a file may be."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Literal, get_args

from esteira.contract.choices import require_choice
from esteira.errors import ConfigError

Fill = Literal["merged", "right", "none"]


@dataclass(frozen=True, slots=True)
class Sheets:
    """Several sheets of a workbook that hold the same table.

    Args:
        like: Pattern of their names with `*` and `?`, in any case.
    """

    like: str = "*"


@dataclass(frozen=True, slots=True)
class HeaderRows:
    """The rows that name the columns.

    Args:
        skip: Rows above them, such as a banner; None finds them: the first row that holds the printed name of every column.
        rows: How many they are; their texts are joined from above, empty ones left out.
        joined: What stands between the joined texts.
        fill: What an empty cell of an upper row takes over: what it is `merged` with, the text to its left (`right`), or `none`.
        search: How many rows are looked through when `skip` is None.

    Raises:
        ConfigError: There is no row, or `skip` is below zero.
    """

    skip: int | None = None
    rows: int = 1
    joined: str = " "
    fill: Fill = "merged"
    search: int = 50

    def __post_init__(self) -> None:
        require_choice("HeaderRows(fill)", self.fill, get_args(Fill))
        if self.rows < 1 or self.search < 1 or (self.skip is not None and self.skip < 0):
            raise ConfigError(
                f"HeaderRows(skip={self.skip}, rows={self.rows}, search={self.search}): there is at least one row."
            )


@dataclass(frozen=True, slots=True)
class Melt:
    """Columns side by side that are values of one column: years, months, products.

    Args:
        like: Regular expression that the whole printed name of such a column matches; its named groups become columns, as text.
        value: The column that takes the cells.
        keep_empty: Whether an empty cell makes a row.

    Raises:
        ConfigError: It is no regular expression, or has no named group.
    """

    like: str
    value: str
    keep_empty: bool = False

    def __post_init__(self) -> None:
        try:
            groups = re.compile(self.like).groupindex
        except re.error as exc:
            raise ConfigError(f"Melt(like={self.like!r}) is no regular expression: {exc}.") from exc
        if not groups or self.value in groups:
            raise ConfigError(
                f"Melt(like={self.like!r}, value={self.value!r}): each named group becomes a column beside the value's.",
                hint=r"Write the part of the name that tells columns apart as a named group: (?P<year>\d{4}).",
            )

    @property
    def groups(self) -> tuple[str, ...]:
        """The columns that the names become."""
        return tuple(re.compile(self.like).groupindex)


@dataclass(frozen=True, slots=True)
class Lineage:
    """Columns of the schema that say where a row comes from; None leaves one out.

    Args:
        file: Takes the file's name.
        sheet: Takes the sheet's name; empty for delimited text.
        row: Takes the row's number as a spreadsheet program shows it, from 1.
    """

    file: str | None = None
    sheet: str | None = None
    row: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are named."""
        return tuple(filter(None, (self.file, self.sheet, self.row)))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may be, checked before anything of it is parsed.

    Args:
        size_bytes: The file itself.
        inflated_bytes: All that an archive or a workbook holds, uncompressed.
        rows: Rows of one sheet, used or not; a worksheet has at most 1,048,576.
        columns: Columns of one sheet, used or not; Excel has 16,384, and an office program may write an empty cell in the last one.
        sheets: Sheets of a workbook.
        cells: Rows times columns of one sheet of a workbook: its reader reserves about 80 bytes for each.
        strings: Different texts of a workbook.

    Raises:
        ConfigError: One of them is below one.
    """

    size_bytes: int = 2 * 1024**3
    inflated_bytes: int = 4 * 1024**3
    rows: int = 50_000_000
    columns: int = 16_384
    sheets: int = 200
    cells: int = 20_000_000
    strings: int = 5_000_000

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            if getattr(self, each.name) < 1:
                raise ConfigError(f"Limits({each.name}={getattr(self, each.name)}) lets nothing through.")
