"""Business names of datasets and columns, by language: what analysts read in views, files and the dictionary.

A title becomes a quoted SQL identifier. Redshift allows any printable character in one but the double quotation mark, folds it to lower
case and takes 127 bytes: https://docs.aws.amazon.com/redshift/latest/dg/r_names.html
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from esteira.errors import ConfigError

Titles = Mapping[str, str]
LANGUAGES = ("en", "pt")
MAX_TITLE_BYTES = 127
_VIEW = re.compile(r"[a-z][a-z0-9_]*")
_HINT = (
    'Write title={"en": "...", "pt": "..."} with words that people use: printable, without double quotation marks, 127 bytes in UTF-8 at '
    "most, not beginning with an underscore."
)


class Titled(Protocol):
    """Anything with a name and titles."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def titles(self) -> Titles:
        """Its titles by language."""


@dataclass(frozen=True)
class Named:
    """A column that a contract does not declare itself, with its titles."""

    name: str
    titles: Titles


def titles_of(name: str, given: Titles) -> dict[str, str]:
    """The title in each language; one that the contract does not give is the name in words: `dep_delay` is "dep delay"."""
    return {language: given.get(language) or name.replace("_", " ").strip() for language in LANGUAGES}


def view_name(title: str) -> str:
    """A title as a name that needs no quotes: `Companhias aéreas` is `companhias_aereas`."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def check_title(what: str, given: Any, *, is_view: bool = False) -> None:
    """Refuse titles that cannot be shown or written as SQL identifiers.

    Args:
        what: Whose they are, for messages.
        given: Title by language, as the contract has it.
        is_view: Whether a view is named after it.

    Raises:
        ConfigError: They are no titles.
    """
    if not isinstance(given, Mapping) or not set(given) <= set(LANGUAGES):
        raise ConfigError(f"{what}: title={given!r} is no title by language ({', '.join(LANGUAGES)}).", hint=_HINT)
    for language, title in given.items():
        problem = _problem(title)
        if problem is None and is_view and not _VIEW.fullmatch(view_name(title)):
            problem = "makes no name of a view: it begins with no letter"
        if problem is not None:
            raise ConfigError(f"{what}: title {title!r} ({language}) {problem}.", hint=_HINT)


def check_unique(titled: Iterable[Titled]) -> None:
    """Refuse two columns of one title in one language: a view cannot have both.

    Raises:
        ConfigError: There are two.
    """
    for language in LANGUAGES:
        taken: dict[str, str] = {}
        for each in titled:
            title = each.titles[language]
            first = taken.setdefault(folded(title), each.name)
            if first != each.name:
                raise ConfigError(
                    f"Columns {first!r} and {each.name!r} have one title in {language}: {title!r}.",
                    hint='Tell them apart with metadata={"title": {"en": "...", "pt": "..."}}; capitals make no difference.',
                )


def folded(title: str) -> str:
    """A title as Redshift compares it."""
    return unicodedata.normalize("NFC", title).lower()


def _problem(title: Any) -> str | None:
    if not isinstance(title, str) or not title or title != title.strip():
        return "is no text, empty, or has blanks around it"
    if len(title.encode(errors="replace")) > MAX_TITLE_BYTES:
        return f"is longer than {MAX_TITLE_BYTES} bytes"
    if '"' in title or title.startswith("_"):
        return "holds a double quotation mark or begins with an underscore"
    if not title.isprintable() or unicodedata.normalize("NFC", title) != title:
        return "holds a control character, or letters and accents apart from each other"
    return None
