"""A sealed raw batch curated part by part, by whoever has a processor to spare: each part is a pure function of its bytes, the contract and the code.

Owns what travels there and back. Who works, how many at once, and what becomes of one that dies is the caller's (`tasks.parts`).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from esteira.contract import Dataset
from esteira.curation import Curation, Records, Stage, feed_pages
from esteira.errors import ConfigError, EsteiraError
from esteira.gathered import CuratedParts, Gathered
from esteira.in_order import AtOnce
from esteira.lake import Lake, Layout, Part, Seal
from esteira.raw import contents, received_pages

_MADE_WITH = ("esteira", "pyarrow", "pandas", "pandera")
"""Other versions of these could make other bytes of the same part, or judge its rows otherwise."""


MAX_TOGETHER = 4
"""Parts that a worker is asked for at a time: what a task costs is then little beside them, and what a dead worker costs is seconds."""


@dataclass(frozen=True, slots=True)
class PartWork:
    """Some raw parts to curate, one by one: where they lie and what they must be, not what is in them.

    Attributes:
        layout: The generation that they become parts of.
        number: Of the first one; counts from 1 in the batch.
        parts: The raw parts: keys, hashes, pages.
        made_with: What the run has of contracts and code: see `made_with`.
    """

    layout: Layout
    number: int
    parts: tuple[Part, ...]
    made_with: str

    @property
    def named(self) -> str:
        """Its parts, in words."""
        return (
            f"part {self.number}"
            if len(self.parts) == 1
            else f"parts {self.number} to {self.number + len(self.parts) - 1}"
        )


def can_be_shared(raw: Seal, ahead: CuratedParts | None) -> bool:
    """Whether a batch is of several parts, and not curated already while it was extracted. A file is read as a whole."""
    return raw.provenance.file is None and len(raw.parts) > 1 and (ahead is None or ahead.raw != raw.parts)


def parts_to_curate(raw: Seal, generation: int, workers: int, lake: Lake, folder: Path) -> tuple[PartWork, ...]:
    """The parts of a batch, in pieces of work; none where its curated seal stands already. How they are cut changes nothing that is stored.

    Args:
        raw: The raw seal.
        generation: Which loading of the batch.
        workers: How many share the work.
        lake: Where the seals are.
        folder: The contracts'.

    Raises:
        SealConflict: A seal that stands cannot be read.
    """
    generation, sealed = lake.find_standing("curated", raw.dataset, raw.batch, generation)
    if sealed:
        return ()
    layout, used = Layout(raw.dataset, raw.batch, generation), made_with(folder)
    return tuple(
        PartWork(layout, start + 1, raw.parts[start:stop], used) for start, stop in _pieces(len(raw.parts), workers)
    )


def _pieces(parts: int, workers: int) -> Iterator[tuple[int, int]]:
    """Large ones first, and at the end one by one, so that all workers end together."""
    start = 0
    while start < parts:
        stop = start + min(MAX_TOGETHER, max((parts - start) // (2 * workers), 1))
        yield start, stop
        start = stop


def curate_parts(work: PartWork, dataset: Dataset, lake: Lake, stage: Stage = AtOnce) -> Gathered:
    """Curate raw parts, each into curated and quarantine parts of an attempt of its own, so that nothing is ever overwritten, however often it is tried.

    Args:
        work: Which parts.
        dataset: The contract.
        lake: Where the parts are.
        stage: How the stages of a part work.

    Raises:
        ContractError, DataQualityError: As `curate`.
        SealConflict: A raw part is not what was sealed.
    """
    try:
        numbered = enumerate(contents(work.parts, lake), start=work.number)
        return put_together(
            _fed(
                Curation(dataset, work.layout, lake, stage=stage, first_row=part.first_row, first_part=number),
                received_pages(content, part, dataset.api),
            )
            for number, (part, content) in numbered
        )
    except EsteiraError as exc:
        raise exc.located(dataset=work.layout.dataset, batch=work.layout.batch) from exc.__cause__


def _fed(curation: Curation, pages: Iterable[tuple[Records, int]]) -> Gathered:
    try:
        feed_pages(curation, pages)
        return curation.gathered()
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
