"""From an object's key back to its dataset, batch and generation: `Layout` read backwards, for raw, curated and quarantine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from esteira.lake.layout import GENERATION, PROFILE_NAME, Zone

ZONES: tuple[Zone, ...] = ("raw", "curated", "quarantine")
SEAL_NAME = "SEAL.json"
_KEY = re.compile(
    rf"(?P<zone>{'|'.join(ZONES)})/(?P<dataset>[^/]+)/(?P<batch>[^/]+)/(?:{GENERATION}(?P<generation>\d{{3,}})/)?"
    rf"(?P<name>{re.escape(SEAL_NAME)}|manifest-[0-9a-f]{{16}}\.json"
    rf"|(?!{GENERATION})[^/]+/(?:part-\d{{5,}}\.(?:json\.zst|parquet|bin)|checkpoint-\d{{5,}}\.json|{re.escape(PROFILE_NAME)}))"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key belongs: the reverse of `Layout`.

    Attributes:
        zone, dataset, batch, generation: Whose it is.
        name: The rest of the key; a part or a checkpoint begins with its attempt.
    """

    zone: Zone
    dataset: str
    batch: str
    generation: int
    name: str

    @property
    def is_seal(self) -> bool:
        """Whether this is the object that freezes the others."""
        return self.name == SEAL_NAME

    @property
    def is_checkpoint(self) -> bool:
        """Whether an extraction would resume from it."""
        return "/checkpoint-" in self.name


def place_of(key: str) -> Place | None:
    """Read a key, or None when it is a stranger's."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    generation = int(found["generation"] or 1)
    return Place(cast("Zone", found["zone"]), found["dataset"], found["batch"], generation, found["name"])
