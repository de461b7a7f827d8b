"""Texts that others wrote, made safe to read: cut, on one line, and unable to turn the direction of what stands around them.

Escaping for HTML is not done here: `Text` and the templates do it.
"""

from __future__ import annotations

import re

from esteira.redaction import scrub

MAX_CHARACTERS = 120
"""A value of 64 KB would bury the page, and its first words say which one it is."""
_INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffd\ud800-\udfff]"
)
"""Controls, and the marks that reorder text: https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters"""
FIRST_STRONG, POP = "\u2068", "\u2069"


def shown(text: str, *, limit: int = MAX_CHARACTERS) -> str:
    """A foreign text that stands alone; what cannot be seen is named by its number.

    Args:
        text: As it came.
        limit: Characters after which it is cut.
    """
    plain = _INVISIBLE.sub(_named, scrub(text[: limit + 1]))
    return plain if len(text) <= limit else f"{plain[:limit]}… ({len(text)})"


def quoted(text: str, *, limit: int = MAX_CHARACTERS) -> str:
    """The same inside a sentence: isolated, so that a text from right to left does not reorder the words around it."""
    return f"{FIRST_STRONG}{shown(text, limit=limit)}{POP}"


def _named(found: re.Match[str]) -> str:
    return f"[U+{ord(found.group()):04X}]"
