"""The seals of a dataset held against its ledger: which keys they keep, and why a key that nothing keeps may go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from esteira.lake import Layout, Seal
from esteira.lake.place import Place
from esteira.upkeep.removal import Reason
from esteira.warehouse import LedgerEntry

Unit = tuple[str, int]
"""A batch's generation: what one run writes."""


class Sealed:
    """The seals of a dataset, by where they are and by what they name."""

    def __init__(self, seals: Mapping[str, Seal]) -> None:
        self.seals = seals
        self.curated: dict[Unit, Seal] = {}
        self.raw: dict[Unit, Seal] = {}
        self._naming: dict[str, set[int]] = defaultdict(set)
        for at, seal in seals.items():
            zone = self.curated if at.startswith("curated/") else self.raw
            zone[seal.batch, seal.generation] = seal
            for key in named_keys(at, seal):
                self._naming[key].add(seal.generation)

    def difference(self, history: Iterable[LedgerEntry]) -> str | None:
        """Why the seals cannot be trusted to name all that the ledger loaded, or None.

        With a seal missing its parts would look like orphans.
        """
        for entry in history:
            if entry.state != "committed":
                continue
            curated = self.curated.get((entry.batch_id, entry.generation))
            if curated is None or curated.hash != entry.seal_hash:
                return f"the curated seal that the ledger names for generation {entry.generation} is not in the lake."
            raw = self.raw.get((entry.batch_id, curated.raw_generation))
            if raw is None or curated.raw_seal not in {None, raw.hash}:
                return f"the raw seal that generation {entry.generation} was made from is not in the lake."
        return None

    def kept_keys(self, settled: Mapping[str, list[LedgerEntry]], *, with_superseded: bool) -> Iterator[str]:
        """The keys that must stay: named by a seal of a batch that is not settled, by the current seals, or by those that a rebuild needs.

        Args:
            settled: The ledger entries of each batch whose seals agree with the ledger.
            with_superseded: Whether parts that only a replaced generation names are given up.
        """
        for at, seal in self.seals.items():
            zone, history = at.split("/", 1)[0], settled.get(seal.batch)
            if history is None or (zone, seal.generation) in self._kept_seals(
                seal.batch, history, with_superseded=with_superseded
            ):
                yield from named_keys(at, seal)

    def reason(self, key: str, place: Place, history: Collection[LedgerEntry]) -> Reason:
        """Why a key that nothing keeps may go."""
        if key not in self._naming:
            return "orphan"
        committed = {entry.generation for entry in history if entry.state == "committed"}
        if place.zone == "raw":
            committed = {self.curated[place.batch, number].raw_generation for number in committed}
        return "superseded" if committed & self._naming[key] else "abandoned"

    def _kept_seals(
        self, batch: str, history: list[LedgerEntry], *, with_superseded: bool
    ) -> frozenset[tuple[str, int]]:
        """Zone and generation of a settled batch's seals whose parts stay."""
        current = max(entry.generation for entry in history)
        committed = {entry.generation for entry in history if entry.state == "committed"}
        wanted = {number for number in committed if number == current or not with_superseded}
        kept = {("curated", number) for number in wanted} | set(self._newest(batch))
        made_from = {("raw", self.curated[batch, number].raw_generation) for zone, number in kept if zone == "curated"}
        return frozenset(kept | made_from)

    def _newest(self, batch: str) -> Iterator[tuple[str, int]]:
        """The newest sealed generation in each zone: what a rebuild starts from (`esteira.rebuild`), committed or not."""
        for zone, seals in (("raw", self.raw), ("curated", self.curated)):
            generations = [generation for owner, generation in seals if owner == batch]
            if generations:
                yield zone, max(generations)


def named_keys(at: str, seal: Seal) -> Iterator[str]:
    """The keys that a seal stands for; the manifest is derived from it."""
    yield from (part.key for part in (*seal.parts, *seal.quarantine, *((seal.profile,) if seal.profile else ())))
    if at.startswith("curated/"):
        yield Layout(seal.dataset, seal.batch, seal.generation).manifest(seal.hash)
