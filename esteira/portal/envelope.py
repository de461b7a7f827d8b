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
from esteira.portal.expressions import plain_keys
from esteira.portal.fields import Keys, attributes_of, document_of, kept_beside, struct_of, value_at
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
    kept = None if keys is None else kept_beside(keys, wanted)
    return _Search(shape) if keys is None or kept is None else _Scan(shape, keys, kept)


class _Scan:
    """The fast reader: one scan that decodes the asked fields only, with the records as slices of the body."""

    def __init__(self, shape: Shape, records: Keys, kept: frozenset[Keys]) -> None:
        self._shape = shape
        types: dict[Keys, Any] = {records: _leaf(shape), **dict.fromkeys(sorted(kept), Any)}
        self._decoder = msgspec.json.Decoder(types[()] if () in types else struct_of(types))
        self._records = attributes_of(types, records)
        self._kept = {keys: attributes_of(types, keys) for keys in kept}

    def __call__(self, body: bytes) -> Envelope:
        page = _decode(self._decoder, body, self._shape)
        document: dict[str, Any] = {}

        def lookup(path: str) -> Any:
            if not document:
                document.update(document_of(page, self._kept))
            return compiled(path).search(document)

        return _envelope(value_at(page, self._records), lookup, body, self._shape)


class _Search:
    """The general reader: decodes the page and searches it by any JMESPath. Decimals stay text, so that re-encoding loses no digit."""

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
    """The envelope of the records found. The first record tells whether they are objects or arrays without names."""
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
    """The error of a 200 without records: an error body, or a wrong path. Names the body's keys and the portal's own error code."""
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


_ENCODER = msgspec.json.Encoder()
