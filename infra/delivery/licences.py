"""Under which licences the packages of a lock are, told by the packages themselves where they are installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata

ELSEWHERE = "not installed here: for another system or Python"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
_STRONG = re.compile(r"(?<![A-Z])A?GPL|Affero|GNU General Public", re.IGNORECASE)
"""The LGPL is another matter: it asks nothing of a program that imports a library as it is."""


@dataclass(frozen=True, slots=True)
class Licence:
    """One package.

    Attributes:
        name, version: As the lock has them.
        choices: Its licences; whoever uses it takes one of them.
    """

    name: str
    version: str
    choices: tuple[str, ...]

    @property
    def is_refused(self) -> bool:
        """Whether each choice would ask us to give our own code away under it, or nothing is said at all."""
        return not self.choices or all(_STRONG.search(each) for each in self.choices)


def licences(lock: str) -> list[Licence]:
    """The packages of a lock file's text, by name."""
    return [Licence(name, version, _choices(name)) for name, version in sorted(_PINNED.findall(lock))]


def lines(found: list[Licence]) -> Iterator[str]:
    """The list for people; what is refused says so."""
    for each in found:
        verdict = "  <- refused" if each.is_refused else ""
        yield f"{each.name:32} {each.version:16} {' or '.join(each.choices) or 'says nothing'}{verdict}"


def _choices(name: str) -> tuple[str, ...]:
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return (ELSEWHERE,)
    return tuple(_said(said))


def _said(said: PackageMetadata) -> list[str]:
    """The expression of PEP 639, else the classifiers, else the first line of the old field."""
    if "License-Expression" in said:
        return [each.strip(" ()") for each in said["License-Expression"].split(" OR ")]
    prefix = "License :: "
    listed = [each for each in said.get_all("Classifier") or [] if each.startswith(prefix)]
    named = [each.rpartition(" :: ")[2] for each in listed if each != "License :: OSI Approved"]
    free = (said.get_all("License") or [""])[0].strip().partition("\n")[0]
    return named or ([free] if free else [])
