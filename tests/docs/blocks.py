"""What the pages tell readers to type, read from the pages: fenced blocks with their language, and commands between backticks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from textwrap import dedent

from tests.conventions.sources import ROOT, repository_files

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`((?:esteira|make) [^`\n]+)`(?!`)")
HISTORY = ("CHANGELOG.md", "docs/adr/")
"""Told what was true once: their commands may be gone, and what they show is checked by nobody."""


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: Its file, below the root.
        line: Of its fence, from 1.
        language: Behind the fence.
        text: Without the indentation of a list that it stands in.
    """

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def begin(self) -> str:
        """Its first line, by which an exemption names it: line numbers move."""
        return self.text.partition("\n")[0]


@cache
def pages() -> dict[str, str]:
    """The text of every page, in each language, by its path below the root."""
    names = sorted(path.relative_to(ROOT).as_posix() for path in repository_files() if path.suffix == ".md")
    found = {name: (ROOT / name).read_text(encoding="utf-8") for name in names if not name.startswith(HISTORY)}
    assert {"README.md", "docs/start.md", "docs/operations/runbook.md"} <= found.keys()
    return found


@cache
def blocks() -> tuple[Block, ...]:
    return tuple(block for page, text in pages().items() for block in _in(page, text))


def inline() -> Iterator[tuple[str, str]]:
    """Page and command of each command that stands in a sentence."""
    for page, text in pages().items():
        yield from ((page, found) for found in _INLINE.findall(_FENCE.sub("", text)))


def shown_behind(block: Block) -> str:
    """The text that the page shows right behind a block; empty where something else follows, or nothing."""
    following = blocks()[blocks().index(block) + 1 :][:1]
    return "".join(each.text for each in following if (each.page, each.language) == (block.page, "text"))


def _in(page: str, text: str) -> Iterator[Block]:
    for found in _FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found["language"].strip(), dedent(found["text"]))
