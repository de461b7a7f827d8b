"""One error class, one section of the runbook, with the four parts that a person on call needs."""

import re

from esteira import errors
from tests.conventions.sources import ROOT, report

PAGE = ROOT / "docs/operations/runbook.md"
PARTS = ("Meaning", "First look", "Fix", "Prevention")


def leaves(kind: type[errors.EsteiraError] = errors.EsteiraError) -> set[str]:
    below = kind.__subclasses__()
    found = set().union(*(leaves(child) for child in below)) if below else {kind.__name__}
    return found if below else {kind.__name__}


def sections() -> dict[str, str]:
    pieces = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def test_every_leaf_error_has_a_section() -> None:
    assert len(leaves()) >= 13, "The error tree shrank: a leaf that is gone was somebody's alert."
    report(
        [f"{name} has no section" for name in leaves() - set(sections())],
        f"add '## <class>' to {PAGE.relative_to(ROOT)}.",
    )


def test_every_section_is_about_a_leaf_error() -> None:
    report(
        [f"## {name}" for name in set(sections()) - leaves()],
        "remove the section, or use another heading level than ##.",
    )


def test_every_section_has_its_four_parts() -> None:
    broken = [
        f"{name} lacks **{part}.**" for name, text in sections().items() for part in PARTS if f"**{part}.**" not in text
    ]
    report(broken, "write the part; a section without it leaves the person on call alone.")


def test_no_part_is_empty() -> None:
    broken = [
        f"{name}: **{part}.** says nothing"
        for name, text in sections().items()
        for part in PARTS
        if len(text.partition(f"**{part}.**")[2].partition("\n\n**")[0].strip()) < 30
    ]
    report(broken, "say it in a sentence.")


def test_the_anchor_that_an_error_names_exists() -> None:
    anchors = {name.lower() for name in sections()}
    broken = [name for name in leaves() if getattr(errors, name)("m").runbook not in anchors]
    report(broken, "EsteiraError.runbook is the lower-case class name; keep the heading equal to the class name.")
