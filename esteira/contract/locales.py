"""How people of a country print numbers, days and truth values: declared by the contract, never inferred from the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from esteira.contract.choices import require_choice
from esteira.errors import ConfigError

Percent = Literal["fraction", "number"]
_PARTS = frozenset("dmyYbBHMSfz")
"""What a date's pattern may hold behind a percent sign; `%b` and `%B` are the locale's own names of months."""


@dataclass(frozen=True, slots=True)
class Locale:
    """What printed values mean.

    Args:
        decimal: The sign before decimals.
        thousands: The sign between groups of three digits; empty where there is none. A no-break space stands for every blank.
        delimiter: What separates the fields of a `.csv`: office programs take another one where the comma is the decimal sign.
        dates: The patterns of days and moments, tried in order; `%d %m %y %Y %b %B %H %M %S %f %z`. Without a day the first of the month is meant.
        months: The twelve months' names; their first three letters are their short names.
        currency: Signs that may stand before or behind a number.
        true, false: Words for truth values, in any case.
        percent: What `12,5%` in a column of numbers means: the `fraction` 0.125, as a workbook stores it, or the `number` 12.5.

    Raises:
        ConfigError: The signs are no signs, or are the same; a pattern or the months are not complete.
    """

    decimal: str = "."
    thousands: str = ""
    delimiter: str = ","
    dates: tuple[str, ...] = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z")
    months: tuple[str, ...] = ()
    currency: tuple[str, ...] = ()
    true: tuple[str, ...] = ("true",)
    false: tuple[str, ...] = ("false",)
    percent: Percent = "fraction"

    def __post_init__(self) -> None:
        require_choice("Locale(percent)", self.percent, get_args(Percent))
        signs = (self.decimal, self.thousands) if self.thousands else (self.decimal,)
        if any(len(sign) != 1 or sign.isalnum() or sign in "+-()%" for sign in signs) or len(set(signs)) < len(signs):
            raise ConfigError(
                f"Locale(decimal={self.decimal!r}, thousands={self.thousands!r}): these are not two different signs."
            )
        if len(self.delimiter) != 1:
            raise ConfigError(f"Locale(delimiter={self.delimiter!r}) is not one character.")
        if len(self.months) not in {0, 12}:
            raise ConfigError(f"Locale(months=...) has {len(self.months)} names, not twelve.")
        for pattern in self.dates:
            check_pattern(pattern, has_months=bool(self.months))


def check_pattern(pattern: str, *, has_months: bool) -> None:
    """Refuse a date's pattern that no date can follow.

    Raises:
        ConfigError: It has an unknown part, one twice, no month, no year, or a month's name and the locale has none.
    """
    parts = [piece[:1] for piece in pattern.split("%")[1:]]
    month, year = set(parts) & set("mbB"), set(parts) & set("yY")
    if not set(parts) <= _PARTS or len(set(parts)) < len(parts) or len(month) != 1 or len(year) != 1:
        raise ConfigError(
            f"Pattern {pattern!r} is no date's: it needs one month and one year, and knows %d %m %b %B %y %Y %H %M %S %f %z, each once."
        )
    if not has_months and month & set("bB"):
        raise ConfigError(
            f"Pattern {pattern!r} prints a month's name, and the locale has none: give Locale(months=...)."
        )


LOCALES = {
    "pt-BR": Locale(
        decimal=",",
        thousands=".",
        delimiter=";",
        dates=(
            "%d/%m/%Y", "%d/%m/%y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d-%b-%y", "%d-%b-%Y", "%d/%b/%y", "%d/%b/%Y",
            "%b/%y", "%b/%Y", "%b-%y", "%b-%Y", "%B/%Y", "%d de %B de %Y", "%m/%Y", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S",
        ),
        months=(
            "janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro", "dezembro",
        ),
        currency=("R$",),
        true=("verdadeiro", "sim", "s"),
        false=("falso", "não", "nao", "n"),
    ),
    "en-US": Locale(
        thousands=",",
        dates=(
            "%m/%d/%Y", "%m/%d/%y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d-%b-%y", "%d-%b-%Y", "%b-%y", "%b-%Y", "%b %Y",
            "%B %d, %Y", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S",
        ),
        months=(
            "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
        ),
        currency=("$", "US$"),
        true=("true", "yes", "y"),
        false=("false", "no", "n"),
    ),
    "iso": Locale(),
}  # fmt: skip
"""`iso` is what programs write for programs."""


def locale_of(given: str | Locale) -> Locale:
    """The locale of a name.

    Raises:
        ConfigError: Nobody knows it.
    """
    if isinstance(given, Locale):
        return given
    require_choice("SpreadsheetSource(locale)", given, tuple(LOCALES))
    return LOCALES[given]
