"""The two kinds of schemes, by their verbs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol, TypeAlias, runtime_checkable

from esteira.auth.credentials import Credentials
from esteira.auth.secret import Secret
from esteira.auth.token import Token, TokenRequest


@runtime_checkable
class FixedScheme(Protocol):
    """A scheme that needs nothing but the secret."""

    def credentials(self, secret: Secret) -> Credentials:
        """What the scheme adds to a request.

        Raises:
            ConfigError: There is no secret.
            AuthError: The field is missing, empty, or cannot stand in a request.
        """


@runtime_checkable
class TokenScheme(Protocol):
    """A scheme that asks for a token first."""

    @property
    def url(self) -> str:
        """Where the token is asked for: a path below the base URL, or a whole URL."""

    def request(self, secret: Secret) -> TokenRequest:
        """What to post there.

        Raises:
            ConfigError: There is no secret.
            AuthError: A field is missing or empty.
        """

    def read(self, document: Any, now: datetime) -> Token:
        """The token in the answer.

        Args:
            document: The answer's JSON.
            now: The portal's time.

        Raises:
            PayloadError: No token where it should be, or an expiry that is none.
        """

    def carry(self, token: str) -> Credentials:
        """What a token adds to a request."""


Auth: TypeAlias = FixedScheme | TokenScheme
