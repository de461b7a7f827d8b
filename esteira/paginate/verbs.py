"""What every paginator takes and gives: its verbs, its state, and what it may know of a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

State: TypeAlias = dict[str, Any]
"""JSON-serialisable; opaque to everybody but the paginator that made it."""
Params: TypeAlias = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What to ask for: a path below the portal's base URL with parameters, or a link that the portal gave."""

    target: str
    params: Params = field(default_factory=dict)
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class PageReading:
    """What a paginator may know about a page that arrived.

    Attributes:
        number: The page's number in this walk, from 1; for messages.
        url: Where the page came from, without credentials.
        record_count: How many records it holds.
        fingerprint: A hash of its records; equal for a page that is served twice.
        headers: Response headers; names in lower case.
        lookup: Value of a JMESPath in the page's envelope, None when absent.
        strip: Takes our own credentials out of a link that echoes them, so that a checkpoint never holds one.
    """

    number: int
    url: str
    record_count: int
    fingerprint: str
    headers: Mapping[str, str]
    lookup: Callable[[str], Any]
    strip: Callable[[str], str] = str


@runtime_checkable
class Paginator(Protocol):
    """The verbs of every paginator; a portal's quirk gets its own small class with the same ones."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The JMESPaths that `next` looks up."""

    def first(self) -> State:
        """The state of the first page."""

    def request(self, state: State, path: str, params: Params) -> PageRequest:
        """What to ask for in this state."""

    def guess(self, state: State, total: int | None) -> State | None:
        """A state that asks for the page after this one, told without reading it; None when only the page can tell.

        Args:
            state: This page's.
            total: The rows that the portal reports, or None.
        """

    def next(self, state: State, reading: PageReading) -> State | None:
        """The state of the page after this one, or None when this was the last.

        Raises:
            PayloadError: The portal repeats itself, or its pointer to the next page makes no sense.
        """
