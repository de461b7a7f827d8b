"""The questions of `esteira doctor` about this machine: its Python, the installed packages, its disk."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cli.environment import state_folder
from esteira.errors import ConfigError
from esteira.settings import PROJECT_FOLDER

MIN_PYTHON = (3, 11)
LOCK_VARIABLE = "ESTEIRA_LOCK"
"""The lock file that `esteira doctor` compares the installed packages with; `requirements.lock` of the checkout by default."""
MIN_DISK_BYTES = 512 * 1024**2
"""Free space below which a run may end in the middle: PostgreSQL and the emulator of a laptop need it, a task's spill files too."""
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)([^\\]*)")


def python() -> str:
    """The interpreter."""
    if sys.version_info < MIN_PYTHON:
        raise ConfigError(f"This is Python {platform.python_version()}.", hint="Use Python 3.11 or newer.")
    return platform.python_version()


def packages() -> str:
    """What is installed against the lock."""
    path = Path(os.environ.get(LOCK_VARIABLE, PROJECT_FOLDER / "requirements.lock"))
    if not path.is_file():
        return "there is no lock file beside the installed code, as in an image; nothing to compare"
    pins = list(_pins(path))
    wrong = [f"{name} {found} instead of {wanted}" for name, wanted, found in pins if found != wanted]
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise ConfigError(
            f"Installed is {shown}.",
            hint=f"Run `make .venv/.ready`, or `pip install --require-hashes -r {path.name}`.",
        )
    return f"{len(pins)} as locked"


def disk() -> str:
    """Room where temporary files and the laptop stack's state go."""
    places = {Path(tempfile.gettempdir()), _existing(state_folder())}
    free = {place: shutil.disk_usage(place).free for place in places}
    for place, count in free.items():
        if count < MIN_DISK_BYTES:
            raise ConfigError(
                f"The disk of {place} has {count / 1e6:,.0f} MB free; a run needs {MIN_DISK_BYTES / 1e6:,.0f} MB.",
                hint="Make room there, or set TMPDIR or ESTEIRA_STATE to a folder on another disk.",
            )
    return ", ".join(f"{count / 1e9:,.1f} GB free at {place}" for place, count in free.items())


def _pins(path: Path) -> Iterator[tuple[str, str, str]]:
    """Name, wanted and installed version of each pin that holds on this machine."""
    from packaging.markers import Marker

    for line in path.read_text(encoding="utf-8").splitlines():
        pin = _PIN.match(line)
        if pin is None:
            continue
        marker = pin[3].partition(";")[2].strip()
        if not marker or Marker(marker).evaluate():
            yield pin[1], pin[2], _installed(pin[1])


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "nothing"


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())
