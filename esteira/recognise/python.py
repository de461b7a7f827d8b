"""Values and calls as they stand in a contract's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esteira.paginate import Header


def shown_call(kind: str, arguments: Mapping[str, Any]) -> str:
    """A call of a class with named arguments."""
    return f"{kind}({', '.join(f'{name}={literal(value)}' for name, value in arguments.items())})"


def literal(value: Any) -> str:
    """A value as Python, with double quotes as the house writes them."""
    if isinstance(value, str):
        text = repr(value)
        return text if '"' in value or text.startswith('"') else f'"{text[1:-1]}"'
    if isinstance(value, Header):
        return f"Header({literal(value.name)})"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{literal(name)}: {literal(each)}' for name, each in value.items())}}}"
    if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000:
        return f"{value:_}"
    return repr(value)
