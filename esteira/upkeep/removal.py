"""An object that may leave the lake, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reason = Literal["orphan", "abandoned", "superseded", "refused", "page", "export"]


@dataclass(frozen=True, slots=True)
class Removal:
    """An object that may go.

    Attributes:
        key, size_bytes: The object.
        reason: `orphan` (no seal names it), `abandoned` (sealed, never committed), `superseded` (a later generation replaced it),
            `refused` (of a dropped file that was given back long ago), `page` (a quality page that has grown old), `export` (an old version of
            exported files, or what never became one).
    """

    key: str
    size_bytes: int
    reason: Reason
