"""One answer of a portal, decoded so that no digit is lost, and the paths of what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from esteira.errors import PayloadError
from esteira.redaction import printable

MAX_DEPTH = 4
"""Objects below objects that are looked into; envelopes known to us end at three."""
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Sample:
    """A page.

    Attributes:
        page: The decoded body; numbers with a fraction are `Decimal`.
        headers: Names in lower case.
        url: Where it came from.
        path: What was asked for, below the portal's base URL.
        params: The query.
    """

    page: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    path: str = "/"
    params: Mapping[str, str | int] = field(default_factory=dict)


def decode(body: bytes) -> Any:
    """A body as values.

    Raises:
        PayloadError: It is no JSON.
    """
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        start = printable(body[:200].decode(errors="replace"))
        raise PayloadError(
            f"The answer is no JSON ({printable(str(exc))}); it begins {start!r}.",
            hint="Ask for JSON: by another path, or by a parameter such as format=json.",
        ) from exc


def leaves(page: Any, records: str) -> Iterator[tuple[str, str, Any]]:
    """Path, key and value of everything in the envelope that is neither an object nor the records."""
    yield from _leaves(page, "", records, 0)


def joined(path: str, key: str) -> str:
    """A JMESPath one key further."""
    name = key if _PLAIN.fullmatch(key) else '"{}"'.format(key.replace('"', '\\"'))
    return f"{path}.{name}" if path else name


def _leaves(node: Any, path: str, records: str, depth: int) -> Iterator[tuple[str, str, Any]]:
    if not isinstance(node, dict) or depth > MAX_DEPTH:
        return
    for key, value in node.items():
        place = joined(path, key)
        if place == records:
            continue
        if isinstance(value, dict):
            yield from _leaves(value, place, records, depth + 1)
        else:
            yield place, key, value
