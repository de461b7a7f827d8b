"""The limits of a portal's client, and what it counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from esteira.errors import ConfigError
from esteira.http.budget import Rate, zone_of
from esteira.redaction import printable

MIB = 1024 * 1024
_CONTACT = re.compile(r"[\x21-\x27\x2a-\x3a\x3c-\x7e]+")
"""No blank, and none of `(`, `)`, `;`, which end a comment or its parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """How to talk to one portal. Every limit is on by default.

    Attributes:
        base_url: `https://host[:port][/path]`; `http://` is for loopback hosts with `allow_private_hosts` only.
        secret: Name of the portal's secret, for messages.
        allowed_hosts: Further `host` or `host:port` that next links may lead to; they receive the credentials.
        allow_private_hosts: Whether the portal may stand at a loopback or private address. Link-local ones stay refused.
        rates: The rate budget; all of them hold at their hours, none is no limit.
        timezone: The portal's, for the hours of `rates`.
        connect_timeout_seconds, read_timeout_seconds: Limits of a connection and of a silence.
        total_timeout_seconds: Limit of one try from the first byte sent to the last received; stops a slow drip.
        max_response_bytes: Limit of an answer after inflation.
        max_attempts: Tries of one request, the first included.
        backoff_base_seconds, backoff_cap_seconds: Full jitter between 0 and `min(cap, base * 2 ** retry)`.
        retry_after_cap_seconds: The longest wait that a Retry-After is obeyed for.
        ca_bundle: PEM file of the certificate authorities to trust instead of the public ones.
        client_certificate: Name of the secret with the certificate that we show, for messages.
        proxy: `http(s)://host:port` through which everything goes; without it no proxy is used, whatever the environment says.
        proxy_secret: Name of the secret with the proxy's user name and password, for messages.
        dataset: Named in the User-Agent, so that the portal's owner knows what is read.
        contact: Whom the portal's owner may ask, in the User-Agent: an address or a URL.

    Raises:
        ConfigError: No attempt, an unknown time zone, or a contact that cannot stand in a header.
    """

    base_url: str
    secret: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    allow_private_hosts: bool = False
    rates: tuple[Rate, ...] = ()
    timezone: str = "UTC"
    connect_timeout_seconds: float = 10
    read_timeout_seconds: float = 60
    total_timeout_seconds: float = 300
    max_response_bytes: int = 256 * MIB
    max_attempts: int = 6
    backoff_base_seconds: float = 0.5
    backoff_cap_seconds: float = 30
    retry_after_cap_seconds: float = 120
    ca_bundle: str | None = None
    client_certificate: str | None = None
    proxy: str | None = None
    proxy_secret: str | None = None
    dataset: str | None = None
    contact: str | None = None

    def __post_init__(self) -> None:
        zone_of(self.timezone)
        if self.max_attempts < 1:
            raise ConfigError("max_attempts is at least 1.")
        if self.contact is not None and not _CONTACT.fullmatch(self.contact):
            raise ConfigError(
                f"contact {printable(self.contact)!r} cannot stand in a User-Agent.",
                hint="Use an e-mail address or a URL.",
            )

    @property
    def user_agent(self) -> str:
        """Who calls, so that the portal's owner knows what is read and whom to ask."""
        about = "; ".join(filter(None, (self.dataset and f"+{self.dataset}", self.contact)))
        return f"esteira/{_version()} ({about})" if about else f"esteira/{_version()}"


@dataclass(slots=True)
class HttpStats:
    """What a client did so far.

    Attributes:
        requests, retries, renewals: Requests sent, those among them that repeat a failed one, and renewals of a refused token.
        bytes: Inflated ones.
        waited_seconds: Spent before retries: backoff and Retry-After.
        budget_seconds: Spent waiting for the rate budget.
    """

    requests: int = 0
    retries: int = 0
    renewals: int = 0
    bytes: int = 0
    waited_seconds: float = 0.0
    budget_seconds: float = 0.0


@cache
def _version() -> str:
    """Read from the installed package's metadata, a file: once, not with each request."""
    try:
        return version("esteira")
    except PackageNotFoundError:  # run from a checkout
        return "0"
