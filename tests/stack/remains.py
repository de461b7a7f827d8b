"""What is left of a run: its processes, found by three traces that they cannot all lose, and its listening ports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path

from local.ports import Ports, variable
from local.supervisor import clean_environment, listens

ROOT = Path(__file__).resolve().parents[2]
MARK = "NOTHING_LEFT_OF"
IS_LINUX = sys.platform == "linux"


@dataclass(frozen=True)
class Run:
    """One command on a state folder and ports of its own.

    A process belongs to it when the folder stands in its environment (where `MARK` carries it into every child), in its
    arguments or in its working directory: PostgreSQL overwrites its environment with what `ps` shows, and keeps the last.
    """

    state: Path
    ports: Ports

    @property
    def environment(self) -> dict[str, str]:
        own = {variable(each.name): str(getattr(self.ports, each.name)) for each in fields(Ports)}
        return clean_environment() | {MARK: str(self.state), "ESTEIRA_STATE": str(self.state)} | own

    def processes(self) -> dict[int, str]:
        """Number and command line of what lives."""
        return {number: line for number in _numbers() if (line := _command_of(number, os.fsencode(self.state)))}

    def open_ports(self) -> list[int]:
        return [port for each in fields(Ports) if listens(port := getattr(self.ports, each.name))]

    def remains(self, seconds: float) -> tuple[dict[int, str], list[int]]:
        """What is still there after at most so many seconds."""
        await_true(lambda: not self.processes() and not self.open_ports(), seconds)
        return self.processes(), self.open_ports()


NOTHING: tuple[dict[int, str], list[int]] = ({}, [])


@contextmanager
def a_run(state: Path) -> Iterator[Run]:
    """A run that is ended at the latest here: a failing test leaves nothing either."""
    run = Run(state.resolve(), Ports.free().resolved())
    try:
        yield run
    finally:
        for number in run.processes():
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)


_KEEPER = """
import sys, time
from pathlib import Path
from local.background import down
state, last_word = Path(sys.stdin.readline().strip()), sys.stdin.readline()
for _ in range(1 if last_word else 30):
    down(state)
    if not last_word:
        time.sleep(0.1)
"""


@contextmanager
def ended_with_us(state: Path) -> Iterator[None]:
    """End a background stack afterwards, even when this process is killed: another process waits for the end of its pipe.

    Without our last word it tries for a while, for the stack may have been just about to start.
    """
    command = [sys.executable, "-c", _KEEPER]  # without the folder, by which the survivors are found
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True) as keeper:
        assert keeper.stdin is not None
        keeper.stdin.write(f"{state}\n")
        keeper.stdin.flush()
        try:
            yield
        finally:
            keeper.communicate("done\n")
    assert keeper.returncode == 0


def await_true(check: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _numbers() -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and int(each.name) != os.getpid()]


def _command_of(number: int, trace: bytes) -> str:
    """The command line of a live process that bears the trace; of a zombie, a stranger or a user we may not look at: none."""
    folder = Path("/proc") / str(number)
    try:
        line = (folder / "cmdline").read_bytes()
        found = trace in line or trace in _read(folder / "environ") or trace in os.fsencode(_link(folder / "cwd"))
    except OSError:
        return ""
    return line.replace(b"\0", b" ").decode(errors="replace").strip() if found else ""


def _read(path: Path) -> bytes:
    with suppress(PermissionError):
        return path.read_bytes()
    return b""


def _link(path: Path) -> str:
    with suppress(PermissionError):
        return str(path.readlink())
    return ""
