"""Where a dataset's files come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from esteira.contract.clock import Clock
from esteira.contract.paths import compiled
from esteira.contract.source import ApiSource
from esteira.errors import ConfigError
from esteira.paginate import Param


@dataclass(frozen=True, slots=True)
class Inbox:
    """People drop them into `inbox/<dataset>/` of the lake. The one that S3 received later is the newer one."""

    def __str__(self) -> str:
        return "inbox"

    @property
    def definition(self) -> dict[str, Any]:
        """What a batch's id depends on."""
        return {}


@dataclass(frozen=True, slots=True)
class Download:
    """One address of a portal, always the same, behind which the file changes. What is seen there by a later run is the newer one.

    Args:
        portal: Name of the portal block.
        path: Path below its base URL.
        params: Query parameters.
        name: The file's name; None takes the last piece of the path.

    Raises:
        ConfigError: The path does not begin with a slash, or there is no name.
    """

    portal: str
    path: str
    params: Mapping[str, Param] = field(default_factory=dict)
    name: str | None = None

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ConfigError(
                f"Download(path={self.path!r}): the path starts with a slash and stands below the portal's base URL."
            )
        if not self.file_name:
            raise ConfigError(f"Download(path={self.path!r}) tells no file name.", hint='Give one: name="report.xlsx".')

    @property
    def file_name(self) -> str:
        """What the file is called."""
        return self.name or self.path.rpartition("/")[2]

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
        link: JMESPath in a record of the file's address: a URL on an allowed host, or one relative to the base URL.
        changed: JMESPath in a record of when the file was last changed, an ISO date or moment: the later one is the newer file.
        name: JMESPath in a record of the file's name; None takes the last piece of the address.
        timezone: The zone of a moment that names none.

    Raises:
        ConfigError: A JMESPath is none, or the list is not read whole.
    """

    endpoint: ApiSource
    link: str
    changed: str
    name: str | None = None
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        for path in (self.link, self.changed, self.name):
            if path is not None:
                compiled(path)
        _ = Clock("epoch", self.timezone).zone
        if self.endpoint.incremental is not None or self.endpoint.parent is not None or self.endpoint.skip_unchanged:
            raise ConfigError(
                "Listing(endpoint=...): the list is read whole each time, without incremental, parent or skip_unchanged.",
                hint="Leave them out; a file that is loaded already is not downloaded again.",
            )

    @property
    def definition(self) -> dict[str, Any]:
        """What a batch's id depends on."""
        return {"endpoint": self.endpoint.definition_hash, "link": self.link}

    def __str__(self) -> str:
        return f"{self.endpoint.portal}:{self.endpoint.path}"


Origin: TypeAlias = Inbox | Download | Listing
