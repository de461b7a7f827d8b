"""A batch's profile in the lake: written before the seal that names it, read by its hash."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow.parquet as pq

from esteira.contract import Column
from esteira.lake import Lake, Part, Seal
from esteira.profile.column import ColumnProfile, read_profiles, written
from esteira.profile.profiler import Profiler


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


def profile_parts(parts: Sequence[Part], columns: Sequence[Column], lake: Lake) -> tuple[ColumnProfile, ...]:
    """The columns of stored parts, a row group at a time: of a generation whose rows did not all pass by when it was made.

    Raises:
        SealConflict: A part is missing, or it is not what was sealed.
    """
    profiler = Profiler(columns)
    for part in parts:
        stored = pq.ParquetFile(io.BytesIO(lake.read_part(part)))
        for group in range(stored.num_row_groups):
            profiler.add(stored.read_row_group(group))
    return profiler.profiles()
