"""A token that was asked for: what to send, where it stands in the answer, and how long it lives."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal

import jmespath

from esteira.errors import ConfigError, PayloadError
from esteira.redaction import printable, register_secret

Encoding = Literal["json", "form"]
_MILLISECONDS_FROM = 1e11
"""An epoch beyond the year 5138 is one in milliseconds."""
_MAX_KEYS = 12


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What to post; its `repr` shows no value."""

    encoding: Encoding
    body: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and the seconds that it lives from the answer on; None where nothing tells."""

    value: str = field(repr=False)
    lifetime_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TokenPlaces:
    """Where an answer holds the token and its life; JMESPaths.

    Attributes:
        token: The token.
        expires_in: Seconds of its life.
        expires_at: Its end: an epoch in seconds or milliseconds, or ISO 8601 (UTC where it names no zone).
        lifetime_seconds: Its life, where the answer does not tell.
        is_expiry_optional: Whether an answer may leave out what it was said to hold.
    """

    token: str
    expires_in: str | None = None
    expires_at: str | None = None
    lifetime_seconds: float | None = None
    is_expiry_optional: bool = False

    def read(self, document: Any, now: datetime) -> Token:
        """The token in an answer.

        Raises:
            PayloadError: There is none, or its expiry is none.
        """
        value = _search(self.token, document)
        if not isinstance(value, str) or not value.strip():
            raise PayloadError(
                f"the token's answer has no text at {self.token}; it holds {_keys(document)}",
                hint="Correct the token's path in the portal's block.",
            )
        register_secret(value)
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise PayloadError(f"the token at {self.token} holds what cannot stand in a header")
        told = self._told(document, now)
        lifetime = told if told is not None else self.lifetime_seconds
        return Token(value, lifetime if lifetime is not None else jwt_lifetime(value, now))

    def _told(self, document: Any, now: datetime) -> float | None:
        """Seconds that the token lives, by the answer; None where it does not say. Some portals write 0 or less for a token without end."""
        path = self.expires_in or self.expires_at
        found = _search(path, document) if path else None
        if found is None:
            if path and not self.is_expiry_optional:
                raise PayloadError(f"the token's answer has no expiry at {path}; it holds {_keys(document)}")
            return None
        seconds = _number(found) if self.expires_in else _seconds_until(found, now)
        if seconds is None:
            raise PayloadError(f"the token's expiry at {path} is {printable(str(found), limit=40)!r}")
        return seconds if seconds > 0 else None


def check_path(scheme: str, path: str) -> None:
    """Refuse what is no JMESPath.

    Raises:
        ConfigError: It is none.
    """
    try:
        _compiled(path)
    except jmespath.exceptions.JMESPathError as exc:
        raise ConfigError(f"{scheme}: {path!r} is no JMESPath: {exc}.") from None


def jwt_lifetime(token: str, now: datetime) -> float | None:
    """Seconds until the `exp` of a JWT, https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4; None for another token.

    The signature is not looked at: the portal judges the token, we only want to know when to ask for the next.
    """
    try:
        _, claims, _ = token.split(".")
        found = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        expires_at = _number(found["exp"])
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None
    seconds = None if expires_at is None else expires_at - now.timestamp()
    return seconds if seconds is not None and seconds > 0 else None


def _seconds_until(found: Any, now: datetime) -> float | None:
    epoch = _number(found)
    if epoch is not None:
        return (epoch / 1000 if epoch > _MILLISECONDS_FROM else epoch) - now.timestamp()
    try:
        moment = datetime.fromisoformat(found)
    except (ValueError, TypeError):
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()


def _number(found: Any) -> float | None:
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return None
    try:
        number = float(found)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _search(path: str, document: Any) -> Any:
    try:
        return _compiled(path).search(document)
    except jmespath.exceptions.JMESPathError:  # a function that does not fit what arrived
        return None


@cache
def _compiled(path: str) -> Any:
    return jmespath.compile(path)


def _keys(document: Any) -> str:
    if not isinstance(document, dict):
        return f"a {type(document).__name__}"
    names = [printable(str(key), limit=40) for key in document]
    return ", ".join(names[:_MAX_KEYS]) + (" and more" if len(names) > _MAX_KEYS else "") if names else "nothing"
