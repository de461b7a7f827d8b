"""Sample pages made fit to be committed: few records, nothing personal, and the same shape.

A text is kept only where it is harmless for certain: a moment, a number, or a word that many rows share. Everything else is replaced by letters
and digits of the same lengths. The replacement of a value depends on how many came before it and on nothing in it, so it gives nothing away;
equal values have equal replacements on all pages, so keys and references still fit.
"""

from __future__ import annotations

import random
import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from esteira.recognise.columns import ColumnGuess
from esteira.recognise.draft import Draft
from esteira.recognise.personal import is_personal_text
from esteira.recognise.sample import joined

ROWS_OF_PAGE = 20
LONG_NUMBER = 10**8
"""In an envelope: shorter ones count something, longer ones may be a document's."""
_SHARED = 4
"""A word stands for a category when there are at most a quarter as many different ones as rows."""
_TRIES = 200
_HARMLESS = re.compile(
    r"[-+]?\d{4}-\d\d-\d\d([T ][\d:.]+(Z|[+-]\d\d:?\d\d)?)?|[-+]?\d+\.\d+|true|false|", re.IGNORECASE
)


def scrubbed(pages: Sequence[Any], draft: Draft) -> list[bytes]:
    """The pages to keep.

    Args:
        pages: Decoded sample pages in order.
        draft: What was recognised in them.
    """
    rows = [(draft.records.of(page) or [])[:ROWS_OF_PAGE] for page in pages]
    scrub = _Scrub(draft.columns, [row for each in rows for row in each])
    count, last = sum(len(each) for each in rows), len(pages) - 1
    envelopes = [_Envelope(draft, scrub, each, count, is_last=at == last) for at, each in enumerate(rows)]
    return [_encoded(envelope.kept(page, "")) for envelope, page in zip(envelopes, pages, strict=True)]


class Shapes:
    """Replacements of texts by others of the same shape; equal texts have equal ones."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._used: set[str] = set()

    def of(self, text: str) -> str:
        """Letters for letters, digits for digits, everything else as it stands."""
        if text not in self._known:
            self._known[text] = self._new(text)
        return self._known[text]

    def _new(self, text: str) -> str:
        chance = random.Random(len(self._known))  # noqa: S311 - a sequence that repeats, and no secret
        for _ in range(_TRIES):
            made = "".join(_like(letter, first=not at, chance=chance) for at, letter in enumerate(text))
            if made not in self._used and made != text:
                break
        else:
            made = f"{made}{len(self._known)}"  # short values run out of shapes; a key stays unique
        self._used.add(made)
        return made


class _Scrub:
    """Records by their columns."""

    def __init__(self, columns: Iterable[ColumnGuess], rows: Sequence[Mapping[str, Any]]) -> None:
        self._shapes = Shapes()
        self._keeps = {column.source: keeps(column, [row.get(column.source) for row in rows]) for column in columns}
        self._personal = {column.source for column in columns if column.pii_why}

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(name, value) for name, value in row.items()}

    def text(self, value: str) -> str:
        """A text of the same shape."""
        return self._shapes.of(value)

    def number(self, value: int) -> int:
        """A number of as many digits."""
        return int(self._shapes.of(str(value)))

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool) and name in self._personal:
            return self.number(value)
        if isinstance(value, str) and self._keeps.get(name):
            return value
        return self._nested(value)

    def _nested(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._nested(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._nested(each) for each in value]
        return self._shapes.of(value) if isinstance(value, str) and not _HARMLESS.fullmatch(value) else value


def keeps(column: ColumnGuess, values: Sequence[Any]) -> bool:
    """Whether the texts of a column may stay."""
    texts = [value for value in values if isinstance(value, str)]
    if column.pii_why or any(is_personal_text(text) for text in texts):
        return False
    if column.kind in {"moment", "local moment", "day", "decimal"}:
        return True
    counted = Counter(texts)
    return bool(texts) and len(counted) * _SHARED <= len(texts) and max(map(len, counted)) <= 30


class _Envelope:
    """What stands around the records of one page, with its links and totals fit for the recording.

    A token may be made of the last record's key, and what stands beside the records may be about people too: so texts and long numbers are replaced.
    """

    def __init__(self, draft: Draft, scrub: _Scrub, rows: Sequence[Any], count: int, *, is_last: bool) -> None:
        self._draft, self._scrub, self._count, self._is_last = draft, scrub, count, is_last
        self._rows = rows
        self._names = {column.source for column in draft.columns}

    def kept(self, node: Any, path: str, key: str = "") -> Any:
        """A node of the page, as it may stay."""
        if path == self._draft.records.path:
            return self._draft.records.as_found([self._scrub.row(row) for row in self._rows])
        if isinstance(node, dict):
            return {name: self.kept(each, joined(path, name), name) for name, each in node.items()}
        if isinstance(node, list):
            return [self.kept(each, f"{path}[]", key) for each in node]
        if self._draft.total and path == self._draft.total[0]:
            return str(self._count) if isinstance(node, str) else self._count
        return self._value(node, key)

    def _value(self, value: Any, key: str) -> Any:
        if isinstance(value, int) and abs(value) >= LONG_NUMBER:
            return self._scrub.number(value)
        if not isinstance(value, str) or _HARMLESS.fullmatch(value) or key == "rel" or value in self._names:
            return value
        if re.match(r"https?://|/", value) or "?" in value:
            return None if self._is_last else f"{self._draft.place.path}?page=2"
        return self._scrub.text(value)


def _like(letter: str, *, first: bool, chance: random.Random) -> str:
    if letter.isdigit():
        return chance.choice("123456789" if first else string.digits)
    if letter.isalpha():
        return chance.choice(string.ascii_uppercase if letter.isupper() else string.ascii_lowercase)
    return letter


def _encoded(page: Any) -> bytes:
    """One record a line, as the fixtures of the project are."""
    text = _ENCODER.encode(page)
    return bytes(msgspec.json.format(text, indent=1)) + b"\n"


_ENCODER = msgspec.json.Encoder(decimal_format="number")
