"""What the batches before had, by their curated seals: the lake tells it without a warehouse, and also while a batch is still arriving."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from esteira.drift.finding import Finding
from esteira.lake import Lake, Seal

MAX_BATCHES = 50
"""Batches that are looked back at; what is older is told as such."""
MAX_FILES = 200
"""Batches that are files: their ids do not tell their order, so all of them are read."""
_STAMPED = re.compile(r"\d{4}-\d\d-\d\d[T_-]")


@dataclass(frozen=True, slots=True)
class Since:
    """Between which batches a column changed.

    Attributes:
        before: The last batch in which it was as the contract says, or was not there yet; None where no batch tells.
        first: The batch in which it came, where that is an earlier one.
        held: What the column held in the last batch that had it, of a new column that holds something else now.
    """

    before: str | None = None
    first: str | None = None
    held: str = ""


class Remembered:
    """Seals that are read one by one, each once, however often they are looked through.

    Args:
        seals: Where they come from.
    """

    def __init__(self, seals: Iterator[Seal]) -> None:
        self._read: list[Seal] = []
        self._rest = seals

    def __iter__(self) -> Iterator[Seal]:
        yield from self._read
        for seal in self._rest:
            self._read.append(seal)
            yield seal


def seals_before(lake: Lake, dataset: str, batch: str) -> Iterator[Seal]:
    """The curated seals of the batches before one, newest first. Windows are ordered by their start; files by their moment.

    Args:
        lake: Where they are.
        dataset: Name of the dataset; those that it had before are looked up too.
        batch: Id of the batch, itself left out.
    """
    found = _batches(lake, dataset)
    if _STAMPED.match(batch):
        earlier = [each for each in found if _STAMPED.match(each) and place_of(each) < place_of(batch)]
        newest = sorted(earlier, key=place_of, reverse=True)[:MAX_BATCHES]
        yield from filter(None, (_last_seal(lake, found[each], each) for each in newest))
        return
    moment = _moment(lake.find_settled_seal("raw", dataset, batch))
    yield from (seal for seal in _files(lake, found) if moment is None or _moment(seal) < moment)


def last_seal(lake: Lake, dataset: str) -> Seal | None:
    """The curated seal of the newest batch, or None where none is sealed."""
    found = _batches(lake, dataset)
    stamped = sorted((each for each in found if _STAMPED.match(each)), key=place_of, reverse=True)
    seals = (_last_seal(lake, found[each], each) for each in stamped)
    return next(filter(None, seals), None) or next(iter(_files(lake, found)), None)


def is_past(lake: Lake, dataset: str, batch: str, seal: Seal) -> bool:
    """Whether a batch lies before a sealed one of its dataset.

    Args:
        lake: Where its raw seal is, which says when a file is from.
        dataset: Name of the dataset.
        batch: Its id.
        seal: The other's.
    """
    if seal.provenance.file is None:
        return place_of(batch) < place_of(seal.batch)
    own, other = _moment(lake.find_settled_seal("raw", dataset, batch)), _moment(seal)
    return own is not None and other is not None and own < other


def place_of(batch: str) -> tuple[str, str]:
    """What a dataset's batches are sorted by: the start of the window, as the id writes it, so that an hour sorts behind its day."""
    return batch.rpartition("-")[0].split("_")[0], batch


def since(finding: Finding, seals: Iterable[Seal]) -> Since:
    """Between which batches a column changed.

    Args:
        finding: The column.
        seals: Those of the batches before, newest first.
    """
    if finding.change == "new":
        return _came(finding, seals)
    if finding.change == "retyped":
        had = (seal.batch for seal in seals if f"{finding.column} {finding.was}" in seal.columns)
    else:
        had = (seal.batch for seal in seals if _has(seal, finding.column) and finding.column not in _absent(seal))
    return Since(before=next(had, None))


def _came(finding: Finding, seals: Iterable[Seal]) -> Since:
    first, held = None, ""
    for seal in seals:
        if seal.seen is None:
            break  # from before it was recorded
        kind = seal.seen.new.get(finding.source)
        if kind is None and not _has(seal, finding.column):
            return Since(seal.batch, first, held)
        if first is None and kind not in {None, finding.holds}:
            held = kind or ""
        first = seal.batch
    return Since(None, first, held)


def _has(seal: Seal, column: str) -> bool:
    return any(stored.split(" ")[0] == column for stored in seal.columns)


def _absent(seal: Seal) -> tuple[str, ...]:
    return seal.seen.absent if seal.seen else ()


def _batches(lake: Lake, dataset: str) -> dict[str, str]:
    """Each batch that has anything curated, and the name that its dataset had."""
    return {each: name for name in reversed(lake.names(dataset)) for each in lake.folders(f"curated/{name}/")}


def _files(lake: Lake, found: Mapping[str, str]) -> list[Seal]:
    """The seals of batches that are files, newest first; at most `MAX_FILES` are read."""
    named = [each for each in sorted(found) if not _STAMPED.match(each)][:MAX_FILES]
    seals = [seal for each in named if (seal := _last_seal(lake, found[each], each)) and seal.provenance.file]
    return sorted(seals, key=_moment, reverse=True)


def _moment(seal: Seal | None) -> Any:
    """When the file of a seal is from; None where the batch is no file."""
    return seal.provenance.file.moment if seal and seal.provenance.file else None


def _last_seal(lake: Lake, dataset: str, batch: str) -> Seal | None:
    """The curated seal of a batch's latest generation. One that a replay made is passed over: it says nothing about the source."""
    last = lake.last_generation(dataset, batch)
    seal = lake.find_seal("curated", dataset, batch, last) or lake.find_seal("curated", dataset, batch)
    while seal is not None and seal.replayed:
        seal = lake.find_seal("curated", dataset, batch, seal.replayed.generation)
    return seal
