"""Starts, watches and stops the parts of the laptop stack. It knows processes and ports, not what a part is for."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.ports import HOST, is_free, variable

_GUARD = Path(__file__).with_name("guard.py")
_LOG_TAIL_LINES = 25
_STOP_SECONDS = 15.0
Check = Callable[[], bool]


class StackError(Exception):
    """The laptop stack cannot do what was asked. The message is one paragraph that says what to do next."""


@dataclass(frozen=True)
class Part:
    """One process of the stack."""

    name: str
    command: list[str]
    port: int
    is_ready: Check
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_seconds: float = 60.0


@dataclass(frozen=True)
class PartStatus:
    """What `status` says about one part."""

    name: str
    port: int
    is_listening: bool


class Supervisor:
    """Holds the running parts. `start` may be called from several threads; `stop` ends them all."""

    def __init__(self, log_folder: Path) -> None:
        self._logs = log_folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._is_stopping = False
        log_folder.mkdir(parents=True, exist_ok=True)

    def start(self, part: Part) -> None:
        """Start one part and wait until it is ready.

        Raises:
            StackError: its port is busy, it ended, or it was not ready in time; with the end of its log.
        """
        require_free(part.name, part.port)
        process = self._spawn(part)
        deadline = time.monotonic() + part.ready_seconds
        while not part.is_ready():
            if process.poll() is not None:
                raise StackError(self._failure(part.name, f"ended with exit code {process.returncode} while starting"))
            if time.monotonic() > deadline:
                raise StackError(self._failure(part.name, f"was not ready after {part.ready_seconds:.0f} s"))
            time.sleep(0.05)

    def ended(self) -> str | None:
        """The failure of a part that ended by itself, or None while all of them run."""
        for name, process in list(self._running.items()):
            if process.poll() is not None and not self._is_stopping:
                return self._failure(name, f"ended with exit code {process.returncode}")
        return None

    def stop(self) -> None:
        """End every part; returns when no process of them is left."""
        with self._lock:
            self._is_stopping = True
            running, self._running = self._running, {}
        for process in running.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in running.values():
            self._reap(process)

    def _spawn(self, part: Part) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_stopping:
                raise StackError(f"The {part.name} was not started because the stack is stopping.")
            with (self._logs / f"{part.name}.log").open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, "-S", "-E", str(_GUARD), *part.command],
                    stdin=subprocess.PIPE,  # its end is how the guard learns that we are gone
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(part.environment),
                    cwd=_GUARD.parents[1],
                    start_new_session=True,  # the terminal's Ctrl-C is ours to handle
                )
            self._running[part.name] = process
        return process

    @staticmethod
    def _reap(process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # the part dies with its guard
            process.wait()
        if process.stdin:
            process.stdin.close()

    def _failure(self, name: str, what: str) -> str:
        path = self._logs / f"{name}.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        tail = "\n".join(f"  {line}" for line in lines[-_LOG_TAIL_LINES:])
        return f"The {name} {what}. The end of {path}:\n{tail or '  (empty)'}"


def require_free(name: str, port: int) -> None:
    """Raise StackError when another program listens on the port of a part."""
    if not is_free(port):
        raise StackError(
            f"Port {port} is busy and the {name} needs it: stop the program that listens there, "
            f"or set {variable(name)} to another port (0 picks a free one)."
        )


def answers_http(url: str, headers: Mapping[str, str] | None = None) -> Check:
    """A check that is true once the address answers 200."""

    def check() -> bool:
        request = urllib.request.Request(url, headers=dict(headers or {}))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback never goes through a proxy
        try:
            with opener.open(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    return check


def file_exists_and_listens(path: Path, port: int) -> Check:
    """A check that is true once a part has written its ready file and accepts a TCP connection."""
    return lambda: path.exists() and listens(port)


def listens(port: int) -> bool:
    """Whether something accepts TCP connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def clean_environment() -> dict[str, str]:
    """This process's environment without what would point a part at another AWS, Prefect or Python."""
    foreign = ("AWS_", "PREFECT_", "ESTEIRA_", "PYTHONHOME", "SSL_CERT_FILE", "DATASETTE_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    return kept | {"PYTHONUNBUFFERED": "1", "NO_PROXY": f"{HOST},localhost"}
