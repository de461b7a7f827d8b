"""Where a dataset comes from: a portal's endpoint and its pages."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from esteira.contract.incremental import Incremental
from esteira.contract.parent import Parent
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
        parent: Another dataset: one walk for each row of its batch.
        skip_unchanged: Whether the portal is asked for its one answer only if that has changed since the last committed batch.
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
    parent: Parent | None = None
    skip_unchanged: bool = False

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ConfigError(
                f"ApiSource(path={self.path!r}): the path starts with a slash and stands below the portal's base URL."
            )
        if self.pages_per_part is not None and self.pages_per_part < 1:
            raise ConfigError(f"ApiSource(pages_per_part={self.pages_per_part}): at least one page makes a part.")
        self._check_parent()
        self._check_skipping()

    @property
    def parent_columns(self) -> tuple[str, ...]:
        """The columns of the parent that the requests and the records need."""
        texts = (self.path, *(each for each in self.params.values() if isinstance(each, str)))
        named = [name for text in texts for name in _PARENT_PLACE.findall(text)]
        return tuple(dict.fromkeys((*named, *(self.parent.columns.values() if self.parent else ()))))

    def _check_parent(self) -> None:
        is_named = any(_PARENT_PLACE.search(str(each)) for each in (self.path, *self.params.values()))
        if is_named != (self.parent is not None):
            raise ConfigError(
                f"ApiSource(path={self.path!r}): {'a template names a parent and there is none' if is_named else 'no template names the parent'}.",
                hint="A parent= and a place such as {parent.id} in path or params go together.",
            )

    def _check_skipping(self) -> None:
        is_one_answer = isinstance(self.paginator, SinglePage) and self.incremental is None and self.parent is None
        if self.skip_unchanged and not is_one_answer:
            raise ConfigError(
                "skip_unchanged=True needs one answer that is the whole table: SinglePage(), no incremental and no parent.",
                hint="Leave it out: of several pages the first cannot say that the others are the same.",
            )

    @property
    def definition_hash(self) -> str:
        """Eight hex digits that change when what is asked of the portal changes; part of each batch id."""
        definition = {
            "type": type(self).__name__,
            "paginator_type": type(self.paginator).__name__,
            **dataclasses.asdict(self),
            "incremental": self.incremental.definition if self.incremental else None,
        }
        if self.parent is None:
            del definition["parent"]
        for layout_only in ("pages_per_part", "inputs", "rename", "skip_unchanged"):
            del definition[layout_only]
        return hashlib.sha256(json.dumps(definition, sort_keys=True, default=_plain).encode()).hexdigest()[:8]


_PARENT_PLACE = re.compile(r"\{parent\.(\w+)[:}]")


def _plain(value: Any) -> str:
    return str(value)
