"""ECS tasks as processes: what ministack asks of a Docker engine, answered by processes of this machine.

A container's command runs as a process of this checkout, with the environment that ECS would give it and nothing else; the image is not looked at. A laptop
has no engine, and a run of a flow needs none: what is tried here is the pool, the request and the end of a task, not the image.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from local.ports import HOST
from local.supervisor import clean_environment

CHECKOUT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 30.0
"""Between SIGTERM and SIGKILL, as ECS waits by default: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html"""


ENGINE_HOST = "host.docker.internal"
"""How ministack tells a container where it is."""


class Process:
    """One container, as far as ministack looks at it.

    Args:
        command: What runs.
        environment: All that it gets, beside a path to programs and a home.
        log: Where its output goes.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.id = uuid.uuid4().hex
        self.attrs: dict[str, Any] = {"NetworkSettings": {"Networks": {}}}
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command,
                env=_own_environment()
                | {name: value.replace(ENGINE_HOST, HOST) for name, value in environment.items()},
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def status(self) -> str:
        """`running` or `exited`."""
        return "running" if self._process.poll() is None else "exited"

    def reload(self) -> None:
        """Nothing is kept that could be old."""

    def wait(self) -> dict[str, int]:
        """The exit code, as a shell and Docker tell it: 128 and the signal's number after a signal."""
        code = self._process.wait()
        return {"StatusCode": 128 - code if code < 0 else code}

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """SIGTERM, and SIGKILL when it does not end."""
        del timeout  # ministack's own is shorter than ECS's
        if self.status == "running":
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGKILL)

    def remove(self, *, v: bool = False, force: bool = False) -> None:
        """A process leaves nothing but its output, which stays to be read."""

    def logs(self, **_: Any) -> Iterator[bytes]:
        """What it printed, once it has ended."""
        self._process.wait()
        yield from self._log.read_bytes().splitlines(keepends=True)


class Processes:
    """The engine: `containers.run` and `containers.get`, the two that ministack's ECS calls.

    Args:
        folder: For the output of each.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.containers = self
        self._folder = folder
        self._all: dict[str, Process] = {}

    def run(
        self, image: str, *, command: Sequence[str], environment: Mapping[str, str], name: str, **_: Any
    ) -> Process:
        """Start one; the task's id is part of its name."""
        process = Process(command, environment, self._folder / f"{name}.log")
        self._all[process.id] = process
        return process

    def get(self, container_id: str) -> Process:
        """One that was started.

        Raises:
            KeyError: There is none.
        """
        return self._all[container_id]


def run_tasks_as_processes(folder: Path) -> None:
    """Let ministack's ECS start processes."""
    from ministack.services import ecs

    engine = Processes(folder)
    ecs._get_docker = lambda: engine  # noqa: SLF001 - `check_pins` of gate.py knows the name


def _own_environment() -> dict[str, str]:
    """As in the image: programs on the path, a home, and nothing of ministack's own keys."""
    clean = clean_environment()
    programs = f"{Path(sys.executable).parent}{os.pathsep}{clean.get('PATH', os.defpath)}"
    return {name: value for name, value in clean.items() if name in {"HOME", "LANG", "NO_PROXY", "TMPDIR"}} | {
        "PATH": programs,
        "PYTHONUNBUFFERED": "1",
    }
