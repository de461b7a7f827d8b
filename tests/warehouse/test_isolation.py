"""The stack's Redshift has the isolation level that was asked for, and the tests that ask for one have it."""

from pathlib import Path
from typing import Any

import pytest

from local.aws.bootstrap import AccessKey, Deployed
from local.certificates import Certificates
from local.parts import Plan
from local.ports import Ports
from local.state import StateFolder


@pytest.mark.fault(43)
def test_a_test_runs_in_the_level_that_it_asks_for(bench: Any, isolation: str):
    found = bench.query("SELECT isolation_level FROM stv_db_isolation_level WHERE db_name = current_database()")
    expected = "Snapshot Isolation" if isolation == "snapshot" else "Serializable"
    assert [level.strip() for (level,) in found] == [expected]


@pytest.mark.parametrize(
    ("asked", "told"), [(None, []), ("serializable", ["--isolation", "serializable"])], ids=["not asked", "asked"]
)
def test_the_stack_hands_a_level_to_its_redshift(tmp_path: Path, asked: Any, told: list[str]):
    folder = StateFolder(tmp_path)
    folder.prepare()
    nobody = AccessKey("AKIA", "none")
    plan = Plan(folder, Ports(), Certificates(tmp_path, tmp_path, tmp_path), isolation=asked)
    part = plan.warehouse(Deployed("lake", "task", "upkeep", "drop", "copy", nobody, nobody))
    assert [word for word in part.command if word in {"--isolation", "serializable"}] == told
