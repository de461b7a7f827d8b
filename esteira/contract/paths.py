"""Where a portal's values stand: JMESPaths of a page, and keys of a record with dots between them."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import jmespath

from esteira.errors import ConfigError

_PART = r'"[^"]+"|[^".][^.]*'
_PATH = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")


@cache
def compiled(path: str) -> Any:
    """A JMESPath, ready to search.

    Raises:
        ConfigError: It is none.
    """
    try:
        return jmespath.compile(path)
    except jmespath.exceptions.JMESPathError as exc:
        raise ConfigError(f"{path!r} is no JMESPath: {str(exc).splitlines()[0]}") from exc


def path_of(name: str) -> tuple[str, ...]:
    """The keys of a dotted name, from the record inwards: `user.address.city`; a key that holds a dot is quoted, `"a.b".c`.

    Raises:
        ConfigError: A part is empty, or a quote is not closed.
    """
    if not _PATH.fullmatch(name):
        raise ConfigError(
            f"{name!r} names no value of a record.",
            hint="Write a key, or keys with dots between them; a key that holds a dot is quoted: '\"a.b\".c'.",
        )
    return tuple(part[1:-1] if part.startswith('"') else part for part in re.findall(_PART, name))
