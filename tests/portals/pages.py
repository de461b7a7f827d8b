"""The worked contracts of docs/portals/, read from the pages: what a reader copies is what the tests run."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from blocks import PortalBlock
from esteira.contract import Dataset
from esteira.portal import Portal

PAGES = Path(__file__).resolve().parents[2] / "docs/portals"
_CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBERS = itertools.count()
_QUICK = {"backoff_base_seconds": 0.01, "backoff_cap_seconds": 0.05, "allow_private_hosts": True}


@dataclass(frozen=True)
class Example:
    """A block and a contract that stand on a page."""

    page: str
    block: PortalBlock
    dataset: Dataset

    @property
    def id(self) -> str:
        return self.dataset.name

    def open(self, origin: str, secret: dict[str, str], base_path: str = "", **limits: Any) -> Portal:
        """The block as it is written, but for its address and for how long it waits."""
        config = replace(self.block.config(), base_url=origin + base_path, **(_QUICK | limits))
        return Portal(config, secret)


@cache
def examples() -> tuple[Example, ...]:
    """Every contract of every page, with the block that stands before it."""
    return tuple(example for page in sorted(PAGES.glob("*.md")) for example in _on(page))


def _on(page: Path) -> Iterator[Example]:
    block = None
    for code in _CODE.findall(page.read_text(encoding="utf-8")):
        module = ModuleType(f"page_{next(_NUMBERS)}")
        sys.modules[module.__name__] = module  # pandera looks up annotations in the module of the schema
        names = vars(module)
        exec(compile(code, str(page), "exec"), names)
        block = names.get("PORTAL", block)
        if "DATASET" in names:
            assert block is not None, f"{page.name}: the contract stands before its portal's block"
            yield Example(page.stem, block, names["DATASET"])
