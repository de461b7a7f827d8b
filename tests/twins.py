"""`python -m tests.twins`: which Portuguese pages are behind the English ones that they were made from, and what to do.

The first line of `page.pt.md` names the text of `page.md` that it says, by the name that git has for it: so `git diff` can show what has
changed since. `--stamp docs/page.pt.md` writes that line anew, once the twin agrees with its page.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha1
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from markdown import Markdown

ROOT = Path(__file__).resolve().parents[1]
COMMAND = ".venv/bin/python -m tests.twins"
WORDS = "docs/concepts.pt.md"
_STAMP = re.compile(r"\A<!-- This is (?P<page>\S+) as of git blob (?P<blob>[0-9a-f]{40}); \S+ -m tests\.twins -->\n")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(^|\s+)# .*$", re.MULTILINE)
_COMMENTED = {"sh", "console", "python", "yaml", "toml"}


@dataclass(frozen=True)
class Twin:
    """An English page and the Portuguese one beside it, by their paths below `root`."""

    page: str
    root: Path = ROOT

    @property
    def name(self) -> str:
        """Path of the Portuguese page."""
        return f"{self.page.removesuffix('.md')}.pt.md"

    @property
    def english(self) -> str:
        """Text of the English page."""
        return (self.root / self.page).read_text(encoding="utf-8")

    @property
    def portuguese(self) -> str:
        """Text of the Portuguese page, its stamp included."""
        return (self.root / self.name).read_text(encoding="utf-8")


def twins(root: Path = ROOT) -> list[Twin]:
    """Every Portuguese page's pair."""
    found = [root / "README.pt.md", *sorted((root / "docs").rglob("*.pt.md"))]
    return [Twin(f"{path.relative_to(root).as_posix().removesuffix('.pt.md')}.md", root) for path in found]


def blob(text: str) -> str:
    """The name that git has for a file with this text (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects)."""
    content = text.encode()
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def behind(twin: Twin) -> str | None:
    """What to do when the English page is no longer the one that the twin says; None while it is."""
    stamp = _STAMP.match(twin.portuguese)
    if not stamp:
        return f"{twin.name} does not say of which text it is the twin.\n  {COMMAND} --stamp {twin.name}"
    if stamp["blob"] == blob(twin.english):
        return None
    return (
        f"{twin.page} has changed since {twin.name} was made from it.\n"
        f"  1. git diff {stamp['blob'][:12]} {twin.page}      shows what has changed\n"
        f"  2. say the same in {twin.name}, with the words of {WORDS}\n"
        f"  3. {COMMAND} --stamp {twin.name}"
    )


def differences(twin: Twin) -> list[str]:
    """Where the two pages do not fit: headings by level and anchor, code but for its comments, targets of links."""
    ours, theirs = _Page(twin.english), _Page(twin.portuguese)
    return [
        f"{twin.name}: {what} {each}"
        for kind in ("headings", "code", "targets")
        for what, each in _compare(getattr(ours, kind), getattr(theirs, kind), kind)
    ]


def stamp(twin: Twin) -> None:
    """Write of which English text the twin says the same."""
    line = f"<!-- This is {twin.page} as of git blob {blob(twin.english)}; python -m tests.twins -->\n"
    (twin.root / twin.name).write_text(line + _STAMP.sub("", twin.portuguese), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Print what is behind or does not fit, or stamp what was named."""
    parser = argparse.ArgumentParser(prog="python -m tests.twins", description=__doc__)
    parser.add_argument("--stamp", nargs="+", metavar="FILE", help="note that these twins say what their pages say now")
    named = parser.parse_args(arguments).stamp
    chosen = [twin for twin in twins() if named is None or twin.name in named]
    broken = [line for twin in chosen for line in differences(twin)]
    if named is None:
        broken += [advice for advice in map(behind, chosen) if advice]
    elif not broken:
        for twin in chosen:
            stamp(twin)
    print(*broken or [f"{len(chosen)} twins agree with their pages"], sep="\n")
    return 1 if broken or not chosen else 0


class _Page:
    """What of a page does not depend on its language."""

    def __init__(self, text: str) -> None:
        reader = Markdown(extensions=["attr_list", "tables", "toc", "pymdownx.superfences"])
        links = _Links(reader.convert(text))
        tokens: list[dict[str, Any]] = reader.toc_tokens  # type: ignore[attr-defined]
        self.headings = [f"{'#' * level} {{#{anchor}}}" for level, anchor in _flat(tokens)]
        self.code = [_neutral(language, code) for language, code in _FENCE.findall(text)]
        self.targets = sorted(links.targets)


class _Links(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        value = dict(attrs).get("href" if tag == "a" else "src")
        if value and tag in {"a", "img"}:
            self.targets.append(value.replace(".pt.md", ".md"))


def _flat(tokens: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    for token in tokens:
        yield token["level"], token["id"]
        yield from _flat(token["children"])


def _neutral(language: str, code: str) -> str:
    told = _COMMENT.sub("", code) if language in _COMMENTED else code
    return f"```{language}\n{told}"


def _compare(ours: list[str], theirs: list[str], kind: str) -> Iterator[tuple[str, str]]:
    missing, surplus = Counter(ours) - Counter(theirs), Counter(theirs) - Counter(ours)
    yield from ((f"lacks of the English {kind}", each) for each in missing.elements())
    yield from ((f"has what is not among the English {kind}:", each) for each in surplus.elements())
    if not missing and not surplus and ours != theirs:
        yield f"has the {kind} in another order than the English page:", ", ".join(theirs)


if __name__ == "__main__":
    sys.exit(main())
