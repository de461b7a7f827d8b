"""How to get from one page of a portal to the next: pure values with the same three verbs, and no I/O.

`first` gives the state of the first page, `request` says what to ask for, `next` reads the answer and gives the state of the page
after it, or None at the end. A state is plain JSON: stored as a checkpoint, it resumes the walk in another process.

A portal that serves the same page for ever is an error here, never an end: an end would be a table with rows missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable
from urllib.parse import urljoin, urlsplit

from esteira.errors import ConfigError, PayloadError
from esteira.redaction import printable, redact_url

State: TypeAlias = dict[str, Any]
"""JSON-serialisable; opaque to everybody but the paginator that made it."""
Params: TypeAlias = Mapping[str, str | int]
MAX_EMPTY_PAGES = 50
"""Pages without a record that may follow each other by links (CKAN 2.11 writes a next link for ever)."""


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

    def next(self, state: State, reading: PageReading) -> State | None:
        """The state of the page after this one, or None when this was the last.

        Raises:
            PayloadError: The portal repeats itself, or its pointer to the next page makes no sense.
        """


@dataclass(frozen=True, slots=True)
class SinglePage:
    """Everything comes in one answer."""

    reads = ()

    def first(self) -> State:
        """The only page."""
        return {}

    def request(self, state: State, path: str, params: Params) -> PageRequest:
        """The path as it is."""
        return PageRequest(path, params)

    def next(self, state: State, reading: PageReading) -> State | None:
        """Always the end."""
        return None


@dataclass(frozen=True, slots=True)
class NextLink:
    """The page names the next one (dlt: `json_link` and `header_link`).

    Args:
        body: JMESPath of the link in the page.
        header: Name of the header that holds it; `Link` is read by RFC 8288 (rel=next), any other one as the bare link.

    Raises:
        ConfigError: Not exactly one of the two is given.
    """

    body: str | None = None
    header: str | None = None

    def __post_init__(self) -> None:
        if (self.body is None) == (self.header is None):
            raise ConfigError("NextLink takes either body= (a JMESPath) or header= (a header's name).")

    @property
    def reads(self) -> tuple[str, ...]:
        """The link's JMESPath."""
        return (self.body,) if self.body else ()

    def first(self) -> State:
        """No link yet."""
        return {"link": None, "empty": 0, "links": None, "pages": None}

    def request(self, state: State, path: str, params: Params) -> PageRequest:
        """The link, which carries its own query, or the first page's path."""
        return PageRequest(path, params) if state["link"] is None else PageRequest(state["link"], is_link=True)

    def next(self, state: State, reading: PageReading) -> State | None:
        """Follow the link; no link, an empty one or null is the end.

        Raises:
            PayloadError: A link or a page came before, the link is no text, or empty pages follow each other without end.
        """
        found = self._found(reading)
        if found is None:
            return None
        link = _below_origin(reading.url, reading.strip(found))
        empty = state["empty"] + 1 if reading.record_count == 0 else 0
        if empty >= MAX_EMPTY_PAGES:
            raise _endless(reading, f"{empty} pages without a record still link to {redact_url(link)}")
        links = _walked(state["links"], link)
        if links is None:
            raise _endless(reading, f"the next link {redact_url(link)} was followed before")
        return {
            "link": link,
            "empty": empty,
            "links": links,
            "pages": _new_page(state["pages"], reading, redact_url(link)),
        }

    def _found(self, reading: PageReading) -> str | None:
        found = self._in_header(reading) if self.header else reading.lookup(self.body or "")
        if found is None or found == "":
            return None
        if not isinstance(found, str):
            message = f"Page {reading.number}: the next link at {self.body} is a {type(found).__name__}, not a text."
            raise PayloadError(message, hint="Correct NextLink(body=...) in the contract.")
        return found

    def _in_header(self, reading: PageReading) -> str | None:
        value = reading.headers.get((self.header or "").lower())
        if value is None or (self.header or "").lower() != "link":
            return value
        return next((url for url, relations in _links(value) if "next" in relations), None)


@dataclass(frozen=True, slots=True)
class Offset:
    """Rows are counted from an offset (`limit`/`offset`, `$top`/`$skip`).

    It advances by what arrived, because a portal may cap the limit silently, and it ends at an empty page, or where the
    reported total is reached; a short page is no end.

    Args:
        limit: Rows to ask for.
        offset_param, limit_param: The parameters' names.
        total: JMESPath of the reported total; saves the last, empty request.
    """

    limit: int
    offset_param: str = "offset"
    limit_param: str = "limit"
    total: str | None = None

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ConfigError(f"Offset(limit={self.limit}): a page has at least one row.")

    @property
    def reads(self) -> tuple[str, ...]:
        """The total's JMESPath."""
        return (self.total,) if self.total else ()

    def first(self) -> State:
        """The offset 0."""
        return {"offset": 0, "pages": None}

    def request(self, state: State, path: str, params: Params) -> PageRequest:
        """The path with limit and offset."""
        return PageRequest(path, {**params, self.limit_param: self.limit, self.offset_param: state["offset"]})

    def next(self, state: State, reading: PageReading) -> State | None:
        """Move on by the rows that arrived.

        Raises:
            PayloadError: The page came before: the portal ignores the offset.
        """
        offset = state["offset"] + reading.record_count
        if reading.record_count == 0:
            return None
        pages = _new_page(state["pages"], reading, f"{self.offset_param}={state['offset']}")
        total = reading.lookup(self.total) if self.total else None
        is_end = isinstance(total, int) and not isinstance(total, bool) and offset >= total
        return None if is_end else {"offset": offset, "pages": pages}


@dataclass(frozen=True, slots=True)
class PageNumber:
    """Pages are numbered; the walk ends at an empty page, because a short one may be the portal's cap.

    Args:
        page_param: The parameter's name.
        first_page: The number of the first page.
        size_param, size: The parameter of the page size and its value; both or neither.

    Raises:
        ConfigError: One of `size_param` and `size` stands alone.
    """

    page_param: str = "page"
    first_page: int = 1
    size_param: str | None = None
    size: int | None = None
    reads = ()

    def __post_init__(self) -> None:
        if (self.size_param is None) != (self.size is None):
            raise ConfigError("PageNumber takes size_param= and size= together.")

    def first(self) -> State:
        """The first number."""
        return {"page": self.first_page, "pages": None}

    def request(self, state: State, path: str, params: Params) -> PageRequest:
        """The path with the page's number, and its size if the portal takes one."""
        size = {self.size_param: self.size} if self.size_param and self.size is not None else {}
        return PageRequest(path, {**params, **size, self.page_param: state["page"]})

    def next(self, state: State, reading: PageReading) -> State | None:
        """The next number until a page is empty.

        Raises:
            PayloadError: The page came before: the portal ignores the number or repeats its last page.
        """
        if reading.record_count == 0:
            return None
        pages = _new_page(state["pages"], reading, f"{self.page_param}={state['page']}")
        return {"page": state["page"] + 1, "pages": pages}


def _new_page(trail: State | None, reading: PageReading, where: str) -> State | None:
    """The trail with this page's fingerprint. Empty pages are all alike, so they leave no mark."""
    if reading.record_count == 0:
        return trail
    longer = _walked(trail, reading.fingerprint)
    if longer is None:
        raise _endless(reading, f"its records came before ({where})")
    return longer


def _walked(trail: State | None, mark: str) -> State | None:
    """One step further on a trail, or None when the mark lies on it.

    Brent's cycle detection, so that a state stays small on a walk of any length: the first, the last and one anchor are kept; the
    anchor moves at each power of two, so a cycle of any length is met.
    """
    if trail is None:
        return {"first": mark, "last": mark, "anchor": mark, "steps": 0, "span": 1}
    if mark in (trail["first"], trail["last"], trail["anchor"]):
        return None
    steps = trail["steps"] + 1
    if steps < trail["span"]:
        return {**trail, "last": mark, "steps": steps}
    return {**trail, "last": mark, "anchor": mark, "steps": 0, "span": trail["span"] * 2}


def _endless(reading: PageReading, what: str) -> PayloadError:
    return PayloadError(
        f"Page {reading.number} of {redact_url(reading.url)}: {what}. The portal repeats itself, so the end cannot be told.",
        hint="Compare the contract's paginator with the portal's documentation; a repeated page is often a misspelt parameter.",
    )


def _below_origin(url: str, link: str) -> str:
    """The link resolved against its page, without the origin when it stays there: a checkpoint outlives a change of port."""
    try:
        absolute = urljoin(url, link)
        here, there = urlsplit(url), urlsplit(absolute)
    except ValueError:
        raise PayloadError(f"The next link {printable(link.partition('?')[0])} is no URL.") from None
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        return absolute
    return there._replace(scheme="", netloc="", fragment="").geturl()


_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[^\s=;,"<]+\s*(?:=\s*(?:"[^"]*"|[^\s;,"<]*))?)*)')
_RELATION = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.IGNORECASE)


def _links(header: str) -> Iterator[tuple[str, list[str]]]:
    """The targets and relations of a Link header, https://www.rfc-editor.org/rfc/rfc8288#section-3."""
    for target, attributes in _LINK.findall(header):
        relation = _RELATION.search(attributes)
        yield target, ((relation[1] or relation[2] or "").lower().split() if relation else [])
