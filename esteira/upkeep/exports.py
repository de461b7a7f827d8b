"""Which exports may leave the lake: versions that grew old, and what died on its way to one. Pure, as `esteira.upkeep`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from esteira.lake.layout import VERSION_NAME, export_prefix
from esteira.lake.sweep import Stored

EXPORT_AGE = timedelta(days=30)
KEPT_VERSIONS = 3
"""Of a table that is loaded once a year the last few stay, however old."""


@dataclass(frozen=True, slots=True)
class ExportPolicy:
    """What counts as old.

    Attributes:
        age: Of a complete version.
        versions: So many of the newest complete ones stay whatever their age.
        dead_age: Of objects that no version names: files of a person's own, and of processes that died.
    """

    age: timedelta = EXPORT_AGE
    versions: int = KEPT_VERSIONS
    dead_age: timedelta = timedelta(days=7)


def old_exports(
    dataset: str, stored: Iterable[Stored], latest: str | None, policy: ExportPolicy, as_of: datetime
) -> list[Stored]:
    """What may go, each version's note first: without it nobody takes the version for a whole one.

    Args:
        dataset: Its name.
        stored: All that lies below its exports.
        latest: The version that `latest` names; it stays, and so does what stands under names that do not change.
        policy: What counts as old.
        as_of: The run's moment.
    """
    by_version = _by_version(dataset, stored)
    complete = sorted(version for version, objects in by_version.items() if any(map(_is_note, objects)))
    kept = {latest, *(complete[-policy.versions :] if policy.versions else ())}
    going = [
        each
        for version, objects in by_version.items()
        for each in _going(objects, policy, as_of, is_kept=version in kept, is_complete=version in complete)
    ]
    return sorted(going, key=lambda each: (not _is_note(each), each.key))


def _going(
    objects: list[Stored], policy: ExportPolicy, as_of: datetime, *, is_kept: bool, is_complete: bool
) -> Iterator[Stored]:
    """A version goes as a whole, when its youngest object is old: it may be on its way."""
    youngest = max(each.modified_at for each in objects)
    limit = policy.age if is_complete else policy.dead_age
    if not is_kept and youngest <= as_of - limit:
        yield from objects


def _by_version(dataset: str, stored: Iterable[Stored]) -> dict[str, list[Stored]]:
    found: dict[str, list[Stored]] = defaultdict(list)
    for each in stored:
        version, _, rest = each.key.removeprefix(export_prefix(dataset)).partition("/")
        if rest and version[:1].isdigit():
            found[version].append(each)
    return dict(found)


def _is_note(each: Stored) -> bool:
    return each.key.endswith(f"/{VERSION_NAME}")
