"""A page's bytes → its records, undecoded, and what else is asked of the page.

The fast way builds a msgspec type from plain paths, so that a page is scanned once and each record stays a slice of the body. A
path that is an expression takes the slow way: the page is decoded, searched with JMESPath, and its records are encoded again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jmespath
import msgspec

from esteira.errors import ConfigError, PayloadError
from esteira.redaction import printable

_PART = r'(?:[A-Za-z_][A-Za-z0-9_]*|"[^"\\]+")'
_PLAIN_PATH = re.compile(rf"{_PART}(?:\.{_PART})*")
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ERROR_PATHS = ("error.code", "error.message", "error", "code", "status", "message", "title", "detail")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A page taken apart: `lookup` takes the JMESPaths that the reader was built with."""

    records: list[msgspec.Raw]
    lookup: Callable[[str], Any]


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
def reader_of(records: str, reads: tuple[str, ...]) -> Reader:
    """A function that takes pages apart.

    Args:
        records: JMESPath of the records; empty when the page is the array.
        reads: Further JMESPaths that will be looked up.

    Raises:
        ConfigError: A path is no JMESPath.
    """
    for path in filter(None, (records, *reads)):
        _compiled(path)
    if not records and not reads:
        return _BareArray()
    paths = {path: _keys(path) for path in (records, *reads)}
    is_plain = all(_PLAIN_PATH.fullmatch(path) for path in paths) and not _overlap(paths.values())
    return _Scan(records, paths) if is_plain else _Search(records)


def plain_keys(records: str) -> tuple[str, ...] | None:
    """The keys that lead to the records, none when the page is the array; None when the path is an expression."""
    if records and not _PLAIN_PATH.fullmatch(records):
        return None
    return _keys(records)


class _BareArray:
    def __call__(self, body: bytes) -> Envelope:
        return Envelope(_checked(_decode(_ARRAY, body, ""), body, ""), lambda _: None)


class _Scan:
    """One scan: only the asked fields are kept, the records as slices."""

    def __init__(self, records: str, paths: Mapping[str, tuple[str, ...]]) -> None:
        self._records = records
        self._decoder = msgspec.json.Decoder(_struct({keys: path == records for path, keys in paths.items()}))
        self._places = {path: _attributes(paths, keys) for path, keys in paths.items()}

    def __call__(self, body: bytes) -> Envelope:
        page = _decode(self._decoder, body, self._records)

        def lookup(path: str) -> Any:
            return _walk(page, self._places[path])

        return Envelope(_checked(lookup(self._records), body, self._records), lookup)


class _Search:
    """Any JMESPath, at the price of decoding the page. Decimals are kept as text, so that no digit is lost on the way back."""

    def __init__(self, records: str) -> None:
        self._records = records

    def __call__(self, body: bytes) -> Envelope:
        page = _decode(_EXACT, body, self._records)
        found = _compiled(self._records).search(page) if self._records else page
        raw = [msgspec.Raw(_ENCODER.encode(record)) for record in found] if isinstance(found, list) else None
        return Envelope(_checked(raw, body, self._records), lambda path: _compiled(path).search(page))


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes, records: str) -> Any:
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look inside the records that it leaves undecoded
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise _no_records(body, records) from None
    except _BROKEN as exc:
        raise _no_json(exc) from None


def _checked(records: list[msgspec.Raw] | None, body: bytes, path: str) -> list[msgspec.Raw]:
    """The records, if there are any or none; a look at the first tells objects from rows without names."""
    if records is None:
        raise _no_records(body, path)
    if records and not bytes(records[0]).lstrip().startswith(b"{"):
        raise PayloadError(
            f"the records at {path or 'the top'} are not objects; the first begins {printable(_text(records[0]), limit=20)!r}",
            hint="Ask the portal for objects (Datasette: _shape=objects), or correct the contract's records path.",
        )
    return records


def _no_records(body: bytes, path: str) -> PayloadError:
    """A 200 with something else: an error body, or a path that is wrong. Names the keys and the portal's own error code."""
    try:
        page = msgspec.json.decode(body)
    except _BROKEN as exc:
        return _no_json(exc)
    where = f"no list of records at {path}" if path else "the page is not a list of records"
    if not isinstance(page, dict):
        return PayloadError(f"{where}; it is a {type(page).__name__}")
    keys = ", ".join(printable(key, limit=40) for key in list(page)[:10]) or "none"
    told = (f"{name}={printable(str(value), limit=60)}" for name, value in _told(page))
    return PayloadError("; ".join((where, f"its keys are {keys}", *told)))


def _no_json(exc: Exception) -> PayloadError:
    return PayloadError(f"the body is no JSON ({printable(str(exc), limit=120)})")


def _told(page: dict[str, Any]) -> Iterable[tuple[str, str | int]]:
    found = ((path, _compiled(path).search(page)) for path in _ERROR_PATHS)
    return [(path, value) for path, value in found if isinstance(value, str | int) and not isinstance(value, bool)][:3]


@cache
def _compiled(path: str) -> Any:
    try:
        return jmespath.compile(path)
    except jmespath.exceptions.JMESPathError as exc:
        raise ConfigError(f"{path!r} is no JMESPath: {str(exc).splitlines()[0]}") from exc


def _keys(path: str) -> tuple[str, ...]:
    return tuple(part.strip('"') for part in re.findall(_PART, path))


def _overlap(paths: Iterable[tuple[str, ...]]) -> bool:
    known = list(paths)
    return any(a is not b and a == b[: len(a)] for a in known for b in known)


def _struct(paths: Mapping[tuple[str, ...], bool]) -> Any:
    """A msgspec type of the given key paths; the value says whether records stand there."""
    fields: list[tuple[str, Any, Any]] = []
    names = _names(paths)
    for key, name in names.items():
        below = {keys[1:]: is_records for keys, is_records in paths.items() if keys[0] == key}
        fields.append((name, _leaf(is_records=below[()]) if () in below else _struct(below) | None, None))
    return msgspec.defstruct("Page", fields, rename={name: key for key, name in names.items()})


def _leaf(*, is_records: bool) -> Any:
    return list[msgspec.Raw] | None if is_records else Any


def _names(paths: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Key → attribute: keys such as `@odata.nextLink` are no Python names."""
    return {key: f"f{number}" for number, key in enumerate(dict.fromkeys(keys[0] for keys in paths))}


def _attributes(paths: Mapping[str, tuple[str, ...]], keys: tuple[str, ...]) -> tuple[str, ...]:
    found: list[str] = []
    level = list(paths.values())
    for key in keys:
        found.append(_names(level)[key])
        level = [path[1:] for path in level if path[0] == key and len(path) > 1]
    return tuple(found)


def _walk(page: Any, attributes: tuple[str, ...]) -> Any:
    for name in attributes:
        if page is None:
            return None
        page = getattr(page, name)
    return page


def _text(raw: msgspec.Raw) -> str:
    return bytes(raw)[:200].decode(errors="replace")


def _number_text(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_EXACT = msgspec.json.Decoder(float_hook=_number_text)
_ENCODER = msgspec.json.Encoder()
