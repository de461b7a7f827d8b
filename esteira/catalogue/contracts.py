"""Contracts by name, and groups of them, from a folder: the project's `datasets/` or a company's own."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from esteira.catalogue.definitions import Kind, files_of, read_definition
from esteira.catalogue.order import in_order
from esteira.contract import Dataset, Group
from esteira.contract.dataset import Cadence
from esteira.errors import ConfigError

GROUPS = "groups"
"""Folder beside the contracts with a file for each group."""
_CONTRACT = Kind(Dataset, "DATASET", "Dataset(name={name!r}, ...)", "_esteira_datasets", "a contract")
_GROUP = Kind(Group, "GROUP", "Group(name={name!r}, ...)", "_esteira_groups", "a group")


@lru_cache(maxsize=8)
def load_catalogue(folder: Path) -> dict[str, Dataset]:
    """All contracts of a folder, by name, in the order in which they can run: referenced tables first.

    Raises:
        ConfigError: The folder, a file or a reference is wrong; names it.
    """
    files = files_of(folder)
    if not files:
        raise ConfigError(
            f"{folder} holds no contract file.",
            hint="Give the folder of your contracts with --datasets DIR or ESTEIRA_DATASETS.",
        )
    return in_order([read_definition(path, _CONTRACT) for path in files])


@lru_cache(maxsize=8)
def load_groups(folder: Path) -> tuple[Group, ...]:
    """The groups of a folder's contracts; none without the folder `groups`.

    Raises:
        ConfigError: A file is wrong, or a group names what is no contract.
    """
    files = files_of(folder / GROUPS)
    known = load_catalogue(folder) if files else {}
    groups = tuple(read_definition(path, _GROUP) for path in files)
    for group in groups:
        if missing := sorted(set(group.of) - set(known)):
            raise ConfigError(
                f"Group {group.name} names {', '.join(missing)}, of which there is no contract.", hint="Correct `of`."
            )
    return groups


def find_dataset(folder: Path, name: str) -> Dataset:
    """One contract.

    Raises:
        ConfigError: There is none of this name; lists those that are.
    """
    catalogue = load_catalogue(folder)
    if name not in catalogue:
        raise ConfigError(
            f"There is no dataset {name!r}; {folder} has {', '.join(sorted(catalogue))}.", hint="Correct the name."
        )
    return catalogue[name]


def of_cadence(catalogue: dict[str, Dataset], cadence: Cadence) -> list[Dataset]:
    """The datasets of a cadence that are not retired, referenced tables first."""
    return [dataset for dataset in active(catalogue) if dataset.cadence == cadence]


def active(catalogue: dict[str, Dataset]) -> list[Dataset]:
    """The datasets that are not retired, referenced tables first."""
    return [dataset for dataset in catalogue.values() if not dataset.retired]
