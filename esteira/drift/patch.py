"""The suggested patch: the contract's file as it would say what the source delivers now. A person reads it, fills it in and applies it."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from esteira.contract import Dataset, SpreadsheetSource
from esteira.drift.finding import ALTERED, Finding
from esteira.drift.source import SourceFile
from esteira.recognise.columns import ColumnGuess
from esteira.recognise.python import literal
from esteira.recognise.text import arguments_of, attribute_text, type_text

_NUMBERS = ("int", "float", "double", "decimal")
_ANY_TYPE = frozenset({"nullable", "description", "title", "alias"})
"""Arguments of a field that say nothing about its type; a check that does would refuse the new values, or break."""


def suggested_patch(dataset: Dataset, findings: Iterable[Finding]) -> str:
    """A unified diff of the contract's file, for `git apply` or `patch -p1` at the repository's root; empty where nothing can be suggested.

    Args:
        dataset: The contract, as it was loaded from its file.
        findings: What to take over; what cannot be written is left out.
    """
    try:
        files = _Files(dataset)
        for finding in findings:
            _write(files, dataset, finding)
        return files.diff()
    except (OSError, SyntaxError, TypeError, ValueError):
        return ""  # no file of source, or one that is written in a way that only its author understands


class _Files:
    """The files that a contract stands in: that of its `DATASET`, and those of its schema's classes."""

    def __init__(self, dataset: Dataset) -> None:
        module = sys.modules.get(f"_esteira_datasets.{dataset.name}") or sys.modules[dataset.schema.__module__]
        self._files: dict[Path, SourceFile] = {}
        self._home = Path(str(module.__file__)).resolve()
        self._renames: dict[str, str] = {}

    def rename(self, source: str, column: str) -> None:
        """Add an entry to the source's `rename`; a portal's name with a dot is quoted, since a dot leads into nested values.

        Raises:
            LookupError: No `rename` leads there, or the file has no literal one.
        """
        if (
            not source
            or source.endswith(ALTERED)
            or '"' in source
            or not isinstance(self._renaming()[1], ast.Dict | None)
        ):
            raise LookupError(source)
        self._renames[f'"{source}"' if "." in source else source] = column

    def at(self, path: Path) -> SourceFile:
        """A file, read once."""
        if path not in self._files:
            self._files[path] = SourceFile(path)
        return self._files[path]

    def class_of(self, model: type[Any]) -> tuple[SourceFile, ast.ClassDef]:
        """A schema's class as it is written."""
        file = self.at(Path(inspect.getfile(model)).resolve())
        found = (each for each in file.tree.body if isinstance(each, ast.ClassDef) and each.name == model.__name__)
        node = next(found, None)
        if node is None:
            raise LookupError(model.__name__)
        return file, node

    def diff(self) -> str:
        """One diff of all files."""
        if self._renames:
            self._write_renames()
        return "".join(file.diff(_root(path)) for path, file in sorted(self._files.items()))

    def _write_renames(self) -> None:
        file, (call, given) = self.at(self._home), self._renaming()
        entries = ", ".join(f"{literal(source)}: {literal(column)}" for source, column in self._renames.items())
        if given is None:
            file.insert_into(call, f"rename={{{entries}}}")
            return
        before = file.text_of(given)[1:-1].strip().rstrip(",")
        file.replace(given, f"{{{before}, {entries}}}" if before else f"{{{entries}}}")

    def _renaming(self) -> tuple[ast.Call, ast.expr | None]:
        """The source's call, and what it says as `rename`."""
        file = self.at(self._home)
        calls = [each for each in ast.walk(file.tree) if isinstance(each, ast.Call) and _is_source(file, each)]
        if len(calls) != 1:
            raise LookupError("ApiSource")
        return calls[0], next((each.value for each in calls[0].keywords if each.arg == "rename"), None)


def _is_source(file: SourceFile, call: ast.Call) -> bool:
    return file.text_of(call.func).endswith("ApiSource")


def _root(path: Path) -> Path:
    """The repository; without one, the folder above that of the contracts."""
    return next((each for each in path.parents if (each / ".git").exists()), path.parent.parent)


def _write(files: _Files, dataset: Dataset, finding: Finding) -> None:
    writers = {"new": _write_new, "missing": _write_missing, "retyped": _write_retyped}
    try:
        writers[finding.change](files, dataset, finding)
    except LookupError:
        return  # the file says it in a way that is not rewritten here: a person does


def _write_new(files: _Files, dataset: Dataset, finding: Finding) -> None:
    assert finding.guess  # noqa: S101 - of a new column there is always a guess
    file, model = files.class_of(dataset.schema)
    file.require_free(finding.column)
    fields = [each for each in model.body if isinstance(each, ast.AnnAssign)]
    if finding.source != finding.column and not isinstance(dataset.source, SpreadsheetSource):
        files.rename(finding.source, finding.column)
    annotation = file.require(type_text(finding.guess))
    arguments = arguments_of(finding.guess, f"What is the portal's {finding.source}?")
    maker = _maker(file, fields)
    file.insert_after((fields or model.body)[-1], attribute_text(finding.column, annotation, arguments, maker))


def _write_missing(files: _Files, dataset: Dataset, finding: Finding) -> None:
    """Make the column optional: the table keeps it and what it holds, and a batch without it loads nulls."""
    if finding.column in dataset.key:
        raise LookupError(finding.column)
    file, field = _field(files, dataset, finding.column)
    kept = [text for name, text in _arguments(file, field) if name != "nullable"]
    annotation = f"{file.text_of(field.annotation)} | None"
    _rewrite(file, field, annotation, ["nullable=True", *kept])


def _write_retyped(files: _Files, dataset: Dataset, finding: Finding) -> None:
    assert finding.guess  # noqa: S101 - what a retyped column holds is known
    file, field = _field(files, dataset, finding.column)
    is_number = finding.was.startswith(_NUMBERS) and finding.guess.kind in {"integer", "float", "decimal"}
    kept = [text for name, text in _arguments(file, field) if name in _ANY_TYPE or (is_number and name != "metadata")]
    metadata = _metadata(field, finding.guess, is_number=is_number)
    _rewrite(file, field, file.require(type_text(finding.guess)), [*kept, *metadata])


def _metadata(field: ast.AnnAssign, guess: ColumnGuess, *, is_number: bool) -> Iterator[str]:
    """The metadata that the new type keeps: `pii` always, a unit where it is a number still."""
    given = next((each.value for each in _keywords(field) if each.arg == "metadata"), None)
    said = ast.literal_eval(given) if given else {}
    kept = {name: value for name, value in said.items() if name == "pii" or (is_number and name == "unit")}
    kept |= {"type": "super"} if guess.kind == "nested" else {}
    if kept:
        yield f"metadata={literal(kept)}"


def _rewrite(file: SourceFile, field: ast.AnnAssign, annotation: str, arguments: list[str]) -> None:
    name = file.text_of(field.target)
    file.replace(field, attribute_text(name, annotation, arguments, _maker(file, [field])).lstrip())


def _field(files: _Files, dataset: Dataset, column: str) -> tuple[SourceFile, ast.AnnAssign]:
    """Where a column is declared, in the schema or in one that it inherits from."""
    for model in inspect.getmro(dataset.schema):
        if column not in vars(model).get("__annotations__", {}):
            continue
        file, node = files.class_of(model)
        fields = (each for each in node.body if isinstance(each, ast.AnnAssign))
        found = next((each for each in fields if file.text_of(each.target) == column), None)
        if found is not None:
            return file, found
    raise LookupError(column)


def _maker(file: SourceFile, fields: list[ast.AnnAssign]) -> str:
    """How this file calls `pandera.Field`."""
    calls = (each.value for each in fields if isinstance(each.value, ast.Call))
    return next((file.text_of(call.func) for call in calls), f"{file.alias('pandera.pandas') or 'pa'}.Field")


def _keywords(field: ast.AnnAssign) -> list[ast.keyword]:
    return field.value.keywords if isinstance(field.value, ast.Call) else []


def _arguments(file: SourceFile, field: ast.AnnAssign) -> Iterator[tuple[str, str]]:
    for each in _keywords(field):
        yield each.arg or "", f"{each.arg}={file.text_of(each.value)}" if each.arg else f"**{file.text_of(each.value)}"
