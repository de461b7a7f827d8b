"""Arguments that take one of a few words: Python checks a `Literal` only in an editor, a contract is checked when it is constructed."""

from __future__ import annotations

from collections.abc import Sequence

from esteira.errors import ConfigError


def require_choice(argument: str, value: object, allowed: Sequence[str], *, dataset: str | None = None) -> None:
    """Refuse a word that is not among the allowed ones.

    Raises:
        ConfigError: Names the argument, the value and what is allowed.
    """
    if value not in allowed:
        words = ", ".join(repr(word) for word in allowed)
        raise ConfigError(
            f"{argument}={value!r} is not one of {words}.", dataset=dataset, hint=f"Write one of {words}."
        )
