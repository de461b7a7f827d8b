"""Nested values as JSON text: one spelling for each value, so that two loads of the same value compare equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number", order="deterministic")


def nested_text(value: Any) -> bytes:
    """The canonical JSON text of a decoded value: names in order, no blanks, every digit kept.

    Raises:
        ValueError: It holds a number that is no finite double, which no reader of the table could use.
    """
    text = _ENCODER.encode(value)
    if not is_nested_text(text):
        raise ValueError
    return text


def is_nested_text(text: str | bytes) -> bool:
    """Whether JSON_PARSE takes a text."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def nested_texts(values: Sequence[Any]) -> list[bytes | None] | None:
    """The canonical JSON texts of decoded values, null and unset as None; None when one of them is no good: `nested_text` tells which."""
    encode = _ENCODER.encode
    texts = [None if value is None or value is msgspec.UNSET else encode(value) for value in values]
    return texts if is_nested_text(b"[" + b",".join(filter(None, texts)) + b"]") else None
