"""Where the records of a page are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from esteira.errors import PayloadError
from esteira.recognise.sample import MAX_DEPTH, joined
from esteira.redaction import printable

_USUAL = frozenset(
    {
        "rows", "records", "results", "result", "items", "data", "value", "values", "content", "entries", "elements", "features", "hits",
        "list", "objects", "resources", "registros", "dados", "itens", "resultado", "resultados",
    }
)  # fmt: skip
_BESIDE = frozenset({"links", "_links", "fields", "columns", "facets", "included", "errors", "warnings", "meta", "aggregations"})  # fmt: skip
"""Lists that stand beside the records in some envelopes."""


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a page.

    Attributes:
        path: JMESPath of the list; empty when the page is the list.
        rows: The records.
        why: The reason.
    """

    path: str
    rows: list[dict[str, Any]] = field(repr=False)
    why: str


def find_records(page: Any) -> Records:
    """The list of objects that is most probably meant.

    Raises:
        PayloadError: There is none, or it is empty.
    """
    found = sorted(_lists(page, "", "", 0), key=_rank)
    if not found or not found[0].rows:
        raise PayloadError(f"There is no list of records in the answer; {_seen(page)}.", hint=_hint(page))
    best, count = found[0], len(found)
    where = f"the list of {len(best.rows)} objects at {best.path}" if best.path else "the page is the list itself"
    others = [each.path for each in found[1:] if each.rows]
    beside = f"; the others ({', '.join(others)}) are shorter or stand beside records by their names" if others else ""
    return Records(best.path, best.rows, where if count == 1 else f"{where}{beside}")


@dataclass(frozen=True, slots=True)
class _List:
    path: str
    key: str
    rows: list[dict[str, Any]]
    depth: int


def _rank(found: _List) -> tuple[bool, bool, bool, int, int]:
    """The best first: filled, no list that stands beside records, a usual name, the longest, the one nearest to the top."""
    name = found.key.lower()
    return not found.rows, name in _BESIDE, name not in _USUAL, -len(found.rows), found.depth


def _lists(node: Any, path: str, key: str, depth: int) -> Iterator[_List]:
    if isinstance(node, list) and all(isinstance(each, dict) for each in node):
        yield _List(path, key, node, depth)
    if isinstance(node, dict) and depth <= MAX_DEPTH:
        for name, value in node.items():
            yield from _lists(value, joined(path, name), name, depth + 1)


def _seen(page: Any) -> str:
    if isinstance(page, dict):
        return f"its keys are {', '.join(printable(name, limit=40) for name in list(page)[:10]) or 'none'}"
    return f"it is {'an empty list' if page == [] else f'a {type(page).__name__}'}"


def _hint(page: Any) -> str:
    has_rows = isinstance(page, dict) and any(
        isinstance(value, list) and value and isinstance(value[0], list) for value in page.values()
    )
    if has_rows or (isinstance(page, list) and page and isinstance(page[0], list)):
        return "These records are arrays without names. Ask for objects (Datasette: _shape=objects), or write columns= by hand."
    return "Ask for a path and parameters that give some rows; the token may also not see this data."
