"""SQL text → tokens → statements. Respects strings, comments, dollar quotes and quoted identifiers; knows no grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*)
  | (?P<comment>/\*)
  | (?P<escape>[eE]'(?:[^'\\]|\\.|'')*')
  | (?P<string>'(?:[^']|'')*')
  | (?P<dollar>\$(?P<tag>[A-Za-z_]?\w*)\$.*?\$(?P=tag)\$)
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<word>[^\W\d][\w$]*)
  | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
  | (?P<parameter>\$\d+)
  | (?P<symbol>::|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


class Token(NamedTuple):
    """One significant token; `start` and `end` are offsets into the statement's text."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The keyword in upper case; empty for anything that is not a bare word or a symbol."""
        return self.text.upper() if self.kind in {"word", "symbol"} else ""

    @property
    def name(self) -> str:
        """The identifier as Redshift stores it: lower case, quoted or not."""
        return self.text[1:-1].replace('""', '"').lower() if self.kind == "quoted" else self.text.lower()


@dataclass(frozen=True)
class Statement:
    """One statement: its text and its significant tokens."""

    text: str
    tokens: tuple[Token, ...]

    def words(self, count: int) -> tuple[str, ...]:
        """Return the first `count` keywords."""
        return tuple(token.word for token in self.tokens[:count])

    def slice(self, tokens: Sequence[Token]) -> str:
        """Return the text from the first to the last of `tokens`."""
        return self.text[tokens[0].start : tokens[-1].end] if tokens else ""


def lex(sql: str) -> Iterator[Token]:
    """Yield significant tokens (no spaces, no comments)."""
    at = 0
    while at < len(sql):
        found = _TOKEN.match(sql, at)
        if found is None:  # an unterminated string matches nothing but '.', so this cannot happen
            return
        kind = str(found.lastgroup if found.lastgroup != "tag" else "dollar")
        end = found.end() if kind != "comment" else _comment_end(sql, at)
        if kind not in {"space", "comment"}:
            yield Token("string" if kind in {"escape", "dollar"} else kind, sql[at:end], at, end)
        at = end


def split(sql: str) -> list[Statement]:
    """Cut a text into statements at its top-level semicolons; empty ones are dropped."""
    statements, current, start = [], list[Token](), 0
    for token in lex(sql):
        if token.text == ";":
            statements.append(_statement(sql[start : token.start], current, start))
            current, start = [], token.end
        else:
            current.append(token)
    statements.append(_statement(sql[start:], current, start))
    return [statement for statement in statements if statement.tokens]


def matching(tokens: Sequence[Token], at: int) -> int:
    """Return the index of the parenthesis that closes the one at `at`, or the last index."""
    depth = 0
    for index in range(at, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[index].text, 0)
        if depth == 0:
            return index
    return len(tokens) - 1


def split_commas(tokens: Sequence[Token]) -> list[list[Token]]:
    """Cut at the commas outside parentheses."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def top_level_words(tokens: Sequence[Token]) -> list[tuple[int, str]]:
    """Return (index, keyword) of the tokens outside parentheses."""
    found, depth = [], 0
    for index, token in enumerate(tokens):
        depth -= token.text == ")"
        if depth == 0 and token.word:
            found.append((index, token.word))
        depth += token.text == "("
    return found


def _statement(text: str, tokens: list[Token], offset: int) -> Statement:
    if not offset:
        return Statement(text, tuple(tokens))
    moved = (Token(token.kind, token.text, token.start - offset, token.end - offset) for token in tokens)
    return Statement(text, tuple(moved))


def _comment_end(sql: str, at: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, at):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(sql)
