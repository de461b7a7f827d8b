"""Which files of a portal's listing are known, so that none is downloaded twice: those of the raw seals, and those that a note tells of.

A portal may give a file another date, or another name, and the same bytes. They are the batch that is there, whose seal holds the first date; so the
new one is noted beside the seals, and the next run does not ask for the file again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from esteira.contract import Dataset
from esteira.extraction.files import sealed_file
from esteira.lake import Lake, Layout, Seal
from esteira.portal.files import Listed

_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Known:
    """Fingerprints of known entries: with their whole addresses, and without the queries, in which a signature may change with each answer."""

    whole: frozenset[str]
    bare: frozenset[str]


def find_known(dataset: Dataset, sealed: Iterable[Seal], lake: Lake) -> Known:
    """The known entries, from raw seals and from the notes of `note_listed`.

    Args:
        dataset: The contract.
        sealed: The raw seals of its files.
        lake: Where the notes are.
    """
    files = [sealed_file(seal) for seal in sealed]
    told = [_prints(file.name, file.moment.isoformat(), file.place) for file in files]
    noted = (key.rpartition("/")[2].removesuffix(".json") for key in lake.sizes(_folder(dataset)))
    told += [(whole, bare) for whole, _, bare in (name.partition("-") for name in noted)]
    return Known(frozenset(whole for whole, _ in told), frozenset(bare for _, bare in told))


def unknown(listed: Iterable[Listed], known: Known) -> list[Listed]:
    """The entries to ask for. One that only differs in its address's query is known, if no other entry looks like it."""
    prints = [(each, *_prints_of(each)) for each in listed]
    alike = Counter(bare for _, _, bare in prints)
    return [
        each
        for each, whole, bare in prints
        if whole not in known.whole and not (alike[bare] == 1 and bare in known.bare)
    ]


def note_listed(dataset: Dataset, listed: Listed, raw: Seal, lake: Lake) -> None:
    """Remember that an entry leads to the bytes of a batch that is sealed already; nothing where the seal itself says so."""
    file = sealed_file(raw)
    if (file.name, file.moment, file.place) == (listed.name, listed.changed, listed.place):
        return
    whole, bare = _prints_of(listed)
    told = {"name": listed.name, "changed": listed.changed, "place": listed.place, "batch": raw.batch}
    lake.put(f"{_folder(dataset)}{whole}-{bare}.json", msgspec.json.encode(told))


def _folder(dataset: Dataset) -> str:
    return f"{Layout.listed_folder(dataset.name)}{dataset.source.definition_hash}/"


def _prints_of(listed: Listed) -> tuple[str, str]:
    return _prints(listed.name, listed.changed.isoformat(), listed.place)


def _prints(name: str, changed: str, place: str) -> tuple[str, str]:
    return _print(name, changed, place), _print(name, changed, place.partition("?")[0])


def _print(*facts: str) -> str:
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()[:_DIGITS]
