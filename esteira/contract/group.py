"""`Group`: datasets that analysts read together, of which they see one state of all or the one before."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from esteira.contract.titles import Titles, check_title, titles_of
from esteira.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""With `bi_data_` before it, it is a schema's name; shorter than a dataset's, so that PostgreSQL's 63 bytes hold it too."""
_TAKEN = re.compile(r"pt|data|data_.*|.*_pt")


@dataclass(frozen=True)
class Group:
    """Datasets whose copies move to a new state in one transaction, when nothing of any of them is due.

    Args:
        name: File name below `groups/` = group's name; its views stand in the schema `bi_<name>`.
        of: The datasets.
        title: Its business name by language (`en`, `pt`).
        owner: Who is asked about it.

    Raises:
        ConfigError: The name is none, or there are not two datasets.
    """

    name: str
    of: tuple[str, ...]
    title: Titles = field(default_factory=dict)
    owner: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or _TAKEN.fullmatch(self.name):
            raise ConfigError(
                f"Group name {self.name!r} is not of the form {_NAME.pattern}, or is taken.",
                hint="Use lower-case letters, digits and underscores; `pt`, `data` and what begins with `data_` or ends with `_pt` are schemas of others.",
            )
        given: Any = self.of  # a text would pass as a tuple of letters
        if not isinstance(given, tuple) or len(set(given)) < 2 or len(set(given)) != len(given):
            raise ConfigError(f"Group {self.name}: of={given!r} does not name two datasets or more, each once.")
        check_title(f"Group {self.name}", self.title)

    @property
    def titles(self) -> dict[str, str]:
        """Its business name in each language."""
        return titles_of(self.name, self.title)
