"""The built site: Portuguese pages lead to Portuguese ones, where there are any, and no page asks the network for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conventions.sources import ROOT, report

pytestmark = pytest.mark.slow
_SWITCH = re.compile(r"<a[^>]*hreflang[^>]*>|<link[^>]*>")
_LINK = re.compile(r'<a[^>]*href="([^"#:]+\.html)')
_FETCHED = re.compile(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(https?://[^"]+)')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(built)]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "true"})
    return built


def test_portuguese_pages_lead_to_portuguese_ones_where_there_are_any(site: Path) -> None:
    pages = list((site / "pt").rglob("*.html"))
    assert len(pages) > 40, "The site has no Portuguese half: look at the plugin i18n in mkdocs.yml."
    report([line for page in pages for line in _strays(site, page)], "the links of a page.pt.md are those of page.md.")


def test_each_page_leads_to_the_other_language(site: Path) -> None:
    assert 'href="pt/start.html" hreflang="pt"' in (site / "start.html").read_text(encoding="utf-8")
    assert 'href="../start.html" hreflang="en"' in (site / "pt/start.html").read_text(encoding="utf-8")


def test_no_page_fetches_anything_from_the_network(site: Path) -> None:
    asked = {url for page in site.rglob("*.html") for url in _FETCHED.findall(page.read_text(encoding="utf-8"))}
    report(sorted(asked), "put the file into docs/assets; the site is read without a network.")


def _strays(site: Path, page: Path) -> list[str]:
    text = _SWITCH.sub("", page.read_text(encoding="utf-8"))
    found = {Path(os.path.normpath(page.parent / link)) for link in _LINK.findall(text)}
    inside = {target.relative_to(site) for target in found}
    return [
        f"{page.relative_to(site)}: {target}"
        for target in inside
        if not (site / target).exists() or (target.parts[0] != "pt" and (site / "pt" / target).exists())
    ]
