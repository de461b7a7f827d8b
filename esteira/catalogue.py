"""Contracts by name, and groups of them, from a folder: the project's `datasets/` or a company's own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from esteira.contract import Dataset, Group
from esteira.contract.dataset import Cadence
from esteira.contract.titles import LANGUAGES
from esteira.definitions import Kind, files_of, read_definition
from esteira.errors import ConfigError

GROUPS = "groups"
"""Folder beside the contracts with a file for each group."""
RESERVED_VIEWS = {"dictionary", "freshness", "history"}
"""Names of views that are Esteira's own."""
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


def in_order(datasets: Iterable[Dataset]) -> dict[str, Dataset]:
    """Datasets by name, each after those that it refers to.

    Raises:
        ConfigError: A reference names no dataset, no column of it, or comes back to itself; or a former name is in use.
    """
    by_name = {dataset.name: dataset for dataset in datasets}
    _check_former_names(by_name)
    _check_views(by_name)
    done: dict[str, Dataset] = {}
    for name in by_name:
        _visit(name, by_name, done, ())
    return done


def _check_former_names(by_name: dict[str, Dataset]) -> None:
    """A name is not used again: its prefix of the lake still holds what was sealed under it."""
    taken = dict.fromkeys(by_name, "a contract's name")
    for dataset in by_name.values():
        for former in dataset.formerly:
            if former in taken:
                raise ConfigError(
                    f"{former!r} is the former name of {dataset.name}, and {taken[former]}.",
                    dataset=dataset.name,
                    hint="Give one of them another name: what was sealed under a name stays under it.",
                )
            taken[former] = f"that of {dataset.name}"


def _check_views(by_name: dict[str, Dataset]) -> None:
    """Views of one language stand in one schema, beside the dictionary and the freshness."""
    for language in LANGUAGES:
        taken = dict.fromkeys(RESERVED_VIEWS, "Esteira")
        for dataset in by_name.values():
            view = dataset.views[language]
            owner = taken.setdefault(view, dataset.name)
            if owner != dataset.name or view in RESERVED_VIEWS:
                raise ConfigError(
                    f"Its view in {language} would be {view!r}, which is the name of one of {owner}.",
                    dataset=dataset.name,
                    hint='Give it another title={"en": "...", "pt": "..."}.',
                )


def _visit(name: str, by_name: dict[str, Dataset], done: dict[str, Dataset], path: tuple[str, ...]) -> None:
    if name in done:
        return
    if name in path:
        raise ConfigError(f"References go in a circle: {' → '.join((*path, name))}.", dataset=name)
    source = by_name[name].source
    if source.parent is not None:
        _check_parent(by_name[name], by_name.get(source.parent.dataset))
        _visit(source.parent.dataset, by_name, done, (*path, name))
    for reference in by_name[name].quality.references:
        parent, column = reference.target
        if parent not in by_name or column not in by_name[parent].column_names:
            raise ConfigError(
                f"Reference({reference.column!r}, to={reference.to!r}) names no column of a contract.", dataset=name
            )
        if parent != name:
            _visit(parent, by_name, done, (*path, name))
    done[name] = by_name[name]


def _check_parent(dataset: Dataset, parent: Dataset | None) -> None:
    wanted = dataset.source.parent_columns
    missing = [name for name in wanted if parent is None or name not in parent.column_names]
    if parent is None or missing:
        named = dataset.source.parent.dataset if dataset.source.parent else ""
        what = f"has no column {', '.join(missing)}" if parent else "is no contract"
        raise ConfigError(f"Parent({named!r}): {named} {what}.", dataset=dataset.name, hint="Correct the name.")
