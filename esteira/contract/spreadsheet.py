"""`SpreadsheetSource`: a table in files that people or portals make, workbooks and delimited text."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

from esteira.contract.choices import require_choice
from esteira.contract.clock import Clock
from esteira.contract.layout import HeaderRows, Limits, Lineage, Melt, Sheets
from esteira.contract.locales import Locale, check_pattern, locale_of
from esteira.contract.origin import Inbox, Origin
from esteira.errors import ConfigError, SpreadsheetError

Format = Literal["xlsx", "xlsm", "xls", "ods", "csv", "tsv", "txt"]
Hidden = Literal["refuse", "skip", "read"]
Merged = Literal["refuse", "fill"]
Serials = Literal["refuse", "workbook", "1900", "1904"]
Midnight = Literal["refuse", "next_day"]
PERIOD_GROUPS = ("year", "month", "day")
Blanks = Literal["strip", "keep"]
_CHOICES: dict[str, Any] = {
    "hidden": Hidden,
    "merged": Merged,
    "serials": Serials,
    "midnight": Midnight,
    "blanks": Blanks,
}


@dataclass(frozen=True, slots=True)
class SpreadsheetSource:
    """A table in files.

    Args:
        match: Pattern of the files' names with `*` and `?`, in any case; one or several.
        origin: Where they come from: `Inbox()`, `Download(...)`, `Listing(...)`.
        period: Regular expression of a piece of the name that tells what time the file is about, by the named groups `year`, `month` and `day`:
            a file about an earlier period is older, whenever it came. None goes by when it came.
        format: What they are; None goes by the ending of the name. What a file really is must agree with it.
        member: Pattern of the file inside an archive; None takes the only one.
        sheet: A sheet's name, its place from 0, or `Sheets(like)` for several.
        header: Where the names of the columns stand; None where there are none, then `columns` names them in order.
        columns: Printed name to the contract's, where they differ by more than accents, case and signs; a column without a name is `[C]`.
            Without a header the contract's names in order, an empty one for a column that is not needed.
        inputs: Columns that only the transform needs, delivered to it as text.
        footer: Patterns with `*` and `?`, in any case, of the first text in a row: the first such row and all below it are no data.
        ends_at_blank: Whether the first empty row ends the table; otherwise empty rows are passed over.
        melt: Columns side by side that become rows.
        merged: What a merged cell among the data does: `refuse` quarantines its rows, `fill` gives each the value.
        hidden: What hidden rows and sheets do: `refuse` the file, `skip` them, `read` them like others.
        locale: How values are printed: `pt-BR`, `en-US`, `iso`, or a `Locale`.
        dates: A column's own pattern of dates, instead of the locale's.
        nulls: Texts that mean "no value", beside the empty one.
        blanks: What blanks around a text do, no-break spaces too: `strip` them, or `keep` them in columns of text.
        codes: Text columns whose cells may be numbers, and how many digits their codes have at least: 7 becomes `007` under 3.
        clocks: Text columns whose cells may be times of day or durations: `13:05:00`, `26:30:00`.
        serials: The epoch of a bare number in a column of dates; `workbook` takes the file's own. `refuse` refuses the row.
        midnight: What `24:00` does: `refuse` the row, or begin the `next_day`.
        timezone: The zone of moments without one.
        encoding: Of delimited text.
        delimiter: Of delimited text; None takes the locale's for csv and the tabulator for tsv.
        lineage: Columns that say where a row comes from.
        limits: What a file may be.

    Raises:
        ConfigError: The arguments do not fit each other.
    """

    match: str | tuple[str, ...] = "*"
    origin: Origin = field(default_factory=Inbox)
    period: str | None = None
    format: Format | None = None
    member: str | None = None
    sheet: str | int | Sheets = 0
    header: HeaderRows | None = field(default_factory=HeaderRows)
    columns: Mapping[str, str] | tuple[str, ...] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    ends_at_blank: bool = False
    melt: Melt | None = None
    merged: Merged = "refuse"
    hidden: Hidden = "refuse"
    locale: str | Locale = "pt-BR"
    dates: Mapping[str, str] = field(default_factory=dict)
    nulls: tuple[str, ...] = ()
    blanks: Blanks = "strip"
    codes: Mapping[str, int] = field(default_factory=dict)
    clocks: tuple[str, ...] = ()
    serials: Serials = "refuse"
    midnight: Midnight = "refuse"
    timezone: str = "UTC"
    encoding: str = "utf-8"
    delimiter: str | None = None
    lineage: Lineage = field(default_factory=Lineage)
    limits: Limits = field(default_factory=Limits)

    incremental: ClassVar[None] = None
    """A batch's window is its file: there is no cursor."""
    parent: ClassVar[None] = None
    parent_columns: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for argument, words in _CHOICES.items():
            require_choice(f"SpreadsheetSource({argument})", getattr(self, argument), get_args(words))
        if self.format is not None:
            require_choice("SpreadsheetSource(format)", self.format, get_args(Format))
        self._check_tuples()
        self._check_names()
        self._check_period()
        self._check_printed()

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of the files' names."""
        return (self.match,) if isinstance(self.match, str) else self.match

    def period_of(self, name: str) -> dict[str, int]:
        """The period that a file's name tells, by group; empty where the contract asks for none.

        Raises:
            SpreadsheetError: The name tells none.
        """
        if self.period is None:
            return {}
        found = re.search(self.period, name)
        if found is None or not all(text and text.isdecimal() for text in found.groupdict().values()):
            raise SpreadsheetError(
                f"The name {name[:80]!r} tells no period: it does not match {self.period!r}.",
                hint="Rename the file as it was agreed, and drop it again.",
            )
        return {group: int(text) for group, text in found.groupdict().items()}

    @property
    def rename(self) -> Mapping[str, str]:
        """Names as the file prints them, and as the contract has them."""
        return self.columns if isinstance(self.columns, Mapping) else {}

    @property
    def prints(self) -> Locale:
        """How values are printed."""
        return locale_of(self.locale)

    @property
    def definition_hash(self) -> str:
        """Eight hex digits that change when the place changes that files come from; how they are read does not count: a batch is named by its file's hash."""
        definition = {"type": type(self).__name__, "origin": type(self.origin).__name__, **self.origin.definition}
        return hashlib.sha256(json.dumps(definition, sort_keys=True, default=str).encode()).hexdigest()[:8]

    def _check_tuples(self) -> None:
        """Refuse a text in the place of a tuple: it would pass as a tuple of letters."""
        for argument in ("inputs", "footer", "nulls", "clocks"):
            given = getattr(self, argument)
            if not isinstance(given, tuple) or not all(isinstance(each, str) for each in given):
                raise ConfigError(f"SpreadsheetSource({argument}={given!r}) is no tuple of texts.")
        if not self.patterns or not all(self.patterns):
            raise ConfigError(f"SpreadsheetSource(match={self.match!r}) matches no file.", hint='Write match="*.xlsx".')

    def _check_names(self) -> None:
        if (self.header is None) != isinstance(self.columns, tuple):
            raise ConfigError(
                "SpreadsheetSource: header=None and names in order, columns=(...), go together.",
                hint="Where the file prints names, columns maps them: columns={'Valor (R$)': 'amount'}.",
            )
        ours = list(self.columns.values()) if isinstance(self.columns, Mapping) else [*self.columns]
        twice = sorted({name for name in ours if name and ours.count(name) > 1})
        if twice:
            raise ConfigError(
                f"SpreadsheetSource(columns=...) makes {', '.join(twice)} of more than one printed column."
            )

    def _check_period(self) -> None:
        if self.period is None:
            return
        try:
            groups = list(re.compile(self.period).groupindex)
        except re.error as exc:
            raise ConfigError(f"SpreadsheetSource(period={self.period!r}) is no regular expression: {exc}.") from exc
        if not groups or sorted(groups) != sorted(PERIOD_GROUPS[: len(groups)]):
            raise ConfigError(
                f"SpreadsheetSource(period={self.period!r}) has the groups {', '.join(groups) or 'none'}.",
                hint=r"Name year, or year and month, or all three: (?P<year>\d{4})-(?P<month>\d\d).",
            )

    def _check_printed(self) -> None:
        locale = locale_of(self.locale)
        _ = Clock("epoch", self.timezone).zone
        for pattern in self.dates.values():
            check_pattern(pattern, has_months=bool(locale.months))
        if any(digits < 1 for digits in self.codes.values()):
            raise ConfigError(f"SpreadsheetSource(codes={dict(self.codes)!r}): a code has at least one digit.")
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise ConfigError(f"SpreadsheetSource(delimiter={self.delimiter!r}) is not one character.")
        try:
            codecs.lookup(self.encoding)
        except LookupError as exc:
            raise ConfigError(
                f"SpreadsheetSource(encoding={self.encoding!r}) is no encoding.",
                hint="utf-8, cp1252, latin-1 or utf-16.",
            ) from exc
