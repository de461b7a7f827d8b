"""What the convention tests read: the repository's files and their syntax trees. They run nothing of it."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = ("esteira", "flows", "tasks", "blocks", "datasets", "deployments", "cli")
ROOMS = (*PRODUCTION, "infra", "local", "docs")
MAY_HOLD_NO_PYTHON = {"infra"}
"""Policies and templates are data; its handlers, once there are some, are under the same rules."""


@dataclass(frozen=True)
class Module:
    """One Python file of a room."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Path below the root, for failure messages."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def package(self) -> tuple[str, ...]:
        """Room and module parts: `esteira/warehouse/load.py` is `("esteira", "warehouse", "load")`."""
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return parts[:-1] if parts[-1] == "__init__" else parts

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and dotted name of every import, also of those inside functions."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node.lineno, f"{self._origin(node)}.{alias.name}") for alias in node.names)

    def strings(self) -> Iterator[tuple[int, str]]:
        """Line and text of every string that is no docstring; the constant pieces of f-strings too."""
        documentation = {
            id(node.value)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                yield node.lineno, node.value

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    def _origin(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        here = self.path.relative_to(ROOT).parts[:-1]
        base = here[: len(here) - node.level + 1]
        return ".".join((*base, node.module) if node.module else base)


@cache
def modules(room: str) -> tuple[Module, ...]:
    """The Python files of a room. A room without any is an error: no rule may pass because it looked at nothing."""
    found = tuple(_module(path) for path in sorted((ROOT / room).rglob("*.py")) if "__pycache__" not in path.parts)
    assert found or room in MAY_HOLD_NO_PYTHON, (
        f"{room}/ holds no Python file. Fix: keep the room, or take it out of tests/conventions/sources.py and docs."
    )
    return found


@cache
def repository_files() -> tuple[Path, ...]:
    """Every file that is, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:  # an unpacked archive
        hidden = {
            ".git",
            ".venv",
            ".esteira",
            "__pycache__",
            ".mypy_cache",
            ".ruff_cache",
            ".pytest_cache",
            ".hypothesis",
            "site",
        }
        paths = [path for path in ROOT.rglob("*") if not hidden & set(path.relative_to(ROOT).parts)]
    files = tuple(path for path in paths if path.is_file())
    assert ROOT / "pyproject.toml" in files, "The list of files lacks pyproject.toml: the rules would look at nothing."
    return files


def report(broken: list[str], fix: str) -> None:
    """Fail with every place that breaks the rule, and with the way to mend it."""
    assert not broken, "\n".join(["", *sorted(broken), f"Fix: {fix}"])


def _module(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(path, text, ast.parse(text, filename=str(path)))
