"""The story of `test_full_disk.py`, told inside a mount namespace: file systems of its own fill up and get room again.

`python -m tests.stack.full_disk FOLDER` prints as JSON how each command ended. A small tmpfs is full when it is mounted again
with the size that is in use; PostgreSQL has one of its own, so that each of the two can be full alone.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.aws.gate import RESERVED_BYTES
from local.ports import Ports
from local.stack import Stack, StackConfig, running
from local.state import NEEDED_BYTES
from local.supervisor import clean_environment

ROOT = Path(__file__).resolve().parents[2]
MS_REMOUNT = 32  # linux/mount.h
FLIGHTS = 200
AS_OF = "2014-01-02T06:00Z"
Ended = dict[str, Any]


@dataclass(frozen=True)
class Disk:
    """A tmpfs, which takes memory only for what is written to it."""

    folder: Path

    def mount(self, size: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._mount(size, 0)

    def fill(self, left: int) -> None:
        found = os.statvfs(self.folder)
        self._mount((found.f_blocks - found.f_bfree) * found.f_frsize + left, MS_REMOUNT)

    def make_room(self) -> None:
        self._mount(2 * NEEDED_BYTES, MS_REMOUNT)

    def _mount(self, size: int, flags: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"none", os.fsencode(self.folder), b"tmpfs", flags, f"size={size},mode=711".encode()):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(self.folder))


def esteira(environment: dict[str, str], *arguments: str) -> Ended:
    command = [sys.executable, "-c", "from cli.main import main; main()", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def start_without_room(disk: Disk) -> dict[str, Ended]:
    disk.mount(NEEDED_BYTES - 1024**2)
    ports = {f"ESTEIRA_PORT_{name}": "0" for name in ("PORTAL", "AWS", "WAREHOUSE", "PREFECT", "SLACK")}
    environment = clean_environment() | ports | {"ESTEIRA_STATE": str(disk.folder / "state")}
    ended = {"demo": esteira(environment, "demo"), "up": esteira(environment, "stack", "up")}
    assert list(disk.folder.iterdir()) == [], "a start that is refused writes nothing"
    return ended


def fill_and_go_on(disk: Disk, left: int, environment: dict[str, str], dataset: str) -> dict[str, Ended]:
    """The same command on a full disk and after there is room, and what the warehouse holds after each."""
    command = ("ingest", dataset, "--as-of", AS_OF)
    look = ("status", dataset, "--json")
    disk.fill(left)
    full = esteira(environment, *command)
    disk.make_room()
    between = esteira(environment, *look)
    return {
        "full": full,
        "between": between,
        "room": esteira(environment, *command),
        "end": esteira(environment, *look),
    }


def tell(folder: Path) -> dict[str, dict[str, Ended]]:
    disk, database = Disk(folder / "disk"), Disk(folder / "disk" / "state" / "warehouse")
    told = {"start": start_without_room(disk)}
    disk.make_room()
    database.mount(2 * NEEDED_BYTES)
    config = StackConfig(state=disk.folder / "state", ports=Ports.free(), flights_limit=FLIGHTS)
    with running(config) as stack:
        environment = _prepared(stack)
        told["S3"] = fill_and_go_on(disk, RESERVED_BYTES // 2, environment, "planes")
        told["PostgreSQL"] = fill_and_go_on(database, 0, environment, "airports")
    return told


def _prepared(stack: Stack) -> dict[str, str]:
    environment = stack.client_environment() | {"ESTEIRA_STEP_RETRIES": "0"}
    prepare = "from cli.stack import prepare_prefect; prepare_prefect()"
    subprocess.run([sys.executable, "-c", prepare], cwd=ROOT, env=environment, check=True)
    return environment


if __name__ == "__main__":
    print(json.dumps(tell(Path(sys.argv[1]))))
