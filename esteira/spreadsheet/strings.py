"""The texts that the sheets of an xlsx share: how many there are, and which of them hold raised signs."""

from __future__ import annotations

import re
import zipfile
from typing import Any

from esteira.contract import SpreadsheetSource
from esteira.spreadsheet.failure import failed
from esteira.spreadsheet.xml import TAIL_BYTES, chunks_of, is_plain, local, parse

_STRING = re.compile(rb"<(?:[\w.-]+:)?si[\s>/]")


def raised_texts(archive: zipfile.ZipFile, member: str, name: str, source: SpreadsheetSource) -> dict[int, str]:
    """The texts with raised signs in them, by number: the mark of a footnote behind 9 makes 91 of it.

    Raises:
        SpreadsheetError: There are more texts than the limit, or it is damaged or has an entity.
    """
    count, seen, is_odd = 0, 0, False
    for number, chunk in enumerate(chunks_of(archive, member, name)):
        is_odd = is_odd or not is_plain(chunk, is_first=number == 0) or b"vertAlign" in chunk
        count += sum(1 for each in _STRING.finditer(chunk) if each.end() > seen)
        seen = min(len(chunk), TAIL_BYTES)
    if count > source.limits.strings:
        raise failed(
            name, f"{count:,} different texts are more than the limit of {source.limits.strings:,} (strings).",
            "Save it as CSV, or raise Limits(strings=...).",
        )  # fmt: skip
    found = _Texts()
    if is_odd:
        parse(archive, member, name, found)
    return found.raised


def is_raised(attributes: dict[str, str]) -> bool:
    """Whether a run of text stands above the others."""
    return attributes.get("val") == "superscript"


class _Texts:
    """Each shared text in order."""

    def __init__(self) -> None:
        self.raised: dict[int, str] = {}
        self._number, self._is_raised, self._text = -1, False, list[str]()

    def attach(self, parser: Any) -> None:
        """Hear a parser's elements."""
        parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = (
            self._start,
            self._characters,
            self._end,
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = local(name)
        if kind == "si":
            self._number, self._is_raised, self._text = self._number + 1, False, []
        elif kind == "vertAlign":
            self._is_raised = self._is_raised or is_raised(attributes)

    def _characters(self, content: str) -> None:
        self._text.append(content)

    def _end(self, name: str) -> None:
        if local(name) == "si" and self._is_raised:
            self.raised[self._number] = "".join(self._text)
