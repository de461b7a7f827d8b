"""Raw parts without a person's records, sealed as a new generation."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import pyarrow as pa

from esteira.contract import Dataset
from esteira.curate import raw_pages
from esteira.errors import SealConflict
from esteira.lake import Lake, Layout, PagePointer, Part, Seal
from esteira.portal import without_records


def rewrite(
    dataset: Dataset, raw: Seal, generation: int, positions: Collection[int], texts: Collection[str], lake: Lake
) -> Seal:
    """Store the parts of a raw seal again without the records at these positions, and seal them.

    Args:
        dataset: The contract.
        raw: The seal that stands.
        generation: The number of the new one.
        positions: Positions in the batch.
        texts: Values that the pages' envelopes may not keep either.
        lake: Where to.

    Raises:
        SealConflict: Another run took the number.
    """
    layout, attempt = Layout(dataset.name, raw.batch, generation), lake.new_attempt()
    parts: list[Part] = []
    for number, part in enumerate(raw.parts, 1):
        pages = _pages(dataset, part, positions, texts, lake)
        parts.append(_store(layout.part("raw", attempt, number), pages, sum(each.rows for each in parts), lake))
    facts = {"dataset": dataset.name, "attempt": attempt, "parts": tuple(parts), "generation": generation}
    counts = {"extracted": raw.extracted - len(positions), "erased": raw.erased + len(positions)}
    made = msgspec.structs.replace(raw, **facts, **counts)
    if lake.put_seal("raw", made) != made:
        raise SealConflict(
            f"Generation {generation} was sealed by another run meanwhile.",
            dataset=dataset.name,
            batch=raw.batch,
            hint="Nothing was deleted. Wait for the other run, then give the same command again.",
        )
    return made


Page = tuple[PagePointer, bytes]


def _pages(dataset: Dataset, part: Part, positions: Collection[int], texts: Collection[str], lake: Lake) -> list[Page]:
    pages, first = [], part.first_row
    for pointer, body in zip(part.pages, raw_pages(lake.read_part(part), part), strict=True):
        gone = {position - first for position in positions if first <= position < first + pointer.rows}
        made = without_records(body, dataset.source, gone, texts)
        pages.append((PagePointer(pointer.number, len(made), pointer.rows - len(gone)), made))
        first += pointer.rows
    return pages


def _store(key: str, pages: list[Page], first_row: int, lake: Lake) -> Part:
    content = pa.Codec("zstd").compress(b"".join(body for _, body in pages), asbytes=True)
    pointers = tuple(pointer for pointer, _ in pages)
    rows = sum(pointer.rows for pointer in pointers)
    return lake.put_part(key, content, rows=rows, pages=pointers, first_row=first_row)
