"""What is known of one portal: its limits, its name and its auth."""

from __future__ import annotations

from dataclasses import dataclass

from esteira.auth import Auth
from esteira.errors import ConfigError
from esteira.http import HttpConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalConfig(HttpConfig):
    """A portal block's values, without any secret value.

    Attributes:
        name: Name of the portal, as contracts write it.
        auth: Schemes, all applied; they take their fields from the secret named by `secret`.
        max_payload_attempts: Tries of a page whose body is no JSON.
        max_concurrent_requests: Requests under way at once, where the paginator can tell the next page before it has read the last
            (`Offset`, `PageNumber`). The rate budget holds for all of them together.

    Raises:
        ConfigError: No request may be under way.
    """

    name: str
    auth: tuple[Auth, ...] = ()
    max_payload_attempts: int = 3
    max_concurrent_requests: int = 1

    def __post_init__(self) -> None:
        HttpConfig.__post_init__(self)  # slots make a new class, which `super()` does not know
        if self.max_concurrent_requests < 1:
            raise ConfigError(
                f"max_concurrent_requests={self.max_concurrent_requests}: at least one request is needed."
            )
