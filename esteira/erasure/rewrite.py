"""Raw parts without a person's records, sealed as a new generation."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import pyarrow as pa

from esteira.contract import Dataset
from esteira.lake import Lake, Layout, PagePointer, Part, Seal
from esteira.lake.index import folded, pages_of
from esteira.lake.taken import taken_by
from esteira.portal import without_records
from esteira.raw import raw_pages

Page = tuple[PagePointer, bytes]


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
        is_folded = any(pointer.index_bytes for pointer in part.pages)
        key, first_row = layout.part("raw", attempt, number), sum(each.rows for each in parts)
        parts.append(_store(key, pages, lake, first_row=first_row, is_folded=is_folded))
    facts = {"dataset": dataset.name, "attempt": attempt, "parts": tuple(parts), "generation": generation}
    counts = {"extracted": raw.extracted - len(positions), "erased": raw.erased + len(positions)}
    made = msgspec.structs.replace(raw, **facts, **counts)
    found = lake.put_seal("raw", made)
    if found != made:
        raise taken_by(found)
    return made


def _pages(dataset: Dataset, part: Part, positions: Collection[int], texts: Collection[str], lake: Lake) -> list[Page]:
    pages, first = [], part.first_row
    content = lake.read_part(part)
    for pointer, body in zip(pages_of(part, content), raw_pages(content, part), strict=True):
        gone = {position - first for position in positions if first <= position < first + pointer.rows}
        # What stands on the page before too goes from here: it may be one of the very records.
        own = [at for at in range(pointer.rows + len(pointer.repeated)) if at not in pointer.repeated]
        made = without_records(body, dataset.api, {*pointer.repeated, *(own[position] for position in gone)}, texts)
        kept = {"size_bytes": len(made), "rows": pointer.rows - len(gone), "repeated": ()}
        pages.append((msgspec.structs.replace(pointer, **kept), made))
        first += pointer.rows
    return pages


def _store(key: str, pages: list[Page], lake: Lake, *, first_row: int, is_folded: bool) -> Part:
    content = pa.Codec("zstd").compress(b"".join(body for _, body in pages), asbytes=True)
    pointers: tuple[PagePointer, ...] = tuple(pointer for pointer, _ in pages)
    rows, index = sum(pointer.rows for pointer in pointers), b""
    if is_folded:
        pointers, index = folded(pointers)
    return lake.put_part(key, content + index, rows=rows, pages=pointers, first_row=first_row)
