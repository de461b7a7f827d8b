"""The laptop stack as a whole: `running` for tests and the demo, `up`, `down` and `status` for `make up`.

Owns the order of a start. `python -m local.stack --state DIR` is the detached supervisor that `up` starts.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from local.certificates import ensure_certificates
from local.parts import Isolation, Plan
from local.ports import Ports
from local.state import StateFolder, read_env, write_env
from local.supervisor import PartStatus, StackError, Supervisor, clean_environment, listens, require_free

DEFAULT_STATE = Path(".esteira")
_UP_SECONDS = 180.0
_DOWN_SECONDS = 30.0
_ALREADY_HELD = 75  # EX_TEMPFAIL of sysexits.h: another supervisor was quicker
Progress = Callable[[str], None]
_DAEMONS: list[
    subprocess.Popen[bytes]
] = []  # a background stack outlives its handle, which Python would complain about


@dataclass(frozen=True)
class StackConfig:
    """What to start, and where its state lives."""

    state: Path = DEFAULT_STATE
    ports: Ports = field(default_factory=Ports.from_environment)
    flights_limit: int | None = None
    with_prefect: bool = True
    with_portal: bool = True
    with_warehouse: bool = True
    with_dashboard: bool = False
    isolation: Isolation | None = None

    def part_names(self) -> list[str]:
        """The parts that this configuration starts."""
        wanted = {
            "portal": self.with_portal,
            "prefect": self.with_prefect,
            "warehouse": self.with_warehouse,
            "reports": self.with_prefect,  # whose artifacts lead there
            "dashboard": self.with_dashboard,
        }
        parts = ("portal", "aws", "warehouse", "prefect", "slack", "reports", "dashboard")
        return [name for name in parts if wanted.get(name, True)]


@dataclass(frozen=True)
class Stack:
    """A running stack, as its clients see it."""

    state: Path
    env: dict[str, str]
    ports: Ports

    def client_environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """`base` (this process's environment) plus `env`, without foreign AWS keys, which would win over the profile."""
        kept = {k: v for k, v in (os.environ if base is None else base).items() if not k.startswith("AWS_")}
        return kept | self.env


def _quiet(_message: str) -> None:
    return


@contextlib.contextmanager
def running(config: StackConfig, on_progress: Progress = _quiet) -> Iterator[Stack]:
    """Run the stack as children of this process and stop them on the way out, however this process ends.

    Raises:
        StackError: a part failed, a port is busy, the disk is nearly full, or another stack holds the folder.
    """
    folder = StateFolder(config.state.resolve())
    folder.require_room()
    folder.prepare()
    lock = folder.hold()
    if lock is None:
        raise StackError(
            f"A stack is already running on {folder.root}: use it, stop it, or choose another state folder."
        )
    with lock, _supervised(folder) as supervisor:
        yield _start(config, folder, supervisor, on_progress)


def up(config: StackConfig, on_progress: Progress = _quiet) -> Stack:
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


def _start(config: StackConfig, folder: StateFolder, supervisor: Supervisor, on_progress: Progress) -> Stack:
    folder.ready_file.unlink(missing_ok=True)
    ports = config.ports.resolved()
    for name in config.part_names():
        require_free(name, getattr(ports, name))  # all of them first: no half-started stack for a busy port
    plan = Plan(folder, ports, ensure_certificates(folder.root / "tls"), config.flights_limit, config.isolation)
    jobs: dict[str, Callable[[], object]] = {
        "portal": lambda: supervisor.start(plan.portal()),
        "prefect": lambda: supervisor.start(plan.prefect()),
        "slack": lambda: supervisor.start(plan.slack()),
    }
    with ThreadPoolExecutor(len(jobs)) as pool:
        others = [pool.submit(_timed, name, jobs[name], on_progress) for name in config.part_names() if name in jobs]
        try:
            env = _start_aws(plan, supervisor, with_warehouse=config.with_warehouse, on_progress=on_progress)
            if config.with_prefect:
                _timed("reports", lambda: supervisor.start(plan.reports(env)), on_progress)
            if config.with_dashboard:
                _timed("dashboard", lambda: supervisor.start(plan.dashboard(env)), on_progress)
                env |= plan.dashboard_environment()
            for other in others:
                other.result()
        except BaseException:
            supervisor.stop()  # so that the waiting threads end at once
            raise
    write_env(folder.env_file, env)
    ready = {"pid": os.getpid(), "ports": asdict(ports), "parts": config.part_names()}
    folder.ready_file.write_text(json.dumps(ready))
    return Stack(folder.root, env, ports)


def _start_aws(plan: Plan, supervisor: Supervisor, *, with_warehouse: bool, on_progress: Progress) -> dict[str, str]:
    # The warehouse's IAM user exists only after the bootstrap, so these three follow one another.
    _timed("aws", lambda: supervisor.start(plan.aws()), on_progress)
    started_at = time.monotonic()
    try:
        deployed = plan.bootstrap()
    except StackError:
        raise
    except Exception as exc:
        raise StackError(f"The aws part runs, but deploying infra/ into it failed: {exc}") from exc
    on_progress(f"infra/ deployed in {time.monotonic() - started_at:.1f} s")
    if with_warehouse:
        _timed("warehouse", lambda: supervisor.start(plan.warehouse(deployed)), on_progress)
    return plan.client_environment(deployed)


def _timed(name: str, start: Callable[[], object], on_progress: Progress) -> None:
    started_at = time.monotonic()
    start()
    on_progress(f"{name} ready in {time.monotonic() - started_at:.1f} s")


@contextlib.contextmanager
def _supervised(folder: StateFolder) -> Iterator[Supervisor]:
    supervisor = Supervisor(folder.logs)
    try:
        yield supervisor
    finally:
        folder.ready_file.unlink(missing_ok=True)
        supervisor.stop()


def _spawn_daemon(config: StackConfig, folder: StateFolder) -> subprocess.Popen[bytes]:
    folder.logs.mkdir(exist_ok=True)
    choices = {
        name: getattr(config, name)
        for name in ("flights_limit", "with_prefect", "with_portal", "with_warehouse", "with_dashboard", "isolation")
    }
    options = json.dumps({"ports": asdict(config.ports), **choices})
    with (folder.logs / "supervisor.log").open("ab") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "local.stack", "--state", str(folder.root), "--options", options],
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
    with _supervised(folder) as supervisor:
        try:
            _start(config, folder, supervisor, lambda message: print(message, flush=True))
            while (failure := supervisor.ended()) is None:
                time.sleep(0.5)
            raise StackError(f"{failure}\nThe other parts were stopped.")  # noqa: TRY301 - the handler below writes it down too
        except StackError as exc:
            folder.failure_file.write_text(str(exc))
            print(exc, file=sys.stderr, flush=True)
            return 1


def main() -> int:
    """The detached supervisor."""
    parser = argparse.ArgumentParser(prog="local.stack")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE)
    parser.add_argument("--options", type=json.loads, default={})
    arguments = parser.parse_args()
    options = dict(arguments.options)
    ports = Ports(**options.pop("ports")) if "ports" in options else Ports.from_environment()
    return _serve(StackConfig(state=arguments.state, ports=ports, **options))


if __name__ == "__main__":
    sys.exit(main())
