"""Where the records of a page are, and in which form: objects, arrays with a header somewhere, or a single object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import jmespath

from esteira.contract import FirstRecord
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
_NEVER = frozenset({"errors", "erros", "warnings"})
"""Lists that say why there are no records."""
_NAME_KEYS = ("name", "fieldName", "field", "id", "key")
"""Where an object that describes a column holds its name."""
_REFUSALS = frozenset({"error", "errors", "message", "detail", "code", "erro", "mensagem", "fault", "exception"})


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a page.

    Attributes:
        path: JMESPath of them; empty when they are the page.
        rows: The records, as objects.
        why: The reason.
        columns: Where the names stand when the records are arrays: a JMESPath, or the first of them.
        is_single: Whether one object stands there instead of a list.
    """

    path: str
    rows: list[dict[str, Any]] = field(repr=False)
    why: str
    columns: str | FirstRecord | None = None
    is_single: bool = False

    def of(self, page: Any) -> list[dict[str, Any]] | None:
        """The records of another page, or None when it is of another kind."""
        found = jmespath.search(self.path, page) if self.path else page
        if self.is_single:
            return [found] if isinstance(found, dict) else None
        if not isinstance(found, list):
            return None
        if self.columns is None:
            return found if all(isinstance(each, dict) for each in found) else None
        if isinstance(self.columns, FirstRecord):
            return named(found[1:], found[0]) if found else []
        return named(found, jmespath.search(self.columns, page))

    def as_found(self, rows: Sequence[dict[str, Any]]) -> Any:
        """Records in the form in which they stand in a page."""
        if self.is_single:
            return rows[0]
        if self.columns is None:
            return list(rows)
        header = [list(rows[0])] if isinstance(self.columns, FirstRecord) and rows else []
        return [*header, *(list(row.values()) for row in rows)]


def find_records(page: Any) -> Records:
    """What is most probably meant: a list of objects, else one of arrays that have names, else a single object.

    Raises:
        PayloadError: There is nothing of the kind, or it is empty.
    """
    lists = sorted(_lists(page, "", "", 0), key=_rank)
    objects = [each for each in lists if each.rows and each.key.lower() not in _NEVER]
    arrays = None if objects and objects[0].key.lower() not in _BESIDE else _of_arrays(page)
    found = arrays or _of_objects(objects) or _of_one(page)
    if found is None:
        raise PayloadError(f"There is no list of records in the answer; {_seen(page)}.", hint=_HINT)
    return found


def named(rows: Sequence[Any], names: Any) -> list[dict[str, Any]] | None:
    """Arrays as objects; None when the names do not fit them."""
    if not _are_names(names) or not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        return None
    return [dict(zip(names, row, strict=True)) for row in rows]


@dataclass(frozen=True, slots=True)
class _List:
    path: str
    key: str
    rows: list[Any]
    depth: int


def _of_objects(found: Sequence[_List]) -> Records | None:
    if not found:
        return None
    best, others = found[0], [each.path for each in found[1:]]
    where = f"the list of {len(best.rows)} objects at {best.path}" if best.path else "the page is the list itself"
    beside = f"; the others ({', '.join(others)}) are shorter or stand beside records by their names" if others else ""
    return Records(best.path, best.rows, f"{where}{beside}")


def _of_arrays(page: Any) -> Records | None:
    for found in sorted(_lists(page, "", "", 0, kind=list), key=_rank):
        if not found.rows:
            continue
        for place in _name_places(page, "", 0):
            rows = named(found.rows, jmespath.search(place, page))
            if rows:
                why = (
                    f"{len(rows)} arrays at {found.path or 'the top'}, and as many names as each has values at {place}"
                )
                return Records(found.path, rows, why, place)
        rows = named(found.rows[1:], found.rows[0])
        if rows:
            why = f"{len(rows)} arrays at {found.path or 'the top'}, and the first one holds distinct texts, so names"
            return Records(found.path, rows, why, FirstRecord())
    return None


def _of_one(page: Any) -> Records | None:
    """A single object as the record, unless it is an error message or an envelope."""
    if not isinstance(page, dict) or _REFUSALS & {name.lower() for name in page}:
        return None
    for name, value in page.items():
        if name.lower() in _USUAL and isinstance(value, dict) and _has_values(value):
            return Records(joined("", name), [value], f"a single object at {name}", is_single=True)
    is_envelope = any(isinstance(value, list) and name.lower() in _USUAL | _BESIDE for name, value in page.items())
    return (
        None
        if is_envelope or not _has_values(page)
        else Records("", [page], "the page is a single object", is_single=True)
    )


def _has_values(node: dict[str, Any]) -> bool:
    return any(value is not None and not isinstance(value, dict | list) for value in node.values())


def _rank(found: _List) -> tuple[bool, bool, bool, int, int]:
    """The best first: filled, no list that stands beside records, a usual name, the longest, the one nearest to the top."""
    name = found.key.lower()
    return not found.rows, name in _BESIDE, name not in _USUAL, -len(found.rows), found.depth


def _lists(node: Any, path: str, key: str, depth: int, kind: type = dict) -> Iterator[_List]:
    if isinstance(node, list) and all(isinstance(each, kind) for each in node):
        yield _List(path, key, node, depth)
    if isinstance(node, dict) and depth <= MAX_DEPTH:
        for name, value in node.items():
            yield from _lists(value, joined(path, name), name, depth + 1, kind)


def _name_places(node: Any, path: str, depth: int) -> Iterator[str]:
    """JMESPaths of lists of names, or of the names in a list of objects."""
    if not isinstance(node, dict) or depth > MAX_DEPTH:
        return
    for key, value in node.items():
        place = joined(path, key)
        if isinstance(value, list) and _are_names(value):
            yield place
        elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            yield from (f"{place}[].{name}" for name in _NAME_KEYS if all(name in each for each in value))
        yield from _name_places(value, place, depth + 1)


def _are_names(names: Any) -> bool:
    is_list = isinstance(names, list) and bool(names) and all(isinstance(name, str) and name for name in names)
    return is_list and len(set(names)) == len(names)


def _seen(page: Any) -> str:
    if isinstance(page, dict):
        return f"its keys are {', '.join(printable(name, limit=40) for name in list(page)[:10]) or 'none'}"
    return f"it is {'an empty list' if page == [] else f'a {type(page).__name__}'}"


_HINT = "Ask for a path and parameters that give some rows; the token may also not see this data."
