"""Texts of a request with places for what a batch asks for: `{window.start:%d/%m/%Y}`, `{window.end:epoch}`, `{parent.id}`.

A place is written in braces, in a path, a parameter or anywhere in a body. Doubled braces stand for themselves: `{{name}}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from esteira.contract.clock import EPOCH_STEPS, moment_text
from esteira.errors import ConfigError, PayloadError

_PLACE = re.compile(r"\{\{(?P<literal>[^{}]*)\}\}|\{(?P<name>[A-Za-z_][\w.]*)(?::(?P<format>[^{}]*))?\}")
_WINDOW = ("window.start", "window.end")
_PARENT = re.compile(r"parent\.\w+")
AS_TEXT = "text"
"""Format that makes a text of a number in a body, where a place that stands alone keeps its type."""
_DIRECTIVE = re.compile(r"%-?(.?)")
_DIRECTIVES = frozenset("aAbBcdHIjmMpSUwWxXyYzZfGuV%")
"""Those of https://docs.python.org/3/library/datetime.html#format-codes; what else a C library knows differs between machines."""
_HINT = (
    "Known are {window.start}, {window.end} and {parent.COLUMN}, each with a format if need be: a strftime one such as "
    "{window.start:%d/%m/%Y}, epoch or epoch_ms. Braces that are meant as text are doubled: {{name}}."
)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A place in a text.

    Attributes:
        text: As it is written.
        name: Such as `window.start`.
        format: What stands behind the colon, or None.
    """

    text: str
    name: str
    format: str | None

    @property
    def scope(self) -> str:
        """`window` or `parent`."""
        return self.name.partition(".")[0]


def placeholders(value: Any) -> Iterator[Placeholder]:
    """Every place in a text, or in the texts of a JSON value."""
    if isinstance(value, str):
        for found in _PLACE.finditer(value):
            if found["name"]:
                yield _placeholder(found)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from placeholders(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from placeholders(each)


def check_template(argument: str, value: Any) -> frozenset[str]:
    """The names of the places in a value.

    Args:
        argument: Where it stands, for messages.
        value: A text, or a JSON value.

    Raises:
        ConfigError: A place names nothing, or its format is none.
    """
    found = tuple(placeholders(value))
    for each in found:
        if each.name not in _WINDOW and not _PARENT.fullmatch(each.name):
            raise ConfigError(f"ApiSource({argument}=...): {each.text} names nothing.", hint=_HINT)
        if each.format is not None and not _is_format(each):
            raise ConfigError(f"ApiSource({argument}=...): {each.text} has no format that can be written.", hint=_HINT)
    return frozenset(each.name for each in found)


def fill(value: Any, values: Mapping[str, Any], *, moment_format: str) -> Any:
    """A text or JSON value with its places filled. A text that is nothing but one place of a parent's column becomes that value itself.

    Args:
        value: The template.
        values: By name: moments in the portal's zone, and values of the parent's row.
        moment_format: How a moment is written where the place does not say.

    Raises:
        ConfigError: There is no value of a name.
        PayloadError: The value is null.
    """
    if isinstance(value, Mapping):
        return {name: fill(each, values, moment_format=moment_format) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [fill(each, values, moment_format=moment_format) for each in value]
    if not isinstance(value, str):
        return value
    whole = _PLACE.fullmatch(value)
    if whole and whole["name"]:
        given = _value(_placeholder(whole), values)
        if whole["format"] is None and isinstance(given, int | float):
            return given
    return _filled(value, values, moment_format, str)


def fill_path(path: str, values: Mapping[str, Any], *, moment_format: str) -> str:
    """A path with its places filled, each value quoted, so that none leads to another path.

    Args and raises: as `fill`.

    Raises:
        PayloadError: A value makes an empty or a dotted segment, which leads to another path however it is quoted.
    """
    if not any(True for _ in placeholders(path)):
        return _filled(path, {}, moment_format, str)
    made = _filled(path, values, moment_format, lambda text: quote(text, safe=""))
    for template, segment in zip(path.split("/"), made.split("/"), strict=False):
        if "{" in template and segment in {"", ".", ".."}:
            raise PayloadError(
                f"The path {path} would become {made}, since a value is empty or made of dots; that is another path.",
                hint="Leave such rows out of the parent, or name another column of it.",
            )
    return made


def _filled(text: str, values: Mapping[str, Any], moment_format: str, quoted: Callable[[str], str]) -> str:
    def put(found: re.Match[str]) -> str:
        if not found["name"]:
            return "{" + found["literal"] + "}"
        each = _placeholder(found)
        return quoted(_text(each, _value(each, values), moment_format))

    return _PLACE.sub(put, text)


def _value(each: Placeholder, values: Mapping[str, Any]) -> Any:
    if each.name not in values:
        raise ConfigError(f"There is no value for {each.text}.", hint=_HINT)
    value = values[each.name]
    if value is None:
        raise PayloadError(f"The value for {each.text} is null.", hint="Leave such rows out of the parent.")
    return value


def _text(each: Placeholder, value: Any, moment_format: str) -> str:
    if isinstance(value, datetime):
        return moment_text(value, each.format or moment_format)
    if isinstance(value, date):
        return value.strftime(each.format) if each.format else value.isoformat()
    if each.format not in {None, AS_TEXT}:
        raise ConfigError(f"{each.text} has a format for moments, and the value is a {type(value).__name__}.")
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _placeholder(found: re.Match[str]) -> Placeholder:
    return Placeholder(found[0], found["name"], found["format"])


def _is_format(each: Placeholder) -> bool:
    written = each.format or ""
    if written in EPOCH_STEPS or (written == AS_TEXT and each.scope == "parent"):
        return True
    directives = _DIRECTIVE.findall(written)
    return bool(directives) and set(directives) <= _DIRECTIVES
