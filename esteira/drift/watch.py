"""What the records of a batch are made of, gathered while they are curated: names that nobody knows, and values that break their type.

The hot path pays for counting only: what is looked at closely is a sample of the columns that differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from typing import Any

import msgspec
import pyarrow as pa

from esteira.contract import Dataset, SpreadsheetSource
from esteira.drift.finding import ALTERED, RETYPED_SHARE, RETYPED_VALUES, Finding, guess_retyped, guess_type
from esteira.lake import Seen
from esteira.quality.decode import Decoded
from esteira.quality.rejection import Rejection
from esteira.quality.wire import spellings, value_at, wire_of
from esteira.recognise.columns import free_names
from esteira.redaction import printable

SAMPLE = 100
"""Values of a column that its type is guessed from."""
MAX_SEARCHED = 100_000
"""Records that are searched for the values of a column that few of them have: 0.03 seconds."""
MAX_NAMES = 1_000
"""New columns that are remembered: a portal that keys an object by its rows would else fill seals and messages."""
NAME_CHARACTERS = 128
"""Of a portal's name that are remembered."""
_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
Records = Sequence[msgspec.Raw]


class Watch:
    """Sees one batch, chunk by chunk and in order.

    Args:
        dataset: The contract.
    """

    def __init__(self, dataset: Dataset) -> None:
        rename = dataset.source.rename
        self._is_file = isinstance(dataset.source, SpreadsheetSource)
        self._wire = {rename.get(column.name, column.name): column for column in wire_of(dataset)}
        self._known = {column.name: column.arrow for column in dataset.columns}
        self._optional = {column.name for column in dataset.columns if column.is_optional}
        self._values: Counter[str] = Counter()
        self._broken: Counter[str] = Counter()
        self._samples: dict[str, list[Any]] = {}
        self._new: dict[str, list[Any]] = {}
        self._searched: Counter[str] = Counter()
        self._absent: tuple[str, ...] | None = None
        self._rows = 0

    def see(self, decoded: Decoded, records: Records) -> None:
        """Take the next records.

        Args:
            decoded: What was made of them.
            records: They themselves.
        """
        self._rows += len(records)
        absent = decoded.absent if self._absent is None else self._absent
        self._absent = tuple(name for name in absent if name in decoded.absent)
        for name in self._wire:
            column = decoded.table.column(name)
            self._values[name] += len(column) - column.null_count
        for name in decoded.new_columns:
            self._see_new(name, records)
        self._see_broken(decoded, records)

    def add(self, following: Watch) -> None:
        """Add what another watch saw of the records that follow these."""
        self._rows += following._rows
        if following._absent is not None:
            absent = following._absent if self._absent is None else self._absent
            self._absent = tuple(name for name in absent if name in following._absent)
        self._values.update(following._values)
        self._broken.update(following._broken)
        for name, sample in following._samples.items():
            self._samples[name] = [*self._samples.get(name, ()), *sample][:SAMPLE]
        for name, sample in following._new.items():
            if name in self._new or len(self._new) < MAX_NAMES:
                self._new[name] = [*self._new.get(name, ()), *sample][:SAMPLE]

    def new(self) -> Iterator[Finding]:
        """The columns that the contract does not know, as they came."""
        names = free_names(self._new, self._known)
        for source, sample in self._new.items():
            shown = _shown(source)
            guess = replace(guess_type(source, sample), source=shown, name=names[source])
            yield Finding("new", names[source], shown, guess=guess)

    def missing(self) -> Iterator[Finding]:
        """The columns of the contract that no record has."""
        for name in self._absent or ():
            yield Finding("missing", name, self._wire[name].name, was=str(self._type(name)), values=self._rows)

    def retyped(self) -> Iterator[Finding]:
        """The columns whose values, nearly all of them, break their type and are of one other."""
        for name, broken in self._broken.items():
            values = self._values[name] + broken
            if broken < RETYPED_VALUES or broken < RETYPED_SHARE * values:
                continue
            guess = guess_retyped(name, self._type(name), self._samples[name])
            if guess is not None:
                source = self._wire[name].name
                yield Finding(
                    "retyped", name, source, str(self._type(name)), replace(guess, source=source), values, broken
                )

    def broken(self) -> Iterator[Finding]:
        """What the contract does not let pass at the end of a batch: retyped columns, and missing ones that are not optional."""
        yield from (each for each in self.missing() if each.column not in self._optional)
        yield from self.retyped()

    def seen(self, nulled: Mapping[str, int]) -> Seen:
        """How the batch differs, as its seal keeps it.

        Args:
            nulled: Bad values that were made null, by `column: rule`.
        """
        absent = tuple(each.column for each in self.missing() if each.column in self._optional)
        return Seen({each.source: each.holds for each in self.new()}, absent, dict(nulled))

    def _type(self, name: str) -> pa.DataType:
        """The contract's type of a column; inputs of a transform, which it does not declare, are texts."""
        return self._known.get(name, pa.string())

    def _see_new(self, name: str, records: Records) -> None:
        if name not in self._new and len(self._new) == MAX_NAMES:
            return
        sample = self._new.setdefault(name, [])
        if len(sample) < SAMPLE and self._searched[name] < MAX_SEARCHED:
            self._searched[name] += len(records)
            keys = spellings(name)
            named = (record for record in records if any(key in bytes(record) for key in keys))
            sample += [_DECODER.decode(record).get(name) for record in islice(named, SAMPLE - len(sample))]

    def _see_broken(self, decoded: Decoded, records: Records) -> None:
        for rejection in decoded.rejections:
            if rejection.rule != "type" or rejection.column not in self._wire:
                continue
            self._broken[rejection.column] += 1
            sample = self._samples.setdefault(rejection.column, [])
            if len(sample) < SAMPLE:
                sample.append(rejection.value if self._is_file else self._found(records, rejection))

    def _found(self, records: Records, rejection: Rejection) -> Any:
        """The value that broke a type: what stands at the column's keys, or at the first of them where there is nothing to look into."""
        keys = self._wire[rejection.column].keys
        value = _DECODER.decode(records[rejection.row])
        try:
            return value_at(value, keys)
        except TypeError:
            return value[keys[0]]


def _shown(source: str) -> str:
    """A portal's name as it may be kept; one that had to be changed for that says so at its end."""
    shown = printable(source, limit=NAME_CHARACTERS)
    return shown if shown == source or shown.endswith(ALTERED) else f"{shown}{ALTERED}"
