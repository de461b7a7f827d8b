"""The state folder of one laptop stack: where each thing lies, who holds it, its version, its secrets."""

import fcntl
import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from local.aws.bootstrap import AccessKey, write_private
from local.supervisor import StackError

STATE_VERSION = 1
NEEDED_BYTES = 512 * 1024**2
"""Free space below which nothing is started: the demo leaves 250 MB, and PostgreSQL's log of changes grows and shrinks above that."""


@dataclass(frozen=True)
class StateFolder:
    """Paths below one folder; nothing of the stack is written outside it."""

    root: Path

    @property
    def env_file(self) -> Path:
        """What a client needs, KEY=VALUE."""
        return self.root / "stack.env"

    @property
    def ready_file(self) -> Path:
        """Written by the supervisor when all parts are ready."""
        return self.root / "ready.json"

    @property
    def failure_file(self) -> Path:
        """Why a detached supervisor could not start."""
        return self.root / "failure.txt"

    @property
    def logs(self) -> Path:
        """One log per part."""
        return self.root / "log"

    @property
    def keys(self) -> Path:
        """Generated secrets, mode 0700."""
        return self.root / "secrets"

    def require_room(self) -> None:
        """Find out before anything is written whether the stack has room.

        Raises:
            StackError: it has not.
        """
        existing = next(each for each in (self.root, *self.root.parents) if each.exists())
        free = shutil.disk_usage(existing).free
        if free < NEEDED_BYTES:
            raise StackError(
                f"The disk of {self.root} has {free / 1e6:,.0f} MB free and the laptop stack needs {NEEDED_BYTES / 1e6:,.0f} MB: "
                "make room there, or set ESTEIRA_STATE to a folder on another disk."
            )

    def prepare(self) -> None:
        """Create the folder, or check that this code can read what is in it."""
        self.root.mkdir(parents=True, exist_ok=True)
        # Started as root, PostgreSQL runs as another user and must be able to pass through, but not to list.
        self.root.chmod(0o711)
        self.keys.mkdir(mode=0o700, exist_ok=True)
        stamp = self.root / "VERSION"
        if not stamp.exists():
            stamp.write_text(f"{STATE_VERSION}\n")
        found = stamp.read_text().strip()
        if found != str(STATE_VERSION):
            raise StackError(
                f"{self.root} was written by version {found} of the laptop stack and this code reads version "
                f"{STATE_VERSION}: stop the stack, delete that folder and start again (the data are only local)."
            )

    def secret(self, name: str) -> Path:
        """The file of a random secret, generated on first use."""
        path = self.keys / name
        if not path.exists():
            # Letters and a digit in front: passwords of Redshift need one of each, and no quoting anywhere.
            write_private(path, "Aa1" + secrets.token_hex(16))
        return path

    def root_key(self) -> tuple[Path, AccessKey]:
        """The emulator's root key and its file. Only the bootstrap uses it."""
        path = self.keys / "aws-root.json"
        if not path.exists():
            key = AccessKey("LKIA" + secrets.token_hex(8).upper(), secrets.token_hex(20))
            write_private(path, json.dumps(asdict(key)))
        return path, AccessKey(**json.loads(path.read_text()))

    def hold(self) -> IO[str] | None:
        """Take the folder for this process; None when a live stack holds it. The kernel lets go when we die."""
        file = (self.root / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file

    def holder(self) -> int | None:
        """The process id of the live supervisor, or None."""
        path = self.root / "lock"
        if not path.exists():
            return None
        with path.open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read().strip()
                return int(text) if text else None
        return None


def read_env(path: Path) -> dict[str, str]:
    """Parse a KEY=VALUE file as written by `write_env`."""
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


def write_env(path: Path, values: dict[str, str]) -> None:
    """Write KEY=VALUE lines, readable by the owner only."""
    write_private(path, "".join(f"{key}={value}\n" for key, value in values.items()))
