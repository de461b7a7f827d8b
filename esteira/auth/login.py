"""A login: credentials are posted to the portal, which answers with a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from esteira.auth.credentials import Credentials, Place, check_name, placed
from esteira.auth.secret import Secret
from esteira.auth.token import Encoding, Token, TokenPlaces, TokenRequest, check_path
from esteira.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A token for credentials (Airbyte: `SessionTokenAuthenticator`; dlt has no such class).

    Where nothing tells how long the token lives, and it is no JWT that says so itself, it is used until the portal refuses it.

    Args:
        path: Where the credentials are posted: a path below the base URL, or a whole URL.
        fields: Name in the body to the secret's field.
        extra: Further values of the body, which are no secrets.
        encoding: The body is `json` or a `form`.
        token: JMESPath of the token in the answer; `@` for an answer that is the token.
        expires_in: JMESPath of the seconds that it lives.
        expires_at: JMESPath of its end: an epoch in seconds or milliseconds, or ISO 8601 (UTC where it names no zone).
        lifetime_seconds: How long it lives, where the answer does not tell.
        name, place, prefix: Where the token stands in a request, and the text before it.

    Raises:
        ConfigError: A name, a path or a choice that is none, no credentials, or more than one way to tell the token's life.
    """

    path: str
    fields: Mapping[str, str] = field(default_factory=lambda: {"username": "username", "password": "password"})
    extra: Mapping[str, str] = field(default_factory=dict)
    encoding: Encoding = "json"
    token: str = "token"  # noqa: S105 - a path
    expires_in: str | None = None
    expires_at: str | None = None
    lifetime_seconds: float | None = None
    name: str = "Authorization"
    place: Place = "header"
    prefix: str = "Bearer "

    def __post_init__(self) -> None:
        check_name("Login", self.place, self.name)
        for path in filter(None, (self.token, self.expires_in, self.expires_at)):
            check_path("Login", path)
        if self.encoding not in ("json", "form") or not self.fields:
            raise ConfigError("Login takes encoding='json' or 'form', and at least one of fields=.")
        if len([way for way in (self.expires_in, self.expires_at, self.lifetime_seconds) if way is not None]) > 1:
            raise ConfigError("Login takes one of expires_in=, expires_at= and lifetime_seconds=.")
        if self.lifetime_seconds is not None and self.lifetime_seconds <= 0:
            raise ConfigError(f"Login(lifetime_seconds={self.lifetime_seconds}): a token lives for some seconds.")

    @property
    def url(self) -> str:
        """Where the credentials are posted."""
        return self.path

    def request(self, secret: Secret) -> TokenRequest:
        """The credentials."""
        return TokenRequest(
            self.encoding, {**self.extra, **{name: secret.text(field) for name, field in self.fields.items()}}
        )

    def read(self, document: Any, now: datetime) -> Token:
        """The token in the answer."""
        places = TokenPlaces(self.token, self.expires_in, self.expires_at, self.lifetime_seconds)
        return places.read(document, now)

    def carry(self, token: str) -> Credentials:
        """The token in its place."""
        return placed(self.place, self.name, f"{self.prefix}{token}")
