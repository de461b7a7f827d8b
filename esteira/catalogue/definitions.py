"""Python files that people write with one definition each: contracts, groups of them, BI assets. Finds them and reads them."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Generic, Protocol, TypeVar

from esteira.errors import ConfigError, EsteiraError

_HIDDEN = "A column has the name of something that the file imports, and hides it from the columns after it: import that under another name."


class Named(Protocol):
    """What a file defines."""

    @property
    def name(self) -> str:
        """The file's name without its ending."""


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of definition.

    Attributes:
        type: Its class.
        constant: The name that the definition has in its file.
        example: How the constructor is called; `{name!r}` stands for the file's name.
        package: Python's name for all files of the kind.
        what: What people call it.
    """

    type: type[T]
    constant: str
    example: str
    package: str
    what: str


def files_of(folder: Path) -> list[Path]:
    """The files of a folder that hold definitions; one whose name begins with `_` is left out, and so is a folder that there is not."""
    return sorted(folder.glob("[!_]*.py"))


def read_definition(path: Path, kind: Kind[T]) -> T:
    """The definition in a file, which bears the file's name.

    Raises:
        ConfigError: The file cannot be read, or defines something else.
    """
    found = getattr(_module(path, kind.package, kind.what), kind.constant, None)
    if not isinstance(found, kind.type) or found.name != path.stem:
        example = kind.example.format(name=path.stem)
        raise ConfigError(f"{path} does not define {kind.constant} = {example}.", dataset=path.stem)
    return found


def _module(path: Path, package: str, what: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{package}.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is no Python file.", dataset=path.stem)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # pandera resolves a model's annotations through its module
    try:
        spec.loader.exec_module(module)
    except EsteiraError as exc:
        raise exc.located(dataset=path.stem) from exc.__cause__
    except Exception as exc:
        raise ConfigError(
            f"{path} cannot be read as {what}: {type(exc).__name__}: {exc}.",
            dataset=path.stem,
            hint=_HIDDEN if "'FieldInfo' object" in str(exc) else None,
        ) from exc
    return module
