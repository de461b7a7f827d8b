"""A portal as a function: a table, and every way of paging through it that the paginators know. It can cap, repeat and forget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from esteira.contract import Header, NextLink, NextToken, Offset, PageNumber
from esteira.paginate import PageReading, PageRequest, Paginator, State

PATH = "/rows"
URL = "https://portal.example/rows"


@dataclass(frozen=True)
class Shown:
    """An answer of the model."""

    ids: list[int]
    status: int = 200
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """What the portal holds, and how it pages.

    `again` is a page that is served in the place of the one behind it, as a portal does that repeats itself. An endless portal writes links
    and tokens behind its last row too.
    """

    count: int
    cap: int
    refuses_past_end: bool = False
    again: int | None = None
    is_endless: bool = False

    def show(self, asked: Mapping[str, Any]) -> Shown:
        size = min(int(asked.get("limit") or self.cap), self.cap)
        start = self._start(asked, size)
        if self.again is not None and start // size == self.again + 1:
            start -= size
        found = list(range(start, min(start + size, self.count)))
        if self.refuses_past_end and start and not found:
            return Shown([], 404)
        has_more = start + size < self.count
        goes_on, pages = has_more or self.is_endless, -(-self.count // size)
        token, link = (f"t{start + size}", f"?at={start + size}") if goes_on else (None, None)
        body = {"n": self.count, "pages": pages, "more": has_more, "token": token, "next": link}
        headers = {"x-total-count": str(self.count), "x-pages": str(pages)}
        if link and token:
            headers |= {"link": f'<?at=0>; rel="first", <{link}>; rel="next"', "next-page": link, "x-token": token}
        return Shown(found, 200, body, headers)

    def _start(self, asked: Mapping[str, Any], size: int) -> int:
        if "page" in asked:
            return (int(asked["page"]) - 1) * size
        token = str(asked.get("cursor") or "t0")
        return int(asked.get("offset") or asked.get("at") or token.removeprefix("t"))


def paginators(size: int, past_end: int | None) -> dict[str, Paginator]:
    """One of each kind, and of each way of telling the end."""
    numbered: dict[str, Any] = {"size_param": "limit", "size": size}
    return {
        "link": NextLink(body="next"),
        "link header": NextLink(header="Link"),
        "plain header": NextLink(header="Next-Page"),
        "token": NextToken(body="token"),
        "token header": NextToken(header="X-Token"),
        "token in body": NextToken(body="token", place="body"),
        "offset": Offset(size, past_end=past_end),
        "offset total": Offset(size, total="n", past_end=past_end),
        "offset header": Offset(size, total=Header("X-Total-Count")),
        "offset more": Offset(size, has_more="more"),
        "offset in body": Offset(size, place="body", past_end=past_end),
        "number": PageNumber(**numbered, past_end=past_end),
        "number pages": PageNumber(**numbered, total_pages="pages"),
        "number header": PageNumber(**numbered, total_pages=Header("X-Pages")),
        "number more": PageNumber(**numbered, has_more="more"),
        "number in body": PageNumber(**numbered, place="body", past_end=past_end),
    }


KINDS = tuple(paginators(1, None))


def asked_of(request: PageRequest) -> dict[str, Any]:
    """What a request says to the model, wherever it stands."""
    if request.is_link:
        return dict(pair.split("=") for pair in request.target.partition("?")[2].split("&"))
    return {**request.params, **request.body}


def reading_of(shown: Shown, number: int, past_end: int | None) -> PageReading:
    """A model's answer as a paginator sees it."""
    lookup: Callable[[str], Any] = shown.body.get
    mark = "-".join(map(str, shown.ids))
    return PageReading(
        number, URL, len(shown.ids), mark, shown.headers, lookup, is_past_end=shown.status == past_end != 200
    )


@dataclass(frozen=True)
class Step:
    """One page of a walk: what came, and the state behind it."""

    ids: list[int]
    following: State | None
