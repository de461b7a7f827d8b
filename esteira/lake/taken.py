"""A generation that another run has sealed first: whether this run may take that seal for its own, and the error where it may not."""

from __future__ import annotations

from esteira.errors import SealConflict
from esteira.lake.layout import Layout, Zone
from esteira.lake.seal import Part, Seal


def taken_by(other: Seal) -> SealConflict:
    """The error, from the seal that stands."""
    who = "a replay" if other.replayed is not None else "another run"
    return SealConflict(
        f"Generation {other.generation} of this batch was sealed by {who} meanwhile, from other rows.",
        dataset=other.dataset,
        batch=other.batch,
        hint="Nothing of this run was loaded or deleted. When the other one is done, give the same command again: it takes the next number.",
    )


def adopted(sealed: Seal, raw: Seal) -> Seal:
    """The seal that stands, when it was curated too, from the same raw seal or from the one that an erasure put in its place.

    A replay and a rebuild from curated seal rows that stand, which is not what a run is for that curates.

    Args:
        sealed: The curated seal of the generation.
        raw: What this run curates.

    Raises:
        SealConflict: It holds other rows.
    """
    layout = Layout(sealed.dataset, sealed.batch, sealed.generation)
    stored: tuple[tuple[Zone, tuple[Part, ...]], ...] = (("curated", sealed.parts), ("quarantine", sealed.quarantine))
    is_older = any(not part.key.startswith(layout.prefix(zone)) for zone, parts in stored for part in parts)
    if sealed.replayed is not None or is_older or sealed.raw_generation < raw.generation:
        raise taken_by(sealed)
    return sealed
