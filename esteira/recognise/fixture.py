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
from decimal import Decimal
from typing import Any

import msgspec

from esteira.recognise.columns import ColumnGuess
from esteira.recognise.draft import Draft
from esteira.recognise.personal import is_personal_text

ROWS_OF_PAGE = 20
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
    count = sum(len(each) for each in rows)
    return [
        _encoded(
            _page(
                page,
                "",
                draft,
                draft.records.as_found([scrub.row(row) for row in each]),
                count,
                is_last=number == len(pages),
            )
        )
        for number, (page, each) in enumerate(zip(pages, rows, strict=True), 1)
    ]


class Shapes:
    """Replacements of the same shape, each value's own."""

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
        self._keeps = {column.source: _keeps(column, [row.get(column.source) for row in rows]) for column in columns}
        self._personal = {column.source for column in columns if column.pii_why}

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(name, value) for name, value in row.items()}

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool) and name in self._personal:
            return _number(self._shapes.of(str(value)))
        if isinstance(value, str) and self._keeps.get(name):
            return value
        return self._nested(value)

    def _nested(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._nested(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._nested(each) for each in value]
        return self._shapes.of(value) if isinstance(value, str) and not _HARMLESS.fullmatch(value) else value


def _keeps(column: ColumnGuess, values: Sequence[Any]) -> bool:
    """Whether the texts of a column may stay."""
    texts = [value for value in values if isinstance(value, str)]
    if column.pii_why or any(is_personal_text(text) for text in texts):
        return False
    if column.kind in {"moment", "local moment", "day", "decimal"}:
        return True
    counted = Counter(texts)
    return bool(texts) and len(counted) * _SHARED <= len(texts) and max(map(len, counted)) <= 30


def _page(node: Any, path: str, draft: Draft, rows: Any, count: int, *, is_last: bool) -> Any:
    """The envelope with these rows in it; links, tokens and totals of it fit the recording."""
    from esteira.recognise.sample import joined  # noqa: PLC0415

    if path == draft.records.path:
        return rows
    if isinstance(node, dict):
        return {
            key: _page(each, joined(path, key), draft, rows, count, is_last=is_last) for key, each in node.items()
        }  # fmt: skip
    if isinstance(node, list):
        return [_page(each, f"{path}[]", draft, rows, count, is_last=is_last) for each in node]
    if draft.total and path == draft.total[0]:
        return str(count) if isinstance(node, str) else count
    return _told(node, draft, is_last=is_last)


def _told(value: Any, draft: Draft, *, is_last: bool) -> Any:
    """A text of the envelope: a link keeps its path, a token its shape."""
    if not isinstance(value, str) or _HARMLESS.fullmatch(value):
        return value
    if re.match(r"https?://|/", value) or "?" in value:
        return None if is_last else f"{draft.place.path}?page=2"
    return value if len(value) <= 12 and not is_personal_text(value) else Shapes().of(value)


def _like(letter: str, *, first: bool, chance: random.Random) -> str:
    if letter.isdigit():
        return chance.choice("123456789" if first else string.digits)
    if letter.isalpha():
        return chance.choice(string.ascii_uppercase if letter.isupper() else string.ascii_lowercase)
    return letter


def _number(text: str) -> int:
    return int(text)


def _encoded(page: Any) -> bytes:
    """One record a line, as the fixtures of the project are."""
    text = _ENCODER.encode(page)
    return bytes(msgspec.json.format(text, indent=1)) + b"\n"


def _decimal(value: Any) -> Any:
    if isinstance(value, Decimal):
        return msgspec.Raw(str(value).encode())
    raise TypeError


_ENCODER = msgspec.json.Encoder(decimal_format="number")
