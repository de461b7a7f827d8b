"""What is added to a request so that the portal knows who asks, and the places where it may stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from esteira.errors import ConfigError

Place = Literal["header", "query", "cookie"]
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header or cookie name, https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is added to each request; its `repr` shows nothing."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers, the cookies among them."""
        if not self.cookies:
            return dict(self.headers)
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **self.headers}

    def __add__(self, other: Credentials) -> Credentials:
        return Credentials(
            {**self.headers, **other.headers}, {**self.query, **other.query}, {**self.cookies, **other.cookies}
        )


def placed(place: Place, name: str, value: str) -> Credentials:
    """One value in its place."""
    if place == "query":
        return Credentials(query={name: value})
    return Credentials(cookies={name: value}) if place == "cookie" else Credentials(headers={name: value})


def check_name(scheme: str, place: Place, name: str) -> None:
    """Refuse a name that cannot stand in its place.

    Raises:
        ConfigError: It cannot.
    """
    if place not in ("header", "query", "cookie"):
        raise ConfigError(f"{scheme}(place={place!r}): it is header, query or cookie.")
    if not name or (place != "query" and not _TOKEN.fullmatch(name)):
        raise ConfigError(f"{scheme}(name={name!r}) is no name of a {place}.")
