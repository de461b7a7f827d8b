"""How the GNU C library keeps memory that was freed. Other C libraries have other ways, and are left alone.

Each thread that allocates has an arena, which keeps what was freed; and the larger the blocks that were freed, the larger are those that come from arenas.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

MIB = 1024 * 1024
MAPPED_BYTES = 4 * MIB
"""Blocks from this size on come from the system and go back to it. Smaller ones cost less time where they are taken from an arena."""
MAPPED_BYTES_OF_LONG = 2 * MIB
"""In a long batch: an arena that is used for pages and for small blocks in turn has gaps that no page fits into, more of them with every chunk."""
DEFAULTS = {"MALLOC_ARENA_MAX": 2, "MALLOC_MMAP_THRESHOLD_": MAPPED_BYTES}
"""By the library's variables, which the image has; they count when a process starts."""
_PARAMETERS = {"MALLOC_ARENA_MAX": -8, "MALLOC_MMAP_THRESHOLD_": -3}
"""What `mallopt` takes instead: https://man7.org/linux/man-pages/man3/mallopt.3.html"""


def bound_arenas() -> None:
    """Make the defaults this process's own, but for those that its environment has."""
    for variable, value in DEFAULTS.items():
        if variable not in os.environ:
            _set(variable, value)


def map_blocks(*, is_long: bool) -> None:
    """Say from which size on blocks are mapped: for a long batch, or as it was before.

    Args:
        is_long: Whether more chunks come than a short batch has.
    """
    variable = "MALLOC_MMAP_THRESHOLD_"
    told = os.environ.get(variable, "")
    usual = int(told) if told.isdecimal() else MAPPED_BYTES
    _set(variable, min(usual, MAPPED_BYTES_OF_LONG) if is_long else usual)


def _set(variable: str, value: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library has other ways
            ctypes.CDLL(None).mallopt(_PARAMETERS[variable], value)
