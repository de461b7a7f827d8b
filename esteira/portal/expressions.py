"""Which keys of a page a JMESPath can see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from esteira.contract.paths import compiled

_PART = r'(?:[A-Za-z_][A-Za-z0-9_]*|"[^"\\]+")'
_PLAIN = re.compile(rf"{_PART}(?:\.{_PART})*")
_FROM_THE_LEFT = frozenset(
    {"subexpression", "index_expression", "projection", "value_projection", "filter_projection", "flatten", "pipe"}
)
"""Nodes that look at their first child's value alone, whatever stands in the others.

https://jmespath.org/specification.html
"""
_FROM_ALL = frozenset({"comparator", "or_expression", "and_expression", "not_expression", "function_expression"})
_FROM_NOTHING = frozenset({"literal", "expref"})


def plain_keys(path: str) -> tuple[str, ...] | None:
    """The keys that lead to a value, none for the whole page; None when the path is an expression."""
    if path and not _PLAIN.fullmatch(path):
        return None
    return tuple(part.strip('"') for part in re.findall(_PART, path))


@cache
def seen_keys(path: str) -> frozenset[str] | None:
    """The keys of a page that an expression looks at; None when that may be any of them."""
    return _seen(compiled(path).parsed)


def _seen(node: Mapping[str, Any]) -> frozenset[str] | None:
    kind, children = node["type"], node["children"]
    if kind == "field":
        return frozenset({node["value"]})
    if kind in _FROM_NOTHING:
        return frozenset()
    if kind in _FROM_THE_LEFT:
        return _seen(children[0])
    if kind not in _FROM_ALL:
        return None
    parts = [_seen(child) for child in children]
    return None if None in parts else frozenset().union(*(part for part in parts if part is not None))
