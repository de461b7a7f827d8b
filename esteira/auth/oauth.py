"""OAuth 2.0 for machines: the client credentials grant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote_plus

from esteira.auth.credentials import Credentials, Place, check_name, placed
from esteira.auth.fixed import basic
from esteira.auth.secret import Secret
from esteira.auth.token import Token, TokenPlaces, TokenRequest, check_path
from esteira.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2ClientCredentials:
    """A token for a client's id and secret, https://www.rfc-editor.org/rfc/rfc6749#section-4.4.

    dlt calls it `OAuth2ClientCredentials` (`access_token_url`, `access_token_request_data`), Airbyte `OAuthAuthenticator`
    (`token_refresh_endpoint`, `grant_type`, `scopes`).

    Args:
        token_url: A path below the base URL, or a whole URL; an identity provider on another host is sent the client's secret and nothing else.
        client_id_field, client_secret_field: The secret's fields.
        client_auth: How the client proves itself: `basic` (which each server must understand) or in the `body`.
        scope: Scopes, separated by spaces.
        params: Further parameters, such as `audience` or `resource`.
        token, expires_in: JMESPaths in the answer. A server may leave out the second.
        name, place, prefix: Where the token stands in a request, and the text before it.

    Raises:
        ConfigError: A name, a path or a choice that is none.
    """

    token_url: str
    client_id_field: str = "client_id"
    client_secret_field: str = "client_secret"  # noqa: S105 - the name of a field
    client_auth: Literal["basic", "body"] = "basic"
    scope: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    token: str = "access_token"  # noqa: S105 - a path
    expires_in: str = "expires_in"
    name: str = "Authorization"
    place: Place = "header"
    prefix: str = "Bearer "

    def __post_init__(self) -> None:
        check_name(type(self).__name__, self.place, self.name)
        for path in (self.token, self.expires_in):
            check_path(type(self).__name__, path)
        if self.client_auth not in ("basic", "body"):
            raise ConfigError(f"OAuth2ClientCredentials(client_auth={self.client_auth!r}): it is basic or body.")

    @property
    def url(self) -> str:
        """The token's endpoint."""
        return self.token_url

    def request(self, secret: Secret) -> TokenRequest:
        """The grant."""
        client_id, client_secret = secret.text(self.client_id_field), secret.text(self.client_secret_field)
        grant = {"grant_type": "client_credentials", **self.params}
        if self.scope:
            grant["scope"] = self.scope
        if self.client_auth == "body":
            return TokenRequest("form", {**grant, "client_id": client_id, "client_secret": client_secret})
        # both are form-encoded first: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
        proof = basic(quote_plus(client_id), quote_plus(client_secret))
        return TokenRequest("form", grant, proof.headers)

    def read(self, document: Any, now: datetime) -> Token:
        """The token in the answer."""
        return TokenPlaces(self.token, self.expires_in, is_expiry_optional=True).read(document, now)

    def carry(self, token: str) -> Credentials:
        """The token in its place."""
        return placed(self.place, self.name, f"{self.prefix}{token}")
