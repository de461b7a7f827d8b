"""A process that runs one command and makes sure that nothing of it outlives the supervisor.

Run by path with the standard library only: `python -S -E local/guard.py COMMAND...`, its stdin a pipe from the supervisor.
It stops the command when that pipe ends (the supervisor is gone, however it went), when its parent changes, or on SIGTERM.
On Linux it also adopts and ends orphaned descendants; elsewhere it ends the command's process group.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

GRACE_SECONDS = 8.0
_POLL_SECONDS = 0.2
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36
_IS_LINUX = sys.platform == "linux"


def _prctl(option: int, value: int) -> None:
    if _IS_LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _die_with_guard() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class _Stop:
    """Whether to stop, from any of the three reasons."""

    def __init__(self) -> None:
        self._asked = False
        self._parent = os.getppid()
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the supervisor, which stops parts in order

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True

    def wait(self, seconds: float) -> bool:
        """Wait a little; true when the command must stop."""
        readable, _, _ = select.select([0], [], [], seconds)
        at_end = bool(readable) and os.read(0, 64) == b""
        return self._asked or at_end or os.getppid() != self._parent


def _children() -> list[int]:
    if not _IS_LINUX:
        return []
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    _signal_group(process, signal.SIGKILL)
    process.wait()
    _end_adopted()


def _end_adopted() -> None:
    # First politely: an orphaned PostgreSQL stops cleanly on SIGINT (fast shutdown), then with SIGKILL.
    for number, seconds in ((signal.SIGINT, 3.0), (signal.SIGKILL, 2.0)):
        deadline = time.monotonic() + seconds
        for pid in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while _children() and time.monotonic() < deadline:
            try:
                os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            time.sleep(0.02)


def main(command: list[str]) -> int:
    """Run the command until it ends or must stop; the exit code is the command's."""
    stop = _Stop()
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_guard,  # noqa: PLW1509
    )
    while process.poll() is None and not stop.wait(_POLL_SECONDS):
        pass
    _end(process)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
