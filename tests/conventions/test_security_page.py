"""SECURITY.md names tests that there are, and CONTRIBUTING.md and README.md lead to files that there are."""

import re

import pytest

from tests.conventions.sources import ROOT, report

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
THREATS = [
    line for line in PAGE.partition("## Threats")[2].partition("\n## ")[0].splitlines() if line.startswith("| ")
][1:]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_threat_names_what_is_done_and_a_test_that_holds_it() -> None:
    assert len(THREATS) > 15
    report(
        [row for row in THREATS if not NAMED.search(row.split("|")[3])],
        "name the test in the last column, as `tests/file.py::test_name`.",
    )


def test_every_test_that_is_named_exists() -> None:
    broken = [
        f"{path}::{name}"
        for path, name in NAMED.findall(PAGE)
        if not (ROOT / path).is_file() or f"def {name}" not in (ROOT / path).read_text(encoding="utf-8")
    ]
    report(broken, "the test was renamed or is gone: name the one that holds it now, or take the promise out.")


@pytest.mark.parametrize(
    "word",
    [
        "What is protected",
        "Where something comes in, and what is trusted",
        "Threats, what is done, and the tests that hold it",
        "What is not done",
    ],
)
def test_the_threat_model_has_its_parts(word: str) -> None:
    assert f"## {word}\n" in PAGE


@pytest.mark.parametrize("name", ["README.md", "README.pt-BR.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_every_link_of_a_page_at_the_top_leads_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8") if (ROOT / name).exists() else ""
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link and not link.startswith("#")]
    report([f"{name}: {link}" for link in links if not _leads(link)], "correct the link.")


@pytest.mark.parametrize(
    "path",
    sorted(
        set(
            re.findall(
                r"`((?:tests|esteira|blocks)/[\w/]+\.py)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
            )
        )
    ),
)
def test_every_file_that_contributors_are_sent_to_exists(path: str) -> None:
    assert (ROOT / path).is_file(), f"Fix: {path} in CONTRIBUTING.md."


def _leads(link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = ROOT / path
    if not target.exists() or not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in {re.sub(r"[^\w]+", "-", each.lower()).strip("-") for each in headings}
