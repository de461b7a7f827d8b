"""Contracts as a whole: the order in which they can run, and names that they must not share."""

from __future__ import annotations

from collections.abc import Iterable

from esteira.contract import Dataset
from esteira.contract.titles import LANGUAGES
from esteira.errors import ConfigError

RESERVED_VIEWS = {"dictionary", "freshness", "history"}
"""Names of views that are Esteira's own."""


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
