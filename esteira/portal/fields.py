"""Which parts of a page are decoded beside its records: key paths, the msgspec type that reads them alone, and their values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from esteira.portal.expressions import plain_keys, seen_keys

Keys = tuple[str, ...]
"""The keys that lead to a value from the top of a page."""


def kept_beside(records: Keys, reads: Iterable[str]) -> frozenset[Keys] | None:
    """The key paths to decode for these JMESPaths; None where one of them needs the records themselves, or might."""
    kept: set[Keys] = set()
    for path in reads:
        keys, seen = plain_keys(path), seen_keys(path)
        if seen is None:
            return None
        # a whole value, where records do not stand in it: told by a path of an error body, it may be of another type on a page
        is_deep = keys is not None and records[:1] == keys[:1]
        kept |= {keys} if keys is not None and is_deep else {(key,) for key in seen}
    if any(_is_within(records, keys) or _is_within(keys, records) for keys in kept):
        return None
    return frozenset(keys for keys in kept if not any(keys != other and _is_within(keys, other) for other in kept))


def struct_of(types: dict[Keys, Any]) -> Any:
    """A msgspec type of the given key paths."""
    fields: list[tuple[str, Any, Any]] = []
    names = _names(types)
    for key, name in names.items():
        below = {keys[1:]: leaf for keys, leaf in types.items() if keys[0] == key}
        leaf = below[()] if () in below else struct_of(below)
        fields.append((name, leaf if leaf is msgspec.Raw else leaf | None, None))  # a union would never give a Raw
    return msgspec.defstruct("Page", fields, rename={name: key for key, name in names.items()})


def attributes_of(paths: Iterable[Keys], keys: Keys) -> Keys:
    """The attributes that lead to a value in the type of these paths."""
    found: list[str] = []
    level = list(paths)
    for key in keys:
        found.append(_names(level)[key])
        level = [path[1:] for path in level if path[0] == key and len(path) > 1]
    return tuple(found)


def value_at(page: Any, attributes: Keys) -> Any:
    """The value at a chain of attributes; None where the page does not go so far."""
    for name in attributes:
        if page is None:
            return None
        page = getattr(page, name)
    return page


def document_of(page: Any, kept: dict[Keys, Keys]) -> dict[str, Any]:
    """The decoded parts of a page as plain dictionaries, for a JMESPath to search."""
    document: dict[str, Any] = {}
    for keys, attributes in kept.items():
        *above, last = keys
        level = document
        for key in above:
            level = level.setdefault(key, {})
        level[last] = value_at(page, attributes)
    return document


def _names(paths: Iterable[Keys]) -> dict[str, str]:
    """Key → attribute: keys such as `@odata.nextLink` are no Python names."""
    return {key: f"f{number}" for number, key in enumerate(dict.fromkeys(keys[0] for keys in paths))}


def _is_within(keys: Keys, other: Keys) -> bool:
    return keys[: len(other)] == other
