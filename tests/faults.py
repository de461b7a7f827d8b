"""`python -m tests.faults`: run every test that proves a number of the fault catalogue, and print a line for each number."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "docs/reference/faults.md"
_ROW = re.compile(r"\| (\d+) \| (.+?) \| (.*?) \|")
_MARK = re.compile(r"\bfault\((\d+)\)")
_WIDTH = 88


def catalogue() -> dict[int, str]:
    """What each number is about."""
    found = (_ROW.fullmatch(line) for line in CATALOGUE.read_text(encoding="utf-8").splitlines())
    return {int(row[1]): row[2] for row in found if row}


def files() -> dict[int, list[str]]:
    """The files whose tests carry each number."""
    carried: dict[int, list[str]] = {number: [] for number in catalogue()}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for number in sorted({int(found) for found in _MARK.findall(path.read_text(encoding="utf-8"))}):
            carried.setdefault(number, []).append(path.relative_to(ROOT / "tests").as_posix())
    return carried


def outcomes(report: Path) -> dict[int, Counter[str]]:
    """How many tests of each number passed, failed and were skipped, from pytest's report."""
    found: dict[int, Counter[str]] = {}
    for case in ET.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        for number in {int(each.get("value", "")) for each in case.iter("property") if each.get("name") == "fault"}:
            found.setdefault(number, Counter())[outcome] += 1
    return found


def lines(found: Mapping[int, Counter[str]]) -> tuple[list[str], bool]:
    """The table, and whether every number has tests that all passed."""
    table, is_well = [], True
    for number, what in catalogue().items():
        counts = found.get(number, Counter())
        holds = bool(counts["passed"]) and not counts["failed"] and not counts["skipped"]
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "no test ran"
        table.append(f"{'holds' if holds else 'OPEN':6} {number:3}  {what[:_WIDTH]:{_WIDTH}}  {told}")
        is_well = is_well and holds
    return table, is_well


def main() -> int:
    """Exit code 0 when every number holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the files of each number, and run nothing")
    if parser.parse_args().list:
        carried = files()
        for number, what in catalogue().items():
            print(f"{number:3}  {what[:_WIDTH]:{_WIDTH}}  {', '.join(carried[number])}")
        return 0 if all(carried.values()) else 1
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        report = Path(folder) / "report.xml"
        chosen = "fault and not browser and not image"
        command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-m", chosen, "--junitxml", report]
        subprocess.run(command, cwd=ROOT, check=False)
        table, is_well = lines(outcomes(report))
    print("\n".join(table))
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
