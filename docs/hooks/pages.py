"""The hook of mkdocs: adds the pages that are made from the code to those that are files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

from docs.hooks import architecture, commands, events, failures, figures, rights, storage, tables, variables

MADE: dict[str, Callable[[], str]] = {
    "reference/cli.md": commands.make,
    "reference/settings.md": variables.make,
    "reference/errors.md": failures.make,
    "reference/events.md": events.make,
    "reference/metrics.md": figures.make,
    "reference/ledger.md": tables.make,
    "reference/lake.md": storage.make,
    "reference/iam.md": rights.make,
    "architecture.md": architecture.make,
}
"""Page below `docs/`, and what makes it."""


@cache
def made(path: str) -> str:
    """The text of a page; once, however many languages are built."""
    return MADE[path]()


# After every plugin: the one for languages makes each file anew from the disk, where these are not.
@event_priority(-200)
def on_files(files: Files, /, *, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for path in MADE:
        files.append(File.generated(config, path, content=made(path)))
    return files


# The plugin `offline` writes this script before the other languages are in the index.
@event_priority(-200)
def on_post_build(*, config: MkDocsConfig) -> None:
    """Write the index as a script, for pages that were opened from a disk."""
    folder = Path(config.site_dir) / "search"
    index = (folder / "search_index.json").read_text(encoding="utf-8")
    (folder / "search_index.js").write_text(f"var __index = {index}", encoding="utf-8")
