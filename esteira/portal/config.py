"""What is known of one portal: its limits, its name and its auth."""

from __future__ import annotations

from dataclasses import dataclass

from esteira.auth import Auth
from esteira.http import HttpConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalConfig(HttpConfig):
    """A portal block's values, without any secret value.

    Attributes:
        name: Name of the portal, as contracts write it.
        auth: Schemes, all applied; they take their fields from the secret named by `secret`.
        max_payload_attempts: Tries of a page whose body is no JSON.
    """

    name: str
    auth: tuple[Auth, ...] = ()
    max_payload_attempts: int = 3
