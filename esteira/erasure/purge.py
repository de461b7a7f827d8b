"""What is deleted so that nothing in the lake holds the rows any more, and the tombstones beside it.

Of a batch that held the key everything goes but what stands now: replaced generations, dead attempts, checkpoints, manifests; seals stay.
Of the dataset all old versions go, since nobody looks into them, all exports, and profiles of parts that are gone. Quality pages of the batches go too,
and the latest page: they show values, and are made again from what stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from esteira.erasure.standing import Standing
from esteira.lake import Layout, Seal, Tombstone
from esteira.lake.layout import PROFILE_NAME, REPORTS, Zone, batch_of_page
from esteira.lake.sweep import Survey, Version


def doomed_keys(survey: Survey, standings: Mapping[str, Standing], replaced: Collection[str] = ()) -> frozenset[str]:
    """The objects of these batches that do not stand.

    Args:
        survey: What lies in the lake.
        standings: The batches that held the key.
        replaced: Batches of which nothing that stands now will stand then: a dry run's.
    """
    kept = {key for batch, each in standings.items() if batch not in replaced for key in each.kept}
    places = ((each.key, each.place) for each in survey.stored)
    return frozenset(
        key for key, place in places if place and place.batch in standings and not place.is_seal and key not in kept
    )


def lost_profiles(standings: Mapping[str, Standing], lost: Collection[str]) -> frozenset[str]:
    """The profiles of these batches that still stand though the parts are gone."""
    seals = (standings[batch].curated for batch in lost if batch in standings)
    return frozenset(seal.profile.key for seal in seals if seal and seal.profile)


def doomed_pages(versions: Iterable[Version], batches: Collection[str]) -> frozenset[str]:
    """The quality pages that show values of these batches, or may."""
    keys = {each.key for each in versions if each.key.startswith(REPORTS)}
    return frozenset(key for key in keys if batches and batch_of_page(key) in {None, *batches})


def doomed_versions(versions: Iterable[Version], doomed: Collection[str]) -> list[Version]:
    """Versions in the order of deletion: old ones first, since deleting a newer one would bring an older one back.

    Pages go before parts, by which a second search would find the batch again. Checkpoints and profiles go before parts too: a checkpoint that
    outlived them would let an extraction resume without them, and only parts are searched, so nothing would lead to a profile that did.
    """
    chosen = [each for each in versions if not each.is_kept_for_ever and _goes(each, doomed)]
    return sorted(chosen, key=_order)


def _order(version: Version) -> tuple[bool, bool, bool, datetime, str]:
    key = version.key
    return version.is_latest, not key.startswith(REPORTS), not _is_beside_parts(key), version.modified_at, key


def _is_beside_parts(key: str) -> bool:
    return "/checkpoint-" in key or key.endswith(f"/{PROFILE_NAME}")


def _goes(version: Version, doomed: Collection[str]) -> bool:
    is_old = not version.is_latest or version.is_marker
    return is_old or version.key in doomed or version.key.startswith("export/")


def tombstones(
    survey: Survey, standings: Mapping[str, Standing], doomed: Collection[str], request: str, at: datetime
) -> Iterator[tuple[Zone, Layout, Tombstone]]:
    """One for each sealed generation whose parts go."""
    for key, seal in survey.seals.items():
        zone: Zone = "raw" if key.startswith("raw/") else "curated"
        going = [part for part in (*seal.parts, *seal.quarantine) if part.key in doomed]
        if seal.batch in standings and going:
            replaced_by = _successor(zone, standings[seal.batch])
            stone = Tombstone(at, request, replaced_by, len(going))
            yield zone, Layout(seal.dataset, seal.batch, seal.generation), stone


def _successor(zone: Zone, standing: Standing) -> int:
    """The generation that took a seal's place; a batch that is not in the table goes on from its raw parts, under their number."""
    stands: Seal | None = (standing.curated if zone == "curated" else None) or standing.raw
    return stands.generation if stands else 0
