"""What is shipped may be shipped: no package of the image asks us to give our code away under its licence."""

import pytest

from infra.delivery.licences import ELSEWHERE, Licence, licences
from tests.conventions.sources import ROOT, report

FOUND = licences((ROOT / "requirements.lock").read_text(encoding="utf-8"))


def test_no_package_of_the_image_is_under_the_gpl_or_agpl_alone() -> None:
    assert len(FOUND) > 100
    report(
        [f"{each.name}: {' or '.join(each.choices) or 'says nothing'}" for each in FOUND if each.is_refused],
        "take another package, or ask who owns it for another licence.",
    )


def test_nearly_every_package_is_installed_here_and_asked() -> None:
    assert len([each for each in FOUND if each.choices == (ELSEWHERE,)]) < 6


@pytest.mark.parametrize(
    ("choices", "is_refused"),
    [
        (("MIT",), False), (("GPL-3.0-or-later",), True), (("GNU Affero General Public License v3",), True), (("AGPLv3",), True), (("GPLv2+",), True), ((), True),
        (("Artistic License", "GNU General Public License (GPL)"), False), (("GNU Lesser General Public License v3 (LGPLv3)",), False), (("LGPL-3.0",), False),
    ],
)  # fmt: skip
def test_a_package_with_a_choice_is_taken_under_the_other(choices: tuple[str, ...], *, is_refused: bool) -> None:
    assert Licence("x", "1", choices).is_refused is is_refused


def test_pre_commit_asks_no_other_machine() -> None:
    import yaml

    said = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [each["repo"] for each in said["repos"]] == ["local"]
    assert {hook["language"] for each in said["repos"] for hook in each["hooks"]} == {"system"}
