"""The page about the doctor describes each check that it makes, in the same words."""

import re

import pytest

from cli.doctor import checks
from tests.conventions.sources import ROOT

PAGE = (ROOT / "docs/operations/doctor.md").read_text(encoding="utf-8")


def test_each_check_stands_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESTEIRA_DATASETS", raising=False)
    names = [re.sub(r"portal \S+$", "portal", check.name) for check in checks(())]
    assert len(names) == 20
    rows = " ".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| "))
    words = set(re.findall(r"[\w/]+", rows))
    missing = [name for name in names if not set(re.findall(r"[\w/]+", name)) <= words]
    assert not missing, f"Fix: describe {', '.join(missing)} in docs/operations/doctor.md."
