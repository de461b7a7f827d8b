"""A sealed raw batch curated part by part, by whoever has a processor to spare: each part is a pure function of its bytes, the contract and the code.

Owns what travels there and back. Who works, how many at once, and what becomes of one that dies is the caller's (`tasks.parts`).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from esteira.contract import Dataset
from esteira.curate import Curation, feed_pages
from esteira.errors import ConfigError, EsteiraError
from esteira.gathered import CuratedParts, Gathered
from esteira.in_order import AtOnce
from esteira.lake import Lake, Layout, Part, Seal

_MADE_WITH = ("esteira", "pyarrow", "pandas", "pandera")
"""Other versions of these could make other bytes of the same part, or judge its rows otherwise."""


@dataclass(frozen=True, slots=True)
class PartWork:
    """One raw part to curate: where it lies and what it must be, not what is in it.

    Attributes:
        layout: The generation that it becomes a part of.
        number: Counts from 1 in the batch.
        part: The raw part: key, hash, pages.
        made_with: What the run has of contracts and code: see `made_with`.
    """

    layout: Layout
    number: int
    part: Part
    made_with: str


def can_be_shared(raw: Seal, ahead: CuratedParts | None) -> bool:
    """Whether a batch is of several parts, and not curated already while it was extracted. A file is read as a whole."""
    return raw.provenance.file is None and len(raw.parts) > 1 and (ahead is None or ahead.raw != raw.parts)


def parts_to_curate(raw: Seal, generation: int, lake: Lake, folder: Path) -> tuple[PartWork, ...]:
    """The parts of a batch; none where its curated seal stands already.

    Args:
        raw: The raw seal.
        generation: Which loading of the batch.
        lake: Where the seals are.
        folder: The contracts'.

    Raises:
        SealConflict: A seal that stands cannot be read.
    """
    generation, sealed = lake.find_standing("curated", raw.dataset, raw.batch, generation)
    if sealed:
        return ()
    layout, used = Layout(raw.dataset, raw.batch, generation), made_with(folder)
    return tuple(PartWork(layout, number, part, used) for number, part in enumerate(raw.parts, start=1))


def curate_part(work: PartWork, dataset: Dataset, lake: Lake) -> Gathered:
    """Curate one raw part into curated and quarantine parts of an attempt of its own, so that nothing is ever overwritten, however often it is tried.

    Args:
        work: Which part.
        dataset: The contract.
        lake: Where the parts are.

    Raises:
        ContractError, DataQualityError: As `curate`.
        SealConflict: The raw part is not what was sealed.
    """
    place = {"first_row": work.part.first_row, "first_part": work.number}
    curation = Curation(dataset, work.layout, lake, stage=AtOnce, **place)
    try:
        feed_pages(curation, dataset, (work.part,), lake)
        return curation.gathered()
    except EsteiraError as exc:
        curation.abort()
        raise exc.located(dataset=work.layout.dataset, batch=work.layout.batch) from exc.__cause__
    except BaseException:
        curation.abort()
        raise


def put_together(found: Iterable[Gathered]) -> Gathered:
    """What all parts came to, given in their order; each is taken when it is there, so that they need not all be kept."""
    each = iter(found)
    whole = next(each)
    for following in each:
        whole.add(following)
    return whole


@lru_cache(maxsize=8)
def made_with(folder: Path) -> str:
    """What decides how rows are judged and written: versions, and a hash of the contracts' files. As this process loaded them: asked for once."""
    files = sorted(folder.rglob("*.py"))
    told = hashlib.sha256()
    for path in files:
        told.update(path.relative_to(folder).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    versions = (f"{name} {importlib.metadata.version(name)}" for name in _MADE_WITH)
    return f"{', '.join(versions)}, contracts {told.hexdigest()[:12]}"


def require_same(work: PartWork, folder: Path) -> None:
    """Refuse to curate with other contracts or code than the run has.

    Raises:
        ConfigError: They differ; says how.
    """
    ours = made_with(folder)
    if ours != work.made_with:
        raise ConfigError(
            f"A worker has {ours}; the run has {work.made_with}.",
            dataset=work.layout.dataset,
            batch=work.layout.batch,
            hint="Start the workers again, from the run's own image and with its ESTEIRA_DATASETS.",
        )
