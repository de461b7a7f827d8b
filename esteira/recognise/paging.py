"""How a portal may lead to the next page: candidates from a page, its headers and what was asked, the surest first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from esteira.paginate import Header, Where
from esteira.recognise.records import Records
from esteira.recognise.sample import Sample, leaves

_NEXT = re.compile(r"(@odata\.|__)?(next|proxima|proximo)[_-]?(link|url|uri|href|page|pagina)?", re.IGNORECASE)
_TOKEN = re.compile(r"(next[_-]?)?(page[_-]?token|token|cursor|continuation([_-]?token)?|marker|scroll_?id)", re.IGNORECASE)  # fmt: skip
_RELATION = re.compile(r"rel\s*=\s*\"?[^\";,]*\bnext\b", re.IGNORECASE)
_HEADER_LINK = re.compile(r"(x-)?next-(page|link|url)", re.IGNORECASE)
_HEADER_TOKEN = re.compile(r"(x-)?(next-)?(page-token|cursor|continuation-?token)")
_OFFSETS = ("offset", "_offset", "$offset", "$skip", "skip", "start", "startat", "inicio")
_LIMITS = ("limit", "_limit", "$limit", "$top", "top", "_size", "size", "rows", "count", "maxresults", "page_size", "limite", "per_page")  # fmt: skip
_PAGES = ("page", "pagina", "pagenumber", "page_number", "number", "currentpage", "current_page", "_page", "p", "pg")
_SIZES = ("per_page", "perpage", "page_size", "pagesize", "size", "limit", "tamanhopagina", "registrosporpagina", "itens")  # fmt: skip
_PAGE_TOTALS = ("totalpages", "total_pages", "pages", "pagecount", "page_count", "lastpage", "last_page", "totalpaginas")  # fmt: skip
_TOTALS = re.compile(
    r"(filtered_table_rows_count|@odata\.count|total|total[_-]?(count|rows|records|elements|items|results|registros)|count|num_?found|"
    r"records_?(total|filtered)|quantidade|total_?de_?registros)",
    re.IGNORECASE,
)
_TOTAL_HEADER = re.compile(r"(x-)?(total(-(count|records|items|rows))?|result-count|pagination-total)")
_PROBES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("PageNumber", {}),
    ("PageNumber", {"page_param": "pagina"}),
    ("Offset", {"offset_param": "offset", "limit_param": "limit"}),
    ("Offset", {"offset_param": "$offset", "limit_param": "$limit"}),
    ("Offset", {"offset_param": "$skip", "limit_param": "$top"}),
)
"""Asked for when a page says nothing: Django REST and GitHub, Portal da Transparência, CKAN, Socrata, OData and Olinda."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A paginator that may be the one.

    Attributes:
        kind: Name of the class in `esteira.contract`.
        arguments: What it is made with.
        why: The evidence.
        is_end: Whether the page says that it is the last, so that nothing can be asked to confirm it.
        is_probe: Whether there is no evidence yet, so that only a second page can speak for it.
        drops: Parameters of the request that the paginator sets from now on.
    """

    kind: str
    arguments: Mapping[str, Any]
    why: str
    is_end: bool = False
    is_probe: bool = False
    drops: tuple[str, ...] = field(default=())


def candidates(sample: Sample, records: Records) -> list[Candidate]:
    """The paginators to try, in order."""
    found = _Envelope(sample, records)
    return [*found.crawling_link(), *found.links(), *found.tokens(), *found.counted(), *found.probes()]


def find_total(sample: Sample, records: Records) -> tuple[Where, int] | None:
    """Where the page reports its total, and the value, or None. It cannot be less than what is on the page."""
    rows = len(records.rows)
    found = [
        (path, key, int(value))
        for path, key, value in leaves(sample.page, records.path)
        if _TOTALS.fullmatch(key) and _is_count(value) and int(value) >= rows
    ]
    if not found:
        return _total_in_header(sample, rows)
    path, _, value = min(found, key=lambda each: (each[1].lower() == "count", -each[2], len(each[0])))
    return path, value


def _total_in_header(sample: Sample, rows: int) -> tuple[Where, int] | None:
    for name, value in sample.headers.items():
        if _TOTAL_HEADER.fullmatch(name) and _is_count(value) and int(value) >= rows:
            return Header(_title(name)), int(value)
    return None


class _Envelope:
    """What stands around the records."""

    def __init__(self, sample: Sample, records: Records) -> None:
        self._sample, self._rows = sample, len(records.rows)
        self._leaves = list(leaves(sample.page, records.path))
        self._asked = {name.lower(): name for name in sample.params}
        total = find_total(sample, records)
        self._total = total[0] if total else None

    def crawling_link(self) -> Iterator[Candidate]:
        """An offset for CKAN, whose next link never ends: its total is believed instead."""
        if self._total == "result.total" and any(path == "result._links.next" for path, _, _ in self._leaves):
            why = "it is CKAN's envelope, whose _links.next never ends: result.total says where the rows end"
            yield self._offset("offset", "limit", why)

    def links(self) -> Iterator[Candidate]:
        """Links in the body, which stay visible in raw, then those in headers, then a key for one that is null."""
        for path, key, value in self._leaves:
            place = _in_relations(path, value) if isinstance(value, list) else None
            if place or (_is_next(path, key) and _is_link(value)):
                yield Candidate("NextLink", {"body": place or path}, f"{path} holds a link")
        for name, value in self._sample.headers.items():
            if name == "link" and _RELATION.search(value):
                yield Candidate("NextLink", {"header": "Link"}, "the header Link names a page with rel=next")
            elif _HEADER_LINK.fullmatch(name) and _is_link(value):
                yield Candidate("NextLink", {"header": _title(name)}, f"the header {_title(name)} holds a link")
        yield from self._last_links()

    def _last_links(self) -> Iterator[Candidate]:
        if any(_TOKEN.fullmatch(key) and value for _, key, value in self._leaves):
            return
        for path, key, value in self._leaves:
            if _is_next(path, key) and value is None:
                why = f"{path} is null: the page says that it is the last one"
                yield Candidate("NextLink", {"body": path}, why, is_end=True)

    def tokens(self) -> Iterator[Candidate]:
        """A token, with the names of parameters that may take it."""
        for path, key, value in self._leaves:
            is_named = _TOKEN.fullmatch(key) or _is_next(path, key)
            if (
                is_named
                and isinstance(value, str | int)
                and not isinstance(value, bool)
                and value
                and not _is_link(value)
            ):
                for param in _token_params(path, key):
                    yield Candidate("NextToken", {"body": path, "param": param}, f"{path} holds a token")
        for name, value in self._sample.headers.items():
            if _HEADER_TOKEN.fullmatch(name) and value:
                where, why = {"header": _title(name)}, f"the header {_title(name)} holds a token"
                yield from (Candidate("NextToken", {**where, "param": param}, why) for param in _header_params(name))
            if _HEADER_LINK.fullmatch(name) and value and not _is_link(value):
                yield Candidate("NextToken", {"header": _title(name), "param": "page"}, f"the header {_title(name)} holds the next page's number")  # fmt: skip

    def counted(self) -> Iterator[Candidate]:
        """Offset or page number, by what was asked and by what the page repeats of it."""
        told = {key.lower(): (key, path) for path, key, value in self._leaves if _is_count(value)}
        known = {**{name: key for name, (key, _) in told.items()}, **self._asked}
        offset, limit = _first(_OFFSETS, known), _first(_LIMITS, known)
        page, size = _first(_PAGES, known), _first(_SIZES, known)
        if offset:
            yield self._offset(offset, limit or "limit", f"{_source(offset, self._asked)} {offset}, which counts rows")
        if page:
            yield self._numbered(page, size, told)
        if limit and not offset and not page:
            twin = {"$limit": "$offset", "$top": "$skip", "_limit": "_offset", "_size": "_offset"}.get(limit, "offset")
            yield self._offset(twin, limit, f"{_source(limit, self._asked)} {limit}, whose usual companion is {twin}")

    def probes(self) -> Iterator[Candidate]:
        """Usual parameters, where the page says nothing at all: to be believed only when they change the answer."""
        for kind, arguments in _PROBES:
            why = "the page says nothing of pages; this parameter changed the answer"
            if kind == "Offset":
                yield replace(self._offset(arguments["offset_param"], arguments["limit_param"], why), is_probe=True)
            else:
                yield Candidate(kind, dict(arguments), why, is_probe=True)

    def _offset(self, offset: str, limit: str, why: str) -> Candidate:
        size = self._sample.params.get(self._asked.get(limit.lower(), ""), self._rows)
        arguments: dict[str, Any] = {"limit": int(size) if _is_count(size) and int(size) else self._rows}
        arguments |= {} if offset == "offset" else {"offset_param": offset}
        arguments |= {} if limit == "limit" else {"limit_param": limit}
        arguments |= {"total": self._total} if self._total else {}
        return Candidate("Offset", arguments, why, drops=(offset, limit))

    def _numbered(self, page: str, size: str | None, told: Mapping[str, tuple[str, str]]) -> Candidate:
        first = self._sample.params.get(page, self._value(told, page))
        arguments: dict[str, Any] = {} if page == "page" else {"page_param": page}
        arguments |= {"first_page": int(first)} if _is_count(first) and int(first) == 0 else {}
        if size and size.lower() in self._asked:
            arguments |= {"size_param": size, "size": int(self._sample.params[size])}
        last = next(
            (path for path, key, value in self._leaves if key.lower() in _PAGE_TOTALS and _is_count(value)), None
        )
        arguments |= {"total_pages": last} if last else {}
        why = f"{_source(page, self._asked)} {page}, which counts pages"
        return Candidate("PageNumber", arguments, why, drops=(page, *((size,) if "size_param" in arguments else ())))

    def _value(self, told: Mapping[str, tuple[str, str]], name: str) -> Any:
        path = told.get(name.lower(), ("", ""))[1]
        return next((value for place, _, value in self._leaves if place == path), None)


def _first(names: tuple[str, ...], known: Mapping[str, str]) -> str | None:
    return next((known[name] for name in names if name in known), None)


def _source(name: str, asked: Mapping[str, str]) -> str:
    return "the request has" if name.lower() in asked else "the page repeats"


def _is_next(path: str, key: str) -> bool:
    """A key of that name, or `href` below one."""
    parent = path.split(".")[-2].strip('"') if "." in path else ""
    return bool(_NEXT.fullmatch(key)) or (key.lower() in {"href", "url"} and bool(_NEXT.fullmatch(parent)))


def _is_link(value: Any) -> bool:
    return isinstance(value, str) and (value.startswith(("http://", "https://", "/", "?")) or "?" in value)


def _is_count(value: Any) -> bool:
    if isinstance(value, str):
        return value.isascii() and value.isdigit() and len(value) < 19
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _in_relations(path: str, links: list[Any]) -> str | None:
    """`links[?rel=='next'].href | [0]`, where such a list stands."""
    for link in links:
        if isinstance(link, dict) and link.get("rel") == "next":
            name = next((name for name in ("href", "url", "link") if isinstance(link.get(name), str)), None)
            return f"{path}[?rel=='next'].{name} | [0]" if name else None
    return None


def _token_params(path: str, key: str) -> list[str]:
    """The parameter is named like the token without its `next`, most often; Datasette's has an underscore."""
    bare = re.sub(r"^next[_-]?", "", key, flags=re.IGNORECASE)
    bare = bare[:1].lower() + bare[1:] if bare and not bare.isupper() else bare
    return list(dict.fromkeys(name for name in (bare, key, f"_{key}" if path == "next" else "", "cursor") if name))


def _header_params(name: str) -> list[str]:
    """`X-Next-Page-Token` goes into `pageToken` or `page_token`, most often."""
    first, *others = re.sub(r"^(x-)?(next-)?", "", name).split("-")
    return list(dict.fromkeys((first + "".join(map(str.title, others)), "_".join((first, *others)))))


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
