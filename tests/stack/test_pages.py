"""Each command of ours that a page tells its reader to type, run as it stands, beside a stack that has loaded everything."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.ports import Ports
from local.stack import StackConfig, running
from tests.docs.test_blocks import EXEMPT as EXEMPT_BLOCKS
from tests.docs.test_blocks import MAX_EXEMPT
from tests.main_job.world import CHECKOUT, World
from tests.stack.reader import Reader, Typed, commands_of, copied, pages_with_commands

EXEMPT = {
    ("README.md", ""): "the address is nobody's; the first dataset's page does the same with the laptop's portal",
    ("docs/howto/spreadsheets.md", ""): "the first spreadsheet's page does the same with a workbook that it describes",
    ("docs/operations/backfill.md", "outage"): "a portal that breaks rules on two days; tests/main_job/test_backfill.py",
    ("docs/operations/erase.md", "people"): "a dataset with persons, which the demo has not; tests/main_job/test_erase.py",
    ("docs/scale.md", "dask"): "takes a scheduler of Dask's; tests/main_job/test_runners.py",
    ("docs/bi/connect.md", "refresh"): "the demo has no BI asset; tests/main_job/test_refresh.py",
    ("docs/operations/doctor.md", "--account"): "asks an AWS account; tests/infra",
    ("docs/operations/deploy.md", "stack up"): "a stack is up already; tests/stack/test_life.py",
}  # fmt: skip
"""Page and what stands in its command, and why it is not run here. With the exempt blocks at most ten."""
FLIGHTS = 40_000
"""The portal has them by months as texts, so these fill the first window and the last, which pages name."""
LATE = ("docs/howto/drift.md", "docs/start.md")
"""They load what is due by today, in some fifty windows without a row, which the pages before need not load again."""
PAGES = sorted((page for page in pages_with_commands() if (page, "") not in EXEMPT), key=LATE.__contains__)

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A stack of its own after the first load of all datasets; the flights are those of January and October."""
    state = tmp_path_factory.mktemp("pages")
    with running(StackConfig(state=state, ports=Ports.free(), flights_limit=FLIGHTS)) as stack:
        world = World(stack)
        prepared = world.python("from cli.stack import prepare_prefect; prepare_prefect()")
        assert prepared.code == 0, prepared.err
        loaded = world.esteira("ingest", "--all", "--as-of", "2014-01-02")
        assert loaded.code == 0, loaded.err
        yield world


@pytest.fixture
def reader(everything: World, tmp_path: Path) -> Iterator[Reader]:
    folder, outputs = copied(tmp_path / "checkout"), tmp_path / "outputs"
    outputs.mkdir()
    env = {
        "ESTEIRA_DATASETS": str(folder / "datasets"), "ESTEIRA_STATE": str(everything.stack.state), "PYTHONPATH": str(CHECKOUT),
        "BROWSER": "true", "COLUMNS": "105",
    }  # fmt: skip
    with everything.warm(outputs, cwd=folder, env=env) as line:
        yield Reader(folder, line)


def test_with_the_exempt_blocks_there_are_at_most_ten_exemptions_and_each_has_its_command() -> None:
    commands = [each for page in pages_with_commands() for each in commands_of(page)]
    assert len(commands) > 60
    assert len(EXEMPT) + len(EXEMPT_BLOCKS) <= MAX_EXEMPT
    assert [key for key in EXEMPT if not any(_is(each, *key) for each in commands)] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_end_well_and_print_the_tables_that_it_shows(page: str, reader: Reader) -> None:
    commands = [each for each in commands_of(page) if not any(_is(each, *key) for key in EXEMPT)]
    for _, block in itertools.groupby(commands, key=lambda each: each.line):
        printed: list[list[str]] = []
        for command in block:
            done = reader.types(command)
            said = f"{command.page}:{command.line}: esteira {command.command}: {done.code}"
            assert done.code == 0, f"{said}\n{done.out[-3000:]}\n{done.err[-3000:]}"
            printed += [line.split() for line in done.out.splitlines()]
        assert [header for header in command.headers if header not in printed] == [], f"{said}\n{printed}"


def _is(command: Typed, page: str, part: str) -> bool:
    return command.page == page and part in command.command
