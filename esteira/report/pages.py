"""Models into HTML: the only module that knows templates. Everything is escaped unless this room made it."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from esteira.contract import Dataset
from esteira.report.amounts import moment
from esteira.report.batch_page import batch_page
from esteira.report.catalogue_page import catalogue_page
from esteira.report.dictionary_page import dictionary_page
from esteira.report.facts import BatchFacts, CatalogueFacts, Stage
from esteira.report.words import say

CONTENT_TYPE = "text/html; charset=utf-8"
_FOLDER = Path(__file__).parent / "templates"


def render_batch(facts: BatchFacts) -> bytes:
    """The page of a batch."""
    return _render("batch.html", batch_page(facts), facts.stage)


def render_catalogue(facts: CatalogueFacts) -> bytes:
    """The page over all datasets."""
    return _render("catalogue.html", catalogue_page(facts), facts.stage)


def render_dictionary(datasets: Iterable[Dataset], stage: Stage) -> bytes:
    """The page of what the contracts say."""
    return _render("dictionary.html", dictionary_page(datasets), stage)


def _render(template: str, page: object, stage: Stage) -> bytes:
    found = _environment().get_template(template)
    text = found.render(page=page, stage=stage, made_at=moment(stage.made_at), made_iso=stage.made_at.isoformat())
    return text.encode("utf-8", "replace")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= _constants()
    return made


def _constants() -> dict[str, Any]:
    """The page's own script is allowed by its hash, and no other: a text that slipped through as a script would not run.

    https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy/script-src
    """
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return {
        "say": say,
        "version": importlib.metadata.version("esteira"),
        "style": Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - ours
        "script": Markup(script),  # noqa: S704 - ours
        "script_hash": f"sha256-{digest}",
    }
