"""Where a dataset's files come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from esteira.contract.paths import compiled
from esteira.contract.source import ApiSource
from esteira.errors import ConfigError
from esteira.paginate import Param


@dataclass(frozen=True, slots=True)
class Inbox:
    """People drop them into `inbox/<dataset>/` of the lake."""

    def __str__(self) -> str:
        return "inbox"

    @property
    def definition(self) -> dict[str, Any]:
        """What a batch's id depends on."""
        return {}


@dataclass(frozen=True, slots=True)
class Download:
    """One address of a portal, always the same, behind which the file changes.

    Args:
        portal: Name of the portal block.
        path: Path below its base URL.
        params: Query parameters.

    Raises:
        ConfigError: The path does not begin with a slash.
    """

    portal: str
    path: str
    params: Mapping[str, Param] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ConfigError(
                f"Download(path={self.path!r}): the path starts with a slash and stands below the portal's base URL."
            )

    @property
    def definition(self) -> dict[str, Any]:
        """What a batch's id depends on."""
        return {"portal": self.portal, "path": self.path, "params": dict(self.params)}

    def __str__(self) -> str:
        return f"{self.portal}:{self.path}"


@dataclass(frozen=True, slots=True)
class Listing:
    """A portal's endpoint whose records lead to files.

    Args:
        endpoint: How the list is asked for.
        link: JMESPath in a record of the file's address.
        name: JMESPath in a record of the file's name; None takes the last piece of the address.

    Raises:
        ConfigError: A JMESPath is none.
    """

    endpoint: ApiSource
    link: str
    name: str | None = None

    def __post_init__(self) -> None:
        for path in (self.link, self.name):
            if path is not None:
                compiled(path)

    @property
    def definition(self) -> dict[str, Any]:
        """What a batch's id depends on."""
        return {"endpoint": self.endpoint.definition_hash, "link": self.link}

    def __str__(self) -> str:
        return f"{self.endpoint.portal}:{self.endpoint.path}"


Origin: TypeAlias = Inbox | Download | Listing
