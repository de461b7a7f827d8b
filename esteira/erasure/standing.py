"""How the batches of a dataset stand: of each the seals that count now, by the ledger, and the keys that must stay for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from esteira.errors import SealConflict
from esteira.lake import Seal
from esteira.lake.layout import TOMBSTONE_NAME
from esteira.lake.sweep import Survey
from esteira.upkeep import named_keys
from esteira.warehouse import LedgerEntry


@dataclass(frozen=True, slots=True)
class Standing:
    """What a batch consists of now: the committed seals, or the newest raw one of a batch that is not in the table."""

    batch: str
    entry: LedgerEntry | None
    raw: Seal | None = None
    curated: Seal | None = None

    @property
    def is_committed(self) -> bool:
        """Whether its rows are in the table."""
        return self.entry is not None and self.entry.state == "committed"

    @property
    def kept(self) -> frozenset[str]:
        """The keys that must stay for it."""
        seals = (("raw", self.raw), ("curated", self.curated))
        return frozenset(key for zone, seal in seals if seal for key in named_keys(f"{zone}/", seal))


def standings(survey: Survey, entries: Mapping[str, LedgerEntry]) -> dict[str, Standing]:
    """How every batch of the lake stands, by id.

    Raises:
        SealConflict: A seal that the ledger names is not in the lake.
    """
    batches = {place.batch for each in survey.stored if (place := each.place)}
    stones = frozenset(each.key for each in survey.stored if each.key.endswith(f"/{TOMBSTONE_NAME}"))
    return {batch: _standing(batch, entries.get(batch), survey.seals, stones) for batch in sorted(batches)}


def _standing(batch: str, entry: LedgerEntry | None, seals: Mapping[str, Seal], stones: frozenset[str]) -> Standing:
    own = {zone: _by_generation(seals, zone, batch, stones) for zone in ("raw", "curated")}
    if entry is None or entry.state != "committed":
        newest = max(own["raw"], default=None)
        return Standing(batch, entry, own["raw"].get(newest) if newest else None)
    curated = own["curated"].get(entry.generation)
    if curated is None or curated.hash != entry.seal_hash:
        raise SealConflict(
            f"The seal that the ledger names for generation {entry.generation} is not in the lake.", batch=batch
        )
    return Standing(batch, entry, own["raw"].get(curated.raw_generation), curated)


def _by_generation(seals: Mapping[str, Seal], zone: str, batch: str, stones: frozenset[str]) -> dict[int, Seal]:
    found = {}
    for key, seal in seals.items():
        if (
            key.startswith(f"{zone}/")
            and seal.batch == batch
            and f"{key.rsplit('/', 1)[0]}/{TOMBSTONE_NAME}" not in stones
        ):
            found[seal.generation] = seal
    return found
