"""What of a refused row may be shown: an allow-list. Whatever does not lead to a known column that is not personal is masked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from esteira.contract import Dataset
from esteira.portal.exact import EXACT
from esteira.quarantine.allowed import HIDDEN, allowed
from esteira.quarantine.refused import Kept, Reason, Refused
from esteira.quarantine.sentences import sentence
from esteira.redaction import MASK, printable

OTHERS = "(others)"
"""Stands for all keys of a record that are not shown, names included: a portal may use persons as keys."""
MAX_CHARACTERS = 200
_ROW = "*"


class Mask:
    """Shows the refused rows of one dataset.

    Args:
        dataset: The contract.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._open = frozenset(column.name for column in dataset.columns if not column.is_pii)
        self._allowed = allowed(dataset, self._open)

    def refused(self, row: Refused) -> Refused:
        """The same row, fit to be shown."""
        decoded = _decoded(row.record)
        reasons = tuple(self._reason(each, decoded) for each in row.reasons)
        return replace(row, reasons=reasons, record=msgspec.json.encode(self._record(decoded)).decode())

    def kept(self, found: Kept) -> Kept:
        """The same rules and samples, fit to be shown; an example is told by the row that it comes from."""
        first = {row.position: _decoded(row.record) for row in found.samples}
        rules = tuple(
            replace(each, example=self._value(each.column, each.example, first.get(each.first))) for each in found.rules
        )
        return replace(found, rules=rules, samples=tuple(self.refused(row) for row in found.samples))

    def _reason(self, reason: Reason, record: Any) -> Reason:
        value = self._value(reason.column, reason.value, record)
        return replace(reason, value=value, sentence=sentence(self._dataset, reason.column, reason.rule, value))

    def _value(self, column: str, value: str, record: Any) -> str:
        """A value of an unknown column, of a personal one, or of one that holds an object where a plain value belongs, is masked."""
        if column == _ROW and not value:
            return ""
        if column not in self._open:
            return MASK
        if column not in self._dataset.derived and not self._allowed.has(column, record):
            return MASK
        return printable(value, limit=MAX_CHARACTERS)

    def _record(self, record: Any) -> dict[str, Any]:
        if not isinstance(record, dict):
            return {OTHERS: MASK}
        shown = {name: _shown(value) for name, value in self._allowed.pairs(record)}
        return shown if self._allowed.is_all(record) else shown | {OTHERS: MASK}


def _shown(value: Any) -> Any:
    if value is HIDDEN:
        return MASK
    return printable(value, limit=MAX_CHARACTERS) if isinstance(value, str) else value


def _decoded(record: str) -> Any:
    try:
        return EXACT.decode(record)
    except msgspec.DecodeError:
        return None
