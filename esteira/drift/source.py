"""One Python file that holds a contract, edited where its syntax tree says, so that everything else stays as its author wrote it."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from pathlib import Path

from esteira.recognise.text import LINE_LENGTH, OUR_TYPES

_FROM = {"Annotated": "typing", "decimal128": "pyarrow"} | dict.fromkeys(OUR_TYPES, "esteira.contract")
"""Where the names come from that an annotation may need."""


class SourceFile:
    """A file and its edits. Places are counted in bytes, as `ast` counts columns.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before = path.read_bytes()
        self.tree = ast.parse(self._before)
        lines = self._before.splitlines(keepends=True)
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line))
        self._edits: list[tuple[int, int, str]] = []
        self._wanted: dict[str, set[str]] = {}

    def text_of(self, node: ast.expr | ast.stmt) -> str:
        """The source text of a node."""
        return self._before[slice(*self._span(node))].decode()

    def replace(self, node: ast.expr | ast.stmt, text: str) -> None:
        """Put a text in the place of a node."""
        self._edits.append((*self._span(node), text))

    def insert_after(self, node: ast.stmt, text: str) -> None:
        """Put lines behind the line on which a statement ends."""
        place = self._starts[node.end_lineno or node.lineno]
        is_open = place == len(self._before) and not self._before.endswith(b"\n")
        self._edits.append((place, place, f"{chr(10) if is_open else ''}{text}\n"))

    def insert_into(self, call: ast.Call, argument: str) -> None:
        """Give a call a first argument, on a line of its own where the call is broken."""
        start, end = self._span(call)
        place = start + self._before[start:end].index(b"(", self._span(call.func)[1] - start) + 1
        rest = self._before[place:end]
        indent = rest[1:].split(b"\n")[0]
        blank = indent[: len(indent) - len(indent.lstrip())].decode()
        self._edits.append((place, place, f"\n{blank}{argument}," if rest.startswith(b"\n") else f"{argument}, "))

    def require(self, annotation: str) -> str:
        """Have the names of an annotation imported; returns it in the file's own words.

        Raises:
            LookupError: A name stands for something else here.
        """
        for name, module in _FROM.items():
            if name not in {node.id for node in ast.walk(ast.parse(annotation)) if isinstance(node, ast.Name)}:
                continue
            bound = self._bound().get(name)
            if bound not in {None, module}:
                raise LookupError(name)
            if bound is None:
                self._wanted.setdefault(module, set()).add(name)
        alias = self.alias("pandas")
        if alias is None:
            raise LookupError("pandas")
        return annotation.replace("pd.", f"{alias}.")

    def require_free(self, name: str) -> None:
        """Refuse a column's name that would hide an import from the attributes after it.

        Raises:
            LookupError: Something is imported under its name.
        """
        imports = [node for node in self.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        if name in {each.asname or each.name for node in imports for each in node.names}:
            raise LookupError(name)

    def alias(self, module: str) -> str | None:
        """The name under which a module is imported."""
        imports = (each for node in self.tree.body if isinstance(node, ast.Import) for each in node.names)
        return next((each.asname or each.name for each in imports if each.name == module), None)

    def diff(self, root: Path) -> str:
        """The edits as a unified diff for `git apply` and `patch -p1` at a folder; empty where there are none.

        Args:
            root: The folder that the paths of the diff begin at.
        """
        for module, names in self._wanted.items():
            self._import(module, names)
        self._wanted.clear()
        after = self._before
        for _, start, end, text in sorted(_ordered(self._edits), reverse=True):
            after = after[:start] + text.encode() + after[end:]
        ast.parse(after)
        name = self.path.relative_to(root).as_posix()
        old, new = (text.decode().splitlines(keepends=True) for text in (self._before, after))
        lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)

    def _import(self, module: str, names: set[str]) -> None:
        imports = [node for node in self.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        same = [node for node in imports if isinstance(node, ast.ImportFrom) and node.module == module]
        if same:
            every = sorted({*names, *(self._as(each) for each in same[0].names)})
            self.replace(same[0], _import_text(module, every))
        elif module == "typing":
            first = next(each for each in imports if getattr(each, "module", "") != "__future__")
            place = self._starts[first.lineno - 1]
            self._edits.append((place, place, f"{_import_text(module, sorted(names))}\n\n"))
        else:
            third = [each for each in imports if isinstance(each, ast.Import) and each.names[0].name.startswith("pand")]
            self.insert_after((third or imports)[-1], _import_text(module, sorted(names)))

    def _bound(self) -> dict[str, str]:
        return {
            each.asname or each.name: node.module or ""
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom)
            for each in node.names
        }

    @staticmethod
    def _as(name: ast.alias) -> str:
        return f"{name.name} as {name.asname}" if name.asname else name.name

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[end_line - 1] + end_column


def _ordered(edits: list[tuple[int, int, str]]) -> Iterator[tuple[tuple[int, int], int, int, str]]:
    """Edits with a sort key: those at the same place keep the order in which they were made."""
    return (((start, number), start, end, text) for number, (start, end, text) in enumerate(edits))


def _import_text(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    return line if len(line) <= LINE_LENGTH else f"from {module} import (\n    {', '.join(names)},\n)"
