"""What `esteira deploy` applies: things that know what is wanted, what is found, and how to write; only what differs is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

Facts = dict[str, Any]
Verb = Literal["created", "updated", "unchanged", "removed", "left out"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one thing, or would.

    Attributes:
        kind, name: Which thing.
        verb: What was done.
        details: Names of what differs, never values: some are addresses that let others write.
    """

    kind: str
    name: str
    verb: Verb
    details: str = ""

    def noting(self, note: str) -> Change:
        """The same with something more that a person should know."""
        return replace(self, details="; ".join(filter(None, (self.details, note))))


class Thing(Protocol):
    """One thing on the server."""

    @property
    def kind(self) -> str:
        """What it is, in a word or two."""

    @property
    def name(self) -> str:
        """Its name on the server."""

    def wanted(self) -> Facts:
        """What it should be."""

    def found(self) -> Facts | None:
        """What it is; None when it is not there."""

    def write(self) -> None:
        """Create or update it."""


def settle(thing: Thing, *, is_dry: bool) -> Change:
    """Compare, and write what differs unless the run is dry."""
    wanted, found = thing.wanted(), thing.found()
    if found == wanted:
        return Change(thing.kind, thing.name, "unchanged")
    if not is_dry:
        thing.write()
    if found is None:
        return Change(thing.kind, thing.name, "created")
    differing = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
    return Change(thing.kind, thing.name, "updated", ", ".join(differing))
