"""What a curation stored and counted: of some records in a row, to which that of the next ones can be added, and of a whole batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from esteira.drift.finding import Finding
from esteira.drift.watch import Watch
from esteira.lake import Lake, Layout, Part, Seen
from esteira.profile import Profiler, store
from esteira.quality.rejection import SHOWN_PLACES


@dataclass(frozen=True, slots=True)
class CuratedParts:
    """What a curation stored and nobody has sealed.

    Attributes:
        layout: Where the parts lie.
        attempt: Whose they are.
        raw: The raw parts that they were made from.
        rows: Records of those.
        good, bad: Curated and quarantine parts.
        profile: What the columns of the good ones hold.
        bad_rows: Records in quarantine (a record may have several reasons).
        reasons: Records by `column: rule`.
        new: Columns that the contract does not know.
        broken: Columns that are missing or retyped, and that the contract does not let be so.
        seen: What the seal says of it.
        places: Where the first refused cells of a file are, and why; never what stands in them.
    """

    layout: Layout
    attempt: str
    raw: tuple[Part, ...]
    rows: int
    good: tuple[Part, ...]
    bad: tuple[Part, ...]
    profile: Part
    bad_rows: int
    reasons: dict[str, int]
    new: tuple[Finding, ...]
    broken: tuple[Finding, ...]
    seen: Seen
    places: tuple[str, ...] = ()


@dataclass(slots=True)
class Gathered:
    """What the curation of some records in a row came to. It can be pickled: sketches and counts, a few MB, and no rows but the profile's sample.

    Attributes:
        watch: How the records differ from the contract.
        profiler: What the columns of the good ones hold.
        rows, bad_rows: Records, and those in quarantine.
        good, bad: Curated and quarantine parts.
        reasons, nulled: Records, and bad values that were made null, by `column: rule`.
        places: See `CuratedParts`.
    """

    watch: Watch
    profiler: Profiler
    rows: int = 0
    bad_rows: int = 0
    good: tuple[Part, ...] = ()
    bad: tuple[Part, ...] = ()
    reasons: Counter[str] = field(default_factory=Counter)
    nulled: Counter[str] = field(default_factory=Counter)
    places: list[str] = field(default_factory=list)

    def add(self, following: Gathered) -> None:
        """Take what the records behind these came to."""
        self.watch.add(following.watch)
        self.profiler.merge(following.profiler)
        self.rows += following.rows
        self.bad_rows += following.bad_rows
        self.good, self.bad = (*self.good, *following.good), (*self.bad, *following.bad)
        self.reasons.update(following.reasons)
        self.nulled.update(following.nulled)
        self.places = [*self.places, *following.places][:SHOWN_PLACES]

    def stored(self, layout: Layout, attempt: str, raw: Iterable[Part], lake: Lake) -> CuratedParts:
        """What it came to in the end; its profile is written to the lake.

        Args:
            layout: Whose parts.
            attempt: A name that no other attempt has.
            raw: The raw parts whose records these were.
            lake: Where to.
        """
        return self.with_profile(self.profiled(layout, attempt, lake), layout, attempt, raw)

    def profiled(self, layout: Layout, attempt: str, lake: Lake) -> Part:
        """Write what the columns hold, of all good rows; their parts may still be on their way. Args: as `stored`."""
        return store(lake, layout.profile(attempt), self.profiler.profiles(), self.rows - self.bad_rows)

    def with_profile(self, profile: Part, layout: Layout, attempt: str, raw: Iterable[Part]) -> CuratedParts:
        """As `stored`, of a profile that is written."""
        return CuratedParts(
            layout, attempt, tuple(raw), self.rows, self.good, self.bad, profile, self.bad_rows,
            dict(sorted(self.reasons.items())), tuple(self.watch.new()), tuple(self.watch.broken()),
            self.watch.seen(self.nulled), tuple(self.places),
        )  # fmt: skip
