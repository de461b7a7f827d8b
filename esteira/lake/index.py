"""Where the pages of a raw part are: in the seal; or, where there are very many small ones, behind the pages in the part itself.

A source that is asked once for each row of another has as many pages as that has rows. Their places would make seals and checkpoints of a
hundred megabytes, so the seal says only how long the index is, and the part's own hash covers it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pyarrow as pa

from esteira.lake.seal import PagePointer, Part

HEAD = '{"esteira_pages":'
"""How an index begins: no portal's page does."""


class _Index(msgspec.Struct):
    esteira_pages: tuple[PagePointer, ...]


def folded(pages: Sequence[PagePointer]) -> tuple[tuple[PagePointer, ...], bytes]:
    """One pointer for all pages, and the index to store behind them."""
    index = pa.Codec("zstd").compress(msgspec.json.encode(_Index(tuple(pages))), asbytes=True)
    size, rows = sum(page.size_bytes for page in pages), sum(page.rows for page in pages)
    return (PagePointer(pages[0].number, size, rows, index_bytes=len(index)),), index


def pages_of(part: Part, content: bytes) -> tuple[PagePointer, ...]:
    """The pages of a raw part, in order."""
    size = _index_bytes(part)
    if not size:
        return part.pages
    text = pa.input_stream(pa.BufferReader(content[-size:]), compression="zstd").read()
    return msgspec.json.decode(text, type=_Index).esteira_pages


def raw_text(part: Part, content: bytes) -> memoryview:
    """The pages of a raw part, one behind the other, as the portal sent them."""
    size, index = sum(page.size_bytes for page in part.pages), _index_bytes(part)
    packed = content[:-index] if index else content
    return memoryview(pa.Codec("zstd").decompress(packed, decompressed_size=size))


def _index_bytes(part: Part) -> int:
    return part.pages[0].index_bytes if part.pages else 0
