"""Names of a portal's values: a key of the record, or the keys that lead to a nested value, with dots between them."""

from __future__ import annotations

import re

from esteira.errors import ConfigError

_PART = r'"[^"]+"|[^".][^.]*'
_PATH = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")


def path_of(name: str) -> tuple[str, ...]:
    """The keys that a name of `rename` leads by: `user.address.city`; a key that holds a dot itself is quoted, `"a.b".c`.

    Raises:
        ConfigError: A part is empty, or a quote is not closed.
    """
    if not _PATH.fullmatch(name):
        raise ConfigError(
            f"{name!r} names no value of a record.",
            hint="Write a key, or keys with dots between them; a key that holds a dot is quoted: '\"a.b\".c'.",
        )
    return tuple(part[1:-1] if part.startswith('"') else part for part in re.findall(_PART, name))
