"""A batch's profile in the lake: written before the seal that names it, read by its hash."""

from __future__ import annotations

from collections.abc import Sequence

from esteira.lake import Lake, Part, Seal
from esteira.profile.column import ColumnProfile, read_profiles, written


def store(lake: Lake, key: str, profiles: Sequence[ColumnProfile], rows: int) -> Part:
    """Write a profile under a key that no other attempt uses.

    Args:
        lake: Where to.
        key: From `Layout.profile`.
        profiles: The columns.
        rows: Curated rows that they describe.
    """
    return lake.put_small(key, written(profiles), rows=rows)


def profile_of(seal: Seal, lake: Lake) -> tuple[ColumnProfile, ...]:
    """The columns of a curated seal; none of one from before there were profiles.

    Raises:
        SealConflict: The profile is missing, or it is not what was sealed.
    """
    return () if seal.profile is None else read_profiles(lake.read_part(seal.profile))
