"""What every paginator takes and gives: its verbs, its state, and what it may know of a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

from esteira.errors import ConfigError, PayloadError
from esteira.redaction import printable

State: TypeAlias = dict[str, Any]
"""JSON-serialisable; opaque to everybody but the paginator that made it."""
Param: TypeAlias = str | int | Sequence[str | int]
"""A list stands for a parameter that is given several times."""
Params: TypeAlias = Mapping[str, Param]


@dataclass(frozen=True, slots=True)
class Header:
    """A header of the answer, where a portal tells something there and not in the body.

    Args:
        name: Its name, in any case.

    Raises:
        ConfigError: The name is empty.
    """

    name: str

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ConfigError("Header(name='') is no header's name.")

    def __str__(self) -> str:
        return f"header {self.name}"


Where: TypeAlias = str | Header
"""A JMESPath of the body, or a header."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What to ask for: a path below the portal's base URL with parameters, or a link that the portal gave.

    Attributes:
        target: The path or the link.
        params: Query parameters.
        is_link: Whether `target` is a link.
        body: Values to place in the body of a POST, by dotted path.
        past_end: A status that says that this page does not exist, since the one before it was the last.
    """

    target: str
    params: Params = field(default_factory=dict)
    is_link: bool = False
    body: Params = field(default_factory=dict)
    past_end: int | None = None


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
        is_past_end: Whether the portal says that there is no such page (`PageRequest.past_end`).
        records: The records as received.
    """

    number: int
    url: str
    record_count: int
    fingerprint: str
    headers: Mapping[str, str]
    lookup: Callable[[str], Any]
    strip: Callable[[str], str] = str
    is_past_end: bool = False
    records: Sequence[bytes] = ()

    def find(self, where: Where) -> Any:
        """What stands there, None when nothing does. Of `Content-Range` it is the total, https://www.rfc-editor.org/rfc/rfc9110#section-14.4."""
        if not isinstance(where, Header):
            return self.lookup(where)
        value = self.headers.get(where.name.lower())
        if value is None or where.name.lower() != "content-range":
            return value
        total = value.rpartition("/")[2].strip()
        return None if total == "*" else total

    def count(self, where: Where | None, what: str) -> int | None:
        """A whole number, also one that stands there as text; None when nothing does.

        Raises:
            PayloadError: Something else stands there, such as -1 for "unknown".
        """
        value = None if where is None else self.find(where)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        if isinstance(value, str) and value.isascii() and value.strip().isdigit():
            return int(value)
        raise PayloadError(
            f"Page {self.number}: the {what} at {where} is {printable(str(value), limit=60)!r}, not a whole number."
        )

    def is_true(self, where: Where | None) -> bool | None:
        """A truth value, also one that stands there as text or as 0 and 1; None when it is not asked for.

        Raises:
            PayloadError: Nothing or something else stands there: taken for "no", it would end the walk early.
        """
        if where is None:
            return None
        value = self.find(where)
        told = _TRUTH.get(str(value).strip().lower()) if isinstance(value, str | int) else None
        if told is None:
            raise PayloadError(
                f"Page {self.number}: has_more at {where} is {printable(str(value), limit=60)!r}, neither true nor false.",
                hint="Correct has_more= in the contract; a JMESPath may compare, such as `page < pages`.",
            )
        return told


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


_TRUTH = {"true": True, "1": True, "false": False, "0": False}
