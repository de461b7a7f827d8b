"""However a command that holds a stack ends, no process of it stays and no port of it is taken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.stack import StackConfig
from local.supervisor import listens
from tests.stack.remains import IS_LINUX, NOTHING, ROOT, Run, a_run, await_true

INTERRUPTED = 130
UP_SECONDS, END_SECONDS = 90.0, 30.0
_HOLDER = """
import os, time
from pathlib import Path
import pytest
from local.background import up
from local.stack import StackConfig, running
from tests.stack.remains import ended_with_us

state = Path(os.environ["ESTEIRA_STATE"])
config = StackConfig(state, with_prefect=False, with_portal=False)

@pytest.fixture
def in_front():
    with running(config):
        yield

@pytest.fixture
def in_background():
    with ended_with_us(state):
        yield up(config)

def test_that_holds_a_stack({held}):
    (state / "held").touch()
    time.sleep(100)
"""
pytestmark = [pytest.mark.skipif(not IS_LINUX, reason="looks into /proc"), pytest.mark.timeout(240)]


@dataclass
class Started:
    """A command in a process group of its own, as a terminal starts one, and what it prints."""

    run: Run
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Ctrl-C reaches the whole group; the other two come from a supervisor or the kernel and meet one process."""
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with a_run(tmp_path / "state") as run:
        run.state.mkdir()
        yield run


def start(run: Run, *command: str) -> Started:
    log = run.state.with_name("said")
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=run.environment, stdout=out, stderr=out, start_new_session=True
        )
    return Started(run, process, log)


def demo(run: Run) -> Started:
    """What `make demo` becomes."""
    return start(
        run, str(Path(sys.executable).with_name("esteira")), "demo", "--report", str(run.state / "report.json")
    )


def pytest_run(run: Run, held: str, *options: str) -> Started:
    (run.state / "test_holder.py").write_text(_HOLDER.format(held=held))
    config = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "no:cacheprovider"]
    return start(run, sys.executable, "-m", "pytest", *config, *options, str(run.state / "test_holder.py"))


def is_up(run: Run) -> bool:
    """All parts listen but Prefect, which takes three times as long as the others together."""
    ports = run.ports
    return all(listens(port) for port in (ports.portal, ports.aws, ports.warehouse, ports.slack, ports.reports))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_demo_that_is_told_to_stop_during_its_first_run_leaves_nothing(run: Run, number: signal.Signals, code: int):
    started = demo(run)
    assert await_true(lambda: "rows/s" in started.said or started.process.poll() is not None, UP_SECONDS)
    assert len(run.open_ports()) == len(StackConfig().part_names()), started.said
    assert len(run.processes()) > 10, "the search finds the processes that it will not find afterwards"
    started.signal(number)
    assert started.process.wait(END_SECONDS) == code
    assert run.remains(END_SECONDS) == NOTHING
    assert "Traceback" not in started.said
    last = started.said.rstrip().splitlines()[-1]
    assert last.startswith("Interrupted.") == (number == signal.SIGINT)
    assert ("starts anew" in last) == (number == signal.SIGINT)


def test_a_demo_that_is_killed_while_its_stack_is_up_leaves_nothing(run: Run):
    started = demo(run)
    assert await_true(lambda: is_up(run) or started.process.poll() is not None, UP_SECONDS)
    assert len(run.processes()) > 10, started.said
    started.signal(signal.SIGKILL)
    assert started.process.wait(END_SECONDS) == -signal.SIGKILL
    assert run.remains(END_SECONDS) == NOTHING


@pytest.mark.parametrize(
    ("number", "held", "options"),
    [
        pytest.param(signal.SIGINT, "in_front", ("-n", "1"), id="Ctrl-C of workers"),
        pytest.param(signal.SIGTERM, "in_front", (), id="SIGTERM"),
        pytest.param(signal.SIGKILL, "in_front", ("-n", "1"), id="SIGKILL of the parent of workers"),
        pytest.param(signal.SIGKILL, "in_background", (), id="SIGKILL with a background stack"),
    ],
)
def test_a_pytest_run_that_ends_while_it_holds_a_stack_leaves_nothing(
    run: Run, number: signal.Signals, held: str, options: tuple[str, ...]
):
    started = pytest_run(run, held, *options)
    assert await_true((run.state / "held").exists, UP_SECONDS), started.said
    assert {run.ports.aws, run.ports.warehouse, run.ports.slack} == set(run.open_ports())
    started.signal(number)
    assert started.process.wait(END_SECONDS) != 0
    assert run.remains(END_SECONDS) == NOTHING
