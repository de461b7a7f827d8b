"""How a request proves who asks: the schemes of a portal block, applied to a secret that the caller fetched by name.

A scheme names the secret's fields and never holds a value. What it makes is registered for redaction before anybody can log it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from esteira.errors import AuthError, ConfigError
from esteira.redaction import register_secret

Place = Literal["header", "query", "cookie"]
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header or cookie name, https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2."""
_SENDABLE = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is added to each request; its `repr` shows nothing."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __add__(self, other: Credentials) -> Credentials:
        return Credentials(
            {**self.headers, **other.headers}, {**self.query, **other.query}, {**self.cookies, **other.cookies}
        )


@runtime_checkable
class Auth(Protocol):
    """A scheme of authentication."""

    def credentials(self, secret: str, values: Mapping[str, str]) -> Credentials:
        """What the scheme adds to a request.

        Args:
            secret: The secret's name in Secrets Manager, for messages.
            values: Its fields.

        Raises:
            AuthError: The field is missing, empty, or cannot stand in a request.
        """


@dataclass(frozen=True, slots=True)
class Bearer:
    """`Authorization: Bearer <token>`."""

    field: str = "token"

    def credentials(self, secret: str, values: Mapping[str, str]) -> Credentials:
        """The header."""
        return Credentials(headers={"Authorization": f"Bearer {_value(secret, self.field, values)}"})


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in a header, a query parameter or a cookie.

    Args:
        name: Name of the header, parameter or cookie.
        place: Where it stands. A query parameter ends up in the portal's access logs: prefer a header where there is a choice.
        prefix: Text before the value, with its space.
        field: The secret's field.

    Raises:
        ConfigError: The name cannot stand in that place.
    """

    name: str
    place: Place = "header"
    prefix: str = ""
    field: str = "token"

    def __post_init__(self) -> None:
        if not self.name or (self.place != "query" and not _TOKEN.fullmatch(self.name)):
            raise ConfigError(f"ApiKey(name={self.name!r}) is no name of a {self.place}.")

    def credentials(self, secret: str, values: Mapping[str, str]) -> Credentials:
        """The key in its place."""
        entry = {self.name: f"{self.prefix}{_value(secret, self.field, values)}"}
        if self.place == "query":
            return Credentials(query=entry)
        return Credentials(cookies=entry) if self.place == "cookie" else Credentials(headers=entry)


def credentials_of(schemes: tuple[Auth, ...], secret: str | None, values: Mapping[str, str]) -> Credentials:
    """What all the schemes of a portal add together; every field of the secret is registered for redaction.

    Raises:
        ConfigError: There are schemes and no secret.
        AuthError: A field is missing or unusable.
    """
    if schemes and secret is None:
        raise ConfigError(
            "The portal has an auth scheme and names no secret.", hint="Set the secret's name in the portal's block."
        )
    for value in values.values():
        register_secret(value)
    parts = (scheme.credentials(secret or "", values) for scheme in schemes)
    return sum(parts, start=Credentials())


def _value(secret: str, name: str, values: Mapping[str, str]) -> str:
    value = values.get(name, "")
    if not value:
        raise AuthError(
            f"Secret {secret!r} has no field {name!r}.", hint="Add the field to the secret in Secrets Manager."
        )
    if not _SENDABLE.fullmatch(value) or value != value.strip():
        message = f"Field {name!r} of secret {secret!r} holds a line break, outer blanks or a character outside ASCII."
        raise AuthError(message, hint="Store the value again without the line break that an editor added.")
    register_secret(value)
    return value
