"""Each peer's own virtual environment, made from its own lock when it is first needed, and again when the lock changes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

LOCKS = Path(__file__).parent / "peers"
PEERS = ("dlt", "plain", "singer")
VENVS = Path(__file__).parents[1] / ".esteira" / "bench"


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment."""
    lock = LOCKS / f"requirements-{peer}.lock"
    mark = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:8]
    folder = VENVS / f"{peer}-{mark}"
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        print(f"set-up: installing the locked packages of {peer}", flush=True)
        _make(folder, python, lock)
        ready.touch()
    return python


def versions(peer: str) -> dict[str, str]:
    """The packages that a peer's input file names, with their locked versions."""
    wanted = {line.split("[")[0].split(">")[0].strip() for line in (LOCKS / f"{peer}.in").read_text().splitlines()}
    pins = (line.split("==") for line in (LOCKS / f"requirements-{peer}.lock").read_text().splitlines() if "==" in line)
    return {pin[0]: pin[1].split()[0] for pin in pins if pin[0] in wanted}


def _make(folder: Path, python: Path, lock: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    options = ["--quiet", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes"]
    subprocess.run([python, "-m", "pip", "install", *options, "-r", lock], check=True)
