"""A full disk: refused at the start, one paragraph in the middle of a run, and the same command again ends well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from local.state import NEEDED_BYTES
from tests.stack.remains import IS_LINUX, ROOT

CONFIG, TRY_LATER, DATA = 78, 75, 65
ROWS = {"planes": 3_322, "airports": 1_458}
CASES = [
    ("S3", "planes", TRY_LATER, "InsufficientStorage"),
    ("PostgreSQL", "airports", DATA, "No space left on device"),
]
# A mount namespace of its own; who is not root gets one inside a user namespace, as the same user.
NAMESPACE = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"])
pytestmark = [pytest.mark.skipif(not IS_LINUX, reason="needs mount namespaces"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Any:
    try:
        subprocess.run([*NAMESPACE, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as exc:
        pytest.skip(f"this kernel or container lets us make no mount namespace, so no small disk: {exc}")
    command = [*NAMESPACE, sys.executable, "-m", "tests.stack.full_disk", str(tmp_path_factory.mktemp("full"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("command", ["demo", "up"])
def test_a_start_without_room_says_where_how_much_is_free_needed_and_what_to_do(story: Any, command: str):
    ended = story["start"][command]
    (line,) = ended["err"].splitlines()
    assert ended["code"] == CONFIG
    assert line.startswith("ConfigError: The disk of ")
    for word in ("disk/state", "536 MB free", f"needs {NEEDED_BYTES / 1e6:,.0f} MB", "make room there", "Next step:"):
        assert word in line


@pytest.mark.parametrize(("part", "dataset", "code", "cause"), CASES)
def test_a_disk_that_is_full_in_a_run_ends_it_with_one_paragraph_and_nothing_loaded(
    story: Any, part: str, dataset: str, code: int, cause: str
):
    full = story[part]["full"]
    assert full["code"] == code, full["err"]
    assert "Traceback" not in full["err"]
    (paragraph,) = [line for line in full["err"].splitlines() if line.strip() and "rows/s" not in line]
    assert f"[{dataset} " in paragraph
    assert cause in paragraph
    assert "room" in paragraph.partition("Next step: ")[2]
    assert _standing(story[part]["between"]) == (None, 0)


@pytest.mark.parametrize(("part", "dataset"), [case[:2] for case in CASES])
def test_after_there_is_room_the_same_command_loads_everything_once(story: Any, part: str, dataset: str):
    assert story[part]["room"]["code"] == 0, story[part]["room"]["err"]
    assert _standing(story[part]["end"]) == (ROWS[dataset], 1)


def _standing(status: Any) -> tuple[int | None, int]:
    """Rows of the table and of the ledger."""
    (found,) = json.loads(status["out"])
    return found["rows"], len(found["last"])
