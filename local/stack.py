"""The laptop stack as a whole: what can be started, in which order, and `running`, which holds it as children of this process.

A stack in the background, as `make up` makes, is that of `local/background.py`.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.certificates import ensure_certificates
from local.parts import Isolation, Plan
from local.ports import Ports
from local.state import StateFolder, write_env
from local.supervisor import StackError, Supervisor, require_free

DEFAULT_STATE = Path(".esteira")
Progress = Callable[[str], None]


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


def quiet(_message: str) -> None:
    """Tell nobody of progress."""


@contextlib.contextmanager
def running(config: StackConfig, on_progress: Progress = quiet) -> Iterator[Stack]:
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
    with lock, supervised(folder) as supervisor:
        yield start(config, folder, supervisor, on_progress)


def start(config: StackConfig, folder: StateFolder, supervisor: Supervisor, on_progress: Progress) -> Stack:
    """Start every part and write down how clients reach them; what was started is stopped when a part fails.

    Raises:
        StackError: a part failed, or a port is busy.
    """
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
def supervised(folder: StateFolder) -> Iterator[Supervisor]:
    """A supervisor whose parts end with this block, and the word that the stack is ready with them."""
    supervisor = Supervisor(folder.logs)
    try:
        yield supervisor
    finally:
        folder.ready_file.unlink(missing_ok=True)
        supervisor.stop()
