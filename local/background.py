"""A laptop stack in the background, for `make up`: `up`, `down`, `status`.

`python -m local.background --state DIR` is the detached supervisor that `up` starts; it holds the stack's folder until it ends.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

from local.ports import Ports
from local.stack import DEFAULT_STATE, Progress, Stack, StackConfig, quiet, start, supervised
from local.state import StateFolder, read_env
from local.supervisor import PartStatus, StackError, clean_environment, listens

_UP_SECONDS = 180.0
_DOWN_SECONDS = 30.0
_ALREADY_HELD = 75
"""EX_TEMPFAIL of sysexits.h: another supervisor was quicker."""
_DAEMONS: list[subprocess.Popen[bytes]] = []
"""Their handles: Python warns of one that goes while its process runs, as a background stack does."""


def up(config: StackConfig, on_progress: Progress = quiet) -> Stack:
    """Start the stack in the background and wait until all parts are ready; a live stack is returned as it is.

    Raises:
        StackError: a part failed, a port is busy, or the disk is nearly full.
    """
    folder = StateFolder(config.state.resolve())
    process = None
    if folder.holder() is not None:
        on_progress(f"The stack on {folder.root} is already up.")
    else:
        folder.require_room()
        folder.prepare()
        folder.failure_file.unlink(missing_ok=True)
        process = _spawn_daemon(config, folder)
    try:
        stack = _wait_until_ready(folder, process)
    except BaseException:
        _end_daemon(process)  # an interrupted `up` leaves nothing; a daemon that stood before is not ours to end
        raise
    on_progress(f"Ready. Clients: source {folder.env_file}")
    return stack


def down(state: Path) -> bool:
    """Stop a background stack; False when none was running.

    Raises:
        StackError: it did not stop in time.
    """
    folder = StateFolder(state.resolve())
    pid = folder.holder()
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _DOWN_SECONDS
    while folder.holder() is not None:
        if time.monotonic() > deadline:
            raise StackError(f"The stack (process {pid}) did not stop in {_DOWN_SECONDS:.0f} s; see {folder.logs}.")
        time.sleep(0.05)
    return True


def status(state: Path) -> list[PartStatus]:
    """Each part of the stack on this folder and whether it listens; empty when no stack is running."""
    folder = StateFolder(state.resolve())
    ready = _read_ready(folder)
    if ready is None:
        return []
    return [PartStatus(name, ready["ports"][name], listens(ready["ports"][name])) for name in ready["parts"]]


def _spawn_daemon(config: StackConfig, folder: StateFolder) -> subprocess.Popen[bytes]:
    folder.logs.mkdir(exist_ok=True)
    choices = {
        name: getattr(config, name)
        for name in ("flights_limit", "with_prefect", "with_portal", "with_warehouse", "with_dashboard", "isolation")
    }
    options = json.dumps({"ports": asdict(config.ports), **choices})
    with (folder.logs / "supervisor.log").open("ab") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "local.background", "--state", str(folder.root), "--options", options],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            cwd=Path(__file__).parents[1], env=clean_environment(),
        )  # fmt: skip
    _DAEMONS.append(daemon)
    return daemon


def _end_daemon(daemon: subprocess.Popen[bytes] | None) -> None:
    if daemon is not None:
        daemon.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(_DOWN_SECONDS)


def _wait_until_ready(folder: StateFolder, process: subprocess.Popen[bytes] | None) -> Stack:
    deadline = time.monotonic() + _UP_SECONDS
    while time.monotonic() < deadline:
        ready = _read_ready(folder)
        if ready is not None:
            return Stack(folder.root, read_env(folder.env_file), Ports(**ready["ports"]))
        code = process.poll() if process else None
        if code not in (None, _ALREADY_HELD) or (process is None and folder.holder() is None):
            reason = folder.failure_file.read_text() if folder.failure_file.exists() else ""
            raise StackError(reason or f"The supervisor ended while starting; see {folder.logs / 'supervisor.log'}.")
        time.sleep(0.05)
    raise StackError(f"The stack was not ready after {_UP_SECONDS:.0f} s; see the logs in {folder.logs}.")


def _read_ready(folder: StateFolder) -> dict[str, Any] | None:
    try:
        ready: dict[str, Any] = json.loads(folder.ready_file.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return ready if folder.holder() == ready["pid"] else None  # else it was left behind by a killed supervisor


def _raise_exit(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _serve(config: StackConfig) -> int:
    folder = StateFolder(config.state.resolve())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _raise_exit)
    folder.prepare()
    lock = folder.hold()
    if lock is None:
        return _ALREADY_HELD
    # The lock is not closed here: it ends with this process, so that `down` returns when nothing is left.
    with supervised(folder) as supervisor:
        try:
            start(config, folder, supervisor, lambda message: print(message, flush=True))
            while (failure := supervisor.ended()) is None:
                time.sleep(0.5)
            raise StackError(f"{failure}\nThe other parts were stopped.")  # noqa: TRY301 - the handler below writes it down too
        except StackError as exc:
            folder.failure_file.write_text(str(exc))
            print(exc, file=sys.stderr, flush=True)
            return 1


def main() -> int:
    """The detached supervisor."""
    parser = argparse.ArgumentParser(prog="local.background")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE)
    parser.add_argument("--options", type=json.loads, default={})
    arguments = parser.parse_args()
    options = dict(arguments.options)
    ports = Ports(**options.pop("ports")) if "ports" in options else Ports.from_environment()
    return _serve(StackConfig(state=arguments.state, ports=ports, **options))


if __name__ == "__main__":
    sys.exit(main())
