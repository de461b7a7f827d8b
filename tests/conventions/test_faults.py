"""The fault catalogue: every number has a test, and `make faults` tells the truth about them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests import faults

_REPORT = """<testsuites><testsuite>
<testcase name="a"><properties><property name="fault" value="1"/></properties></testcase>
<testcase name="b"><properties><property name="fault" value="1"/><property name="fault" value="2"/></properties></testcase>
<testcase name="c"><properties><property name="fault" value="2"/></properties><failure/></testcase>
<testcase name="d"><properties><property name="fault" value="3"/></properties><skipped/></testcase>
<testcase name="e"/>
</testsuite></testsuites>"""


def test_the_catalogue_counts_from_1_without_a_gap() -> None:
    assert list(faults.catalogue()) == list(range(1, len(faults.catalogue()) + 1))
    assert len(faults.catalogue()) == 69


def test_every_number_has_a_test_and_every_mark_a_number() -> None:
    carried = faults.files()
    assert [number for number, found in carried.items() if not found] == []
    assert set(carried) == set(faults.catalogue())


def test_a_number_holds_when_all_its_tests_ran_and_passed(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(_REPORT)
    found = faults.outcomes(report)
    assert found == {1: Counter(passed=2), 2: Counter(passed=1, failed=1), 3: Counter(skipped=1)}
    table, is_well = faults.lines(found)
    assert [line.split()[0] for line in table[:4]] == ["holds", "OPEN", "OPEN", "OPEN"]
    assert not is_well
    assert faults.lines({number: Counter(passed=1) for number in faults.catalogue()})[1]


@pytest.mark.fault(49)
def test_a_test_tells_its_numbers_to_the_report(request: pytest.FixtureRequest) -> None:
    assert ("fault", 49) in request.node.user_properties
