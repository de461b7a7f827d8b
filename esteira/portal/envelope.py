"""A page's bytes → its records, undecoded, and what else is asked of the page.

The fast way builds a msgspec type from the keys that the paths can see, so that a page is scanned once and each record stays a slice of the
body. Where records are told by an expression, or an expression looks into them, the page is decoded, searched, and its records are encoded
again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from esteira.contract.paths import compiled
from esteira.contract.shapes import Shape
from esteira.errors import PayloadError
from esteira.portal.exact import EXACT
from esteira.portal.expressions import plain_keys, seen_keys
from esteira.portal.naming import named
from esteira.redaction import printable

_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ERROR_PATHS = (
    "errors[0].message",
    "error.code",
    "error.message",
    "error",
    "code",
    "status",
    "message",
    "title",
    "detail",
)
_ARTICLES = {"object": "an", "list of records": "a"}
Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A page taken apart: `lookup` takes the JMESPaths that the reader was built with.

    `rows` are the records as they stand in the page; they differ from `records` where those are named by a header.
    """

    records: list[msgspec.Raw]
    lookup: Callable[[str], Any]
    rows: Sequence[msgspec.Raw] = ()


Reader = Callable[[bytes], Envelope]


def is_json(body: bytes) -> bool:
    """Whether the body is a whole JSON document. One that was cut off, HTML and NaN are not: a second try may bring a whole one."""
    try:
        body.decode()
        msgspec.json.decode(body)
    except _BROKEN:
        return False
    return True


@cache
def reader_of(shape: Shape, reads: tuple[str, ...] = ()) -> Reader:
    """A function that takes pages apart.

    Args:
        shape: How the records stand in a page.
        reads: JMESPaths that will be looked up besides.

    Raises:
        ConfigError: A path is no JMESPath.
    """
    names = (shape.columns,) if isinstance(shape.columns, str) else ()
    wanted = tuple(dict.fromkeys((*names, *reads)))
    keys = plain_keys(shape.records)
    kept = None if keys is None else _kept(keys, wanted)
    return _Search(shape) if keys is None or kept is None else _Scan(shape, keys, kept)


def _kept(records: Keys, reads: Iterable[str]) -> frozenset[Keys] | None:
    """What to keep of a page besides its records; None when that holds the records, or cannot be told."""
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


def _is_within(keys: Keys, other: Keys) -> bool:
    return keys[: len(other)] == other


class _Scan:
    """One scan: only the asked fields are kept, the records as slices."""

    def __init__(self, shape: Shape, records: Keys, kept: frozenset[Keys]) -> None:
        self._shape = shape
        types: dict[Keys, Any] = {records: _leaf(shape), **dict.fromkeys(sorted(kept), Any)}
        self._decoder = msgspec.json.Decoder(types[()] if () in types else _struct(types))
        self._records = _attributes(types, records)
        self._kept = {keys: _attributes(types, keys) for keys in kept}

    def __call__(self, body: bytes) -> Envelope:
        page = _decode(self._decoder, body, self._shape)
        document: dict[str, Any] = {}

        def lookup(path: str) -> Any:
            if not document:
                document.update(_document(page, self._kept))
            return compiled(path).search(document)

        return _envelope(_walk(page, self._records), lookup, body, self._shape)


class _Search:
    """Any JMESPath, at the price of decoding the page. Decimals are kept as text, so that no digit is lost on the way back."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._rows = msgspec.json.Decoder(_leaf(shape))

    def __call__(self, body: bytes) -> Envelope:
        page = _decode(EXACT, body, self._shape)
        found = compiled(self._shape.records).search(page) if self._shape.records else page

        def lookup(path: str) -> Any:
            value = compiled(path).search(page)
            return float(bytes(value)) if isinstance(value, msgspec.Raw) else value

        try:
            rows = self._rows.decode(_ENCODER.encode(found))
        except msgspec.ValidationError:
            rows = None
        return _envelope(rows, lookup, body, self._shape)


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes, shape: Shape) -> Any:
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look inside the records that it leaves undecoded
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise _no_records(body, shape) from None
    except _BROKEN as exc:
        raise _no_json(exc) from None


def _envelope(found: Any, lookup: Callable[[str], Any], body: bytes, shape: Shape) -> Envelope:
    """The records, if there are any or none; a look at the first tells objects from rows without names."""
    if found is None:
        raise _no_records(body, shape)
    if shape.columns is not None:
        return Envelope(named(found, lookup, shape.columns), lookup, found)
    records = [found] if shape.is_single else found
    if records and not bytes(records[0]).lstrip().startswith(b"{"):
        raise _no_objects(records[0], shape)
    return Envelope(records, lookup, records)


def _no_objects(first: msgspec.Raw, shape: Shape) -> PayloadError:
    start = printable(bytes(first)[:200].decode(errors="replace"), limit=20)
    if shape.is_single:
        return PayloadError(f"no object at {shape.records or 'the top'}; what stands there begins {start!r}")
    return PayloadError(
        f"the records at {shape.records or 'the top'} are not objects; the first begins {start!r}",
        hint="Ask the portal for objects (Datasette: _shape=objects), say in ApiSource(columns=...) what the values are called, "
        "or correct the contract's records path.",
    )


def _no_records(body: bytes, shape: Shape) -> PayloadError:
    """A 200 with something else: an error body, or a path that is wrong. Names the keys and the portal's own error code."""
    try:
        page = msgspec.json.decode(body)
    except _BROKEN as exc:
        return _no_json(exc)
    wanted = "object" if shape.is_single else "list of records"
    where = f"no {wanted} at {shape.records}" if shape.records else f"the page is not {_ARTICLES[wanted]} {wanted}"
    if not isinstance(page, dict):
        return PayloadError(f"{where}; it is a {type(page).__name__}")
    keys = ", ".join(printable(key, limit=40) for key in list(page)[:10]) or "none"
    told = (f"{name}={printable(str(value), limit=60)}" for name, value in _told(page))
    return PayloadError("; ".join((where, f"its keys are {keys}", *told)))


def _no_json(exc: Exception) -> PayloadError:
    return PayloadError(f"the body is no JSON ({printable(str(exc), limit=120)})")


def _told(page: dict[str, Any]) -> Iterable[tuple[str, str | int]]:
    found = ((path, compiled(path).search(page)) for path in _ERROR_PATHS)
    return [(path, value) for path, value in found if isinstance(value, str | int) and not isinstance(value, bool)][:3]


def _leaf(shape: Shape) -> Any:
    """The type of what stands at the records' place."""
    return msgspec.Raw if shape.is_single else list[msgspec.Raw]


def _struct(types: dict[Keys, Any]) -> Any:
    """A msgspec type of the given key paths."""
    fields: list[tuple[str, Any, Any]] = []
    names = _names(types)
    for key, name in names.items():
        below = {keys[1:]: leaf for keys, leaf in types.items() if keys[0] == key}
        leaf = below[()] if () in below else _struct(below)
        fields.append((name, leaf if leaf is msgspec.Raw else leaf | None, None))  # a union would never give a Raw
    return msgspec.defstruct("Page", fields, rename={name: key for key, name in names.items()})


def _names(paths: Iterable[Keys]) -> dict[str, str]:
    """Key → attribute: keys such as `@odata.nextLink` are no Python names."""
    return {key: f"f{number}" for number, key in enumerate(dict.fromkeys(keys[0] for keys in paths))}


def _attributes(paths: Iterable[Keys], keys: Keys) -> Keys:
    found: list[str] = []
    level = list(paths)
    for key in keys:
        found.append(_names(level)[key])
        level = [path[1:] for path in level if path[0] == key and len(path) > 1]
    return tuple(found)


def _walk(page: Any, attributes: Keys) -> Any:
    for name in attributes:
        if page is None:
            return None
        page = getattr(page, name)
    return page


def _document(page: Any, kept: dict[Keys, Keys]) -> dict[str, Any]:
    """What was kept of a page, as it stood there."""
    document: dict[str, Any] = {}
    for keys, attributes in kept.items():
        *above, last = keys
        level = document
        for key in above:
            level = level.setdefault(key, {})
        level[last] = _walk(page, attributes)
    return document


_ENCODER = msgspec.json.Encoder()
