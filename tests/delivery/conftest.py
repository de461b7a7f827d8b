"""The emulated account of tests/infra, and a clean clone of this repository with the programs of a build machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conventions.sources import ROOT, repository_files
from tests.infra.conftest import Aws, aws, deploy

__all__ = ["Aws", "aws", "deploy"]
DIGEST = f"sha256:{'cd' * 32}"
HEAVY = ("check",)
"""What a build runs for half an hour: here make only says what it would do."""
_PROGRAMS = {
    "docker": f"""echo "docker $*" >> "$CALLS"
case "$*" in
  *"pip list"*) echo '[{{"name": "prefect", "version": "3.8.8"}}]';;
  *dpkg-query*) printf 'libc6\\t2.36\\tamd64\\n';;
  "image inspect"*) echo "registry.example/esteira@{DIGEST}";;
esac""",
    "aws": 'echo "aws $*" >> "$CALLS"; echo password',
    "make": """echo "make $*" >> "$CALLS"
for target in $HEAVY; do if [ "$1" = "$target" ]; then exec /usr/bin/env PATH="$OWN_PATH" make -n "$@" > /dev/null; fi; done
exec /usr/bin/env PATH="$SHIMS:$OWN_PATH" SHELL=/bin/sh "$REAL_MAKE" "$@" """,
}


@dataclass(frozen=True)
class Clone:
    """A clean clone on a build machine.

    Attributes:
        folder: Where it is.
        calls: What docker, aws and make were asked, a line each.
    """

    folder: Path
    calls: Path

    def run(self, commands: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a phase's commands as CodeBuild does: one after the other in one shell, to the first that fails."""
        shims = self.folder.parent / "programs"
        variables = {
            "PATH": f"{shims}:{os.environ['PATH']}", "OWN_PATH": os.environ["PATH"], "SHIMS": str(shims), "CALLS": str(self.calls),
            "HEAVY": " ".join(HEAVY), "REAL_MAKE": str(shutil.which("make")), "HOME": os.environ.get("HOME", "/tmp"),
            "CODEBUILD_BUILD_SUCCEEDING": "1", **environment,
        }  # fmt: skip
        return subprocess.run(
            ["bash", "-c", "\n".join(["set -e", *commands])],
            cwd=self.folder,
            env=variables,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A clone whose `.venv` is this checkout's, so that setting it up is quick."""
    folder, programs = tmp_path / "clone", tmp_path / "programs"
    for file in repository_files():
        target = folder / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    for name in ("requirements-dev.lock", "pyproject.toml"):
        os.utime(folder / name, (0, 0))
    _git(folder, "init", "--quiet")
    _git(folder, "add", ".")
    _git(folder, "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "all")
    programs.mkdir()
    for name, body in _PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)
    return Clone(folder, tmp_path / "calls")


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


Deploy = Callable[..., "subprocess.CompletedProcess[str]"]
