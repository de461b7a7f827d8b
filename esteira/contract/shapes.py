"""The forms in which a page holds its records, where they are no list of objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from esteira.contract.paths import compiled, path_of
from esteira.errors import ConfigError


@dataclass(frozen=True, slots=True)
class FirstRecord:
    """Records are arrays, and the first of each page holds the names of their values."""


Columns: TypeAlias = str | tuple[str, ...] | FirstRecord | None
"""Where the names of the values stand when records are arrays: a JMESPath, the names themselves, or the first record; None for objects."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the records stand in a page.

    Attributes:
        records: Their JMESPath; empty when they are the page.
        columns: What their values are called when they are arrays.
        is_single: Whether one object stands there instead of a list.
    """

    records: str = ""
    columns: Columns = None
    is_single: bool = False

    def check(self) -> None:
        """Refuse arguments that exclude each other.

        Raises:
            ConfigError: The arguments exclude each other, or a name stands twice.
        """
        for path in (self.records, self.columns):
            if isinstance(path, str) and path:
                compiled(path)
        if self.is_single and self.columns is not None:
            raise ConfigError("ApiSource: a single record is an object, and columns= is for records that are arrays.")
        if isinstance(self.columns, tuple) and (len(set(self.columns)) < len(self.columns) or not all(self.columns)):
            raise ConfigError(f"ApiSource(columns={self.columns!r}) names a column twice, or has one without a name.")
        if self.columns in {"", ()}:
            raise ConfigError(
                "ApiSource(columns=...) is empty.", hint="Give a JMESPath of the names, the names, or FirstRecord()."
            )


def check_rename(rename: dict[str, str]) -> None:
    """Refuse names that lead nowhere, or to the same column.

    Raises:
        ConfigError: See `path_of`; or two names become one column.
    """
    for name in rename:
        path_of(name)
    ours = list(rename.values())
    twice = sorted({name for name in ours if ours.count(name) > 1})
    if twice:
        raise ConfigError(f"ApiSource(rename=...) makes {', '.join(twice)} of more than one of the portal's columns.")
