"""A sheet of an xlsx, element by element: what a search through its bytes only suspects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from esteira.spreadsheet.failure import letters
from esteira.spreadsheet.look import RAISED, Fault, Look
from esteira.spreadsheet.strings import is_raised
from esteira.spreadsheet.xml import local


class Elements:
    """Finds hidden rows, errors, formulas without a value and raised signs; counts rows and columns.

    Most cells are plain numbers and texts. Of those only the beginning is heard, since each call from the parser costs more than what it parsed:
    a cell that may be odd, by its type or by what is in it, turns the calls for texts and ends on, and its own end turns them off.

    Args:
        raised: Shared texts with raised signs, by number.
    """

    def __init__(self, raised: Mapping[int, str]) -> None:
        self._raised, self._is_raised = raised, False
        self._odd = {"e", "s"} if raised else {"e"}
        self._parser: Any = None
        self._starts: dict[str, Callable[[dict[str, str]], None] | None] = {}
        self._row = self._last_row = -1
        self._column, self._columns = "", {""}
        self._type = ""
        self._formula: str | None = None
        self._text: list[str] | None = None
        self._value: str | None = None
        self._hidden: set[int] = set()
        self._look = Look(hidden=self._hidden)

    @property
    def look(self) -> Look:
        """What was found until now."""
        self._count_row()
        self._look.rows, self._look.columns = self._last_row + 1, max(map(column_number, self._columns))
        return self._look

    def attach(self, parser: Any) -> None:
        """Hear a parser's elements."""
        self._parser = parser
        parser.StartElementHandler = self._start

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name not in self._starts:
            self._starts[name] = {
                "c": self._start_cell, "v": self._start_text, "f": self._start_formula, "row": self._start_row, "vertAlign": self._raise,
            }.get(local(name))  # fmt: skip
        start = self._starts[name]
        if start is not None:
            start(attributes)

    def _start_row(self, attributes: dict[str, str]) -> None:
        self._count_row()
        self._row = int(attributes["r"]) - 1 if "r" in attributes else self._row + 1
        self._column = ""
        if is_on(attributes.get("hidden")):
            self._hidden.add(self._row)

    def _count_row(self) -> None:
        if self._column:  # it has a cell
            self._last_row = max(self._last_row, self._row)

    def _start_cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        self._column = reference.rstrip("0123456789") if reference else letters(column_number(self._column))
        self._columns.add(self._column)
        self._type = attributes.get("t", "")
        if self._type in self._odd:
            self._hear()

    def _start_text(self, _attributes: dict[str, str]) -> None:
        self._text = []

    def _start_formula(self, _attributes: dict[str, str]) -> None:
        self._text = []
        self._hear()

    def _raise(self, attributes: dict[str, str]) -> None:
        self._is_raised = self._is_raised or is_raised(attributes)
        self._hear()

    def _hear(self) -> None:
        self._parser.CharacterDataHandler, self._parser.EndElementHandler = self._characters, self._end

    def _characters(self, content: str) -> None:
        if self._text is not None:
            self._text.append(content)

    def _end(self, name: str) -> None:
        kind = local(name)
        if kind == "f":
            self._formula, self._text = "".join(self._text or ()), None
        elif kind == "v":
            self._value, self._text = "".join(self._text or ()), None
        elif kind == "c":
            self._end_cell()

    def _end_cell(self) -> None:
        fault = self._fault()
        if fault is not None:
            self._look.faults[self._row][column_number(self._column) - 1] = fault
        self._formula = self._value = None
        self._is_raised = False
        self._parser.CharacterDataHandler = self._parser.EndElementHandler = None

    def _fault(self) -> Fault | None:
        if self._type == "e":
            return Fault("error", self._value or "")
        if self._formula is not None and not (self._value or "").strip() and self._type != "str":
            return Fault("formula", f"={self._formula}")  # an empty text is a value
        shared = int(self._value or -1) if self._raised and self._type == "s" else -1
        return Fault(RAISED, self._raised.get(shared, "")) if self._is_raised or shared in self._raised else None


@lru_cache(maxsize=1024)
def column_number(name: str) -> int:
    """A column's number from 1: `AA` is 27, and no name is 0."""
    count = 0
    for letter in name:
        count = count * 26 + ord(letter) - 64
    return count


def is_on(value: str | None) -> bool:
    """Whether an attribute says yes."""
    return value in {"1", "true", "on"}
