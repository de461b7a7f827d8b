"""Where a key is found: for each batch the positions in its standing raw parts, and whether anything else of it holds the key.

Curated parts are asked by column, quarantined and unsealed records by the value that the portal wrote. Versions below a delete marker are
not read: an erasure deletes them whatever they hold.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from esteira.contract import Dataset
from esteira.contract.columns import POSITION_COLUMN
from esteira.erasure.key import Key
from esteira.erasure.standing import Standing
from esteira.errors import EsteiraError, SealConflict
from esteira.lake import PagePointer, Part
from esteira.lake.index import HEAD
from esteira.lake.layout import TOMBSTONE_NAME, Zone
from esteira.lake.sweep import Survey, SweptLake
from esteira.quality import curate_records
from esteira.raw import pointed_pages, received


@dataclass(frozen=True, slots=True)
class Found:
    """A batch that holds the key.

    Attributes:
        standing: The batch.
        positions: Of its records in the standing raw parts.
        is_elsewhere: Whether objects hold it that do not stand: replaced generations, dead attempts.
        has_tombstone: Whether an earlier erasure began to purge it, and may have died before the end.
    """

    standing: Standing
    positions: frozenset[int] = frozenset()
    is_elsewhere: bool = False
    has_tombstone: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """What a search found.

    Attributes:
        found: The batches.
        unmatched: Quarantined records that could not be told, since the transform makes a column of the key, and replaced curated
            parts of an older contract without it.
    """

    found: tuple[Found, ...] = ()
    unmatched: int = 0

    @property
    def holding(self) -> tuple[Found, ...]:
        """Those that hold the key, without those that were only begun to be purged."""
        return tuple(each for each in self.found if each.positions or each.is_elsewhere)


class Search:
    """Looks for a key in a dataset's lake.

    Args:
        dataset: The contract.
        key: What is looked for.
        lake: Opened under a role that may read every zone.
        survey: What lies in it.
    """

    def __init__(self, dataset: Dataset, key: Key, lake: SweptLake, survey: Survey) -> None:
        self._dataset, self._key, self._lake = dataset, key, lake
        self._parts: dict[str, list[str]] = defaultdict(list)
        self._purged: set[str] = set()
        self._present = frozenset(each.key for each in survey.stored)
        self._unmatched = 0
        for each in survey.stored:
            place = each.place
            if place and "/part-" in each.key:
                self._parts[place.batch].append(each.key)
            if each.key.endswith(f"/{TOMBSTONE_NAME}"):
                self._purged.add(each.key.split("/")[2])

    def run(self, batches: Iterable[Standing]) -> Findings:
        """Every batch that holds the key, or whose purge was begun."""
        found = (self._look(standing) for standing in batches)
        return Findings(tuple(each for each in found if each is not None), self._unmatched)

    def _look(self, standing: Standing) -> Found | None:
        positions = self._positions(standing)
        others = [self._in_object(key) for key in self._parts[standing.batch] if key not in standing.kept]
        self._unmatched += others.count(None)
        is_elsewhere = any(others)
        has_tombstone = standing.batch in self._purged
        if not positions and not is_elsewhere and not has_tombstone:
            return None
        return Found(standing, positions, is_elsewhere, has_tombstone)

    def _positions(self, standing: Standing) -> frozenset[int]:
        """From the curated and quarantined parts; from raw where those are none, gone, or of an older contract."""
        if standing.curated is not None:
            parts = (*standing.curated.parts, *standing.curated.quarantine)
            told = [self._in_object(part.key) for part in parts]
            if None not in told:
                return frozenset(position for each in told if each for position in each)
        raw = standing.raw.parts if standing.raw else ()
        return frozenset(position for part in raw for position in self._in_raw(part.key, part))

    def _in_object(self, key: str) -> frozenset[int] | None:
        """Positions of a part that hold the key; None when it cannot tell."""
        zone: Zone = key.split("/", 1)[0]  # type: ignore[assignment] # listed under a zone's prefix
        if zone == "raw":
            return self._in_raw(key)
        content = self._lake.get(key) if key in self._present else None
        if content is None:
            return None
        wanted = ["record"] if zone == "quarantine" else self._key.columns
        table = pq.ParquetFile(io.BytesIO(content)).read(columns=[*wanted, POSITION_COLUMN])
        return self._in_quarantine(table) if zone == "quarantine" else self._key.positions(table)

    def _in_quarantine(self, table: pa.Table) -> frozenset[int]:
        rows = zip(table.column(POSITION_COLUMN).to_pylist(), table.column("record").to_pylist(), strict=True)
        return self._in_records(rows)

    def _in_records(self, rows: Iterable[tuple[int, bytes | str]]) -> frozenset[int]:
        told = {position: self._key.is_in(record) for position, record in rows}
        self._unmatched += list(told.values()).count(None)
        return frozenset(position for position, is_in in told.items() if is_in)

    def _in_raw(self, key: str, part: Part | None = None) -> frozenset[int]:
        content = self._lake.get(key)
        if content is None:
            return frozenset()
        try:
            pages = pointed_pages(content, part) if part else documents(content)
            records = [record for page, pointer in pages for record in received(page, pointer, self._dataset.api)]
        except (OSError, ValueError) as exc:  # not compressed, no UTF-8, no JSON
            raise SealConflict(
                f"{key} lies among the parts of {self._dataset.name} and cannot be read: {exc}",
                hint="What cannot be read cannot be searched, so nothing was erased. If no seal names it and it is nobody's, delete it, then run this again.",
            ) from exc
        return self._in_received(records, part.first_row if part else 0)

    def _in_received(self, records: list[msgspec.Raw], first_row: int) -> frozenset[int]:
        """Through today's contract, as if curated; what the contract cannot take, by the values that the portal wrote."""
        numbered = enumerate(map(bytes, records), first_row)
        try:
            curated = curate_records(records, self._dataset, first_row=first_row)
        except EsteiraError:
            return self._in_records(numbered)
        good = self._key.positions(curated.good) or frozenset()
        return good | self._in_quarantine(curated.bad)


def documents(content: bytes) -> Iterator[tuple[bytes, PagePointer]]:
    """The pages of a raw part of which no seal tells the sizes: JSON documents, one behind the other; an index of them may be the last."""
    text = pa.input_stream(io.BytesIO(content), compression="zstd").read().decode()
    decoder, start = json.JSONDecoder(), 0
    while (start := _skip_blanks(text, start)) < len(text) and not text.startswith(HEAD, start):
        _, end = decoder.raw_decode(text, start)
        yield text[start:end].encode(), PagePointer(0, 0, 0)
        start = end


def _skip_blanks(text: str, start: int) -> int:
    while start < len(text) and text[start].isspace():
        start += 1
    return start
