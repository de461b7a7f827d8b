"""Pages that name the next one by a link, in the body or in a header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from esteira.errors import ConfigError, PayloadError
from esteira.paginate.places import LATER
from esteira.paginate.repeats import empty_pages, endless, new_page, walked
from esteira.paginate.verbs import PageReading, PageRequest, Params, State
from esteira.redaction import printable, redact_url


@dataclass(frozen=True, slots=True)
class NextLink:
    """The page names the next one (dlt: `json_link` and `header_link`).

    Args:
        body: JMESPath of the link in the page.
        header: Name of the header that holds it; `Link` is read by RFC 8288 (rel=next), any other one as the bare link.
        ends_empty: Whether the walk ends at a page without records, for portals that write a next link for ever (CKAN 2.11).

    Raises:
        ConfigError: Not exactly one of the two is given.
    """

    body: str | None = None
    header: str | None = None
    ends_empty: bool = field(default=False, metadata=LATER)

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

    def guess(self, state: State, total: int | None) -> State | None:
        """Only the page can tell."""
        return None

    def next(self, state: State, reading: PageReading) -> State | None:
        """Follow the link; no link, an empty one, false or null is the end.

        Raises:
            PayloadError: A link or a page came before, the link is no text, or empty pages follow each other without end.
        """
        found = None if self.ends_empty and reading.record_count == 0 else self._found(reading)
        if found is None:
            new_page(state["pages"], reading, "as the last page")
            return None
        link = _below_origin(reading.url, reading.strip(found))
        empty = empty_pages(state["empty"], reading, f"still link to {redact_url(link)}")
        links = walked(state["links"], link)
        if links is None:
            raise endless(reading, f"the next link {redact_url(link)} was followed before")
        return {
            "link": link,
            "empty": empty,
            "links": links,
            "pages": new_page(state["pages"], reading, redact_url(link)),
        }

    def _found(self, reading: PageReading) -> str | None:
        found = self._in_header(reading) if self.header else reading.lookup(self.body or "")
        if found is None or found is False or found == "":
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


_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_PARAMETER = re.compile(rf'\s*;\s*([^\s=;,"<]+)\s*(?:=\s*(?:{_QUOTED}|([^\s;,"<]*)))?')
_LINK = re.compile(rf"<([^<>]*)>((?:{_PARAMETER.pattern})*)")


def _links(header: str) -> Iterator[tuple[str, list[str]]]:
    """The targets and relations of a Link header, https://www.rfc-editor.org/rfc/rfc8288#section-3. What a title says is no relation."""
    for link in _LINK.finditer(header):
        told = (quoted or bare for name, quoted, bare in _PARAMETER.findall(link[2]) if name.lower() == "rel")
        yield link[1], next(told, "").lower().split()
