"""Where a dataset comes from: a portal's endpoint and its pages."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from esteira.contract.incremental import Incremental
from esteira.errors import ConfigError
from esteira.paginate import Paginator, SinglePage


@dataclass(frozen=True, slots=True)
class ApiSource:
    """A table behind a portal's API.

    Args:
        portal: Name of the portal block, which holds the base URL, the auth and the rate budget.
        path: Path below the base URL.
        records: JMESPath of the records in a page (dlt: `data_selector`); empty when the page itself is the array.
        paginator: How to get from a page to the next.
        params: Fixed query parameters.
        total: JMESPath of the total that the portal reports; reconciled against what arrived.
        incremental: The cursor; without one each batch is a full snapshot.
        rename: Portal's column name to the contract's, where they differ.
        inputs: Columns that only the transform needs; delivered to it as the portal wrote them.
        pages_per_part: How many pages make one part at most; by default its size and age decide (esteira.extract).
    """

    portal: str
    path: str
    records: str = ""
    paginator: Paginator = field(default_factory=SinglePage)
    params: Mapping[str, str | int] = field(default_factory=dict)
    total: str | None = None
    incremental: Incremental | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    pages_per_part: int | None = None

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ConfigError(
                f"ApiSource(path={self.path!r}): the path starts with a slash and stands below the portal's base URL."
            )
        if self.pages_per_part is not None and self.pages_per_part < 1:
            raise ConfigError(f"ApiSource(pages_per_part={self.pages_per_part}): at least one page makes a part.")

    @property
    def definition_hash(self) -> str:
        """Eight hex digits that change when what is asked of the portal changes; part of each batch id."""
        definition = {
            "type": type(self).__name__,
            "paginator_type": type(self.paginator).__name__,
            **dataclasses.asdict(self),
            "incremental": self.incremental.definition if self.incremental else None,
        }
        for layout_only in ("pages_per_part", "inputs", "rename"):
            del definition[layout_only]
        return hashlib.sha256(json.dumps(definition, sort_keys=True, default=_plain).encode()).hexdigest()[:8]


def _plain(value: Any) -> str:
    return str(value)
