"""XML of other people, streamed: never a document type, never an entity."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Protocol
from xml.parsers.expat import ExpatError, ParserCreate

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from esteira.spreadsheet.failure import failed

CHUNK_BYTES = 1024 * 1024
TAIL_BYTES = 64 * 1024
"""What of a chunk is looked at with the next one too: longer than what a search looks for."""
_SMALL_BYTES = 64 * 1024 * 1024
_ENCODING = re.compile(
    rb"""^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*\bencoding\s*=\s*["'](?!utf-8["']|us-ascii["'])""", re.IGNORECASE
)


def small_xml(archive: zipfile.ZipFile, member: str, name: str) -> Any:
    """The root of a member that is never large.

    Raises:
        SpreadsheetError: It is no XML, too large, or has a document type.
    """
    try:
        if archive.getinfo(member).file_size > _SMALL_BYTES:
            raise failed(name, f"{member} is larger than any workbook needs it.")
        return fromstring(archive.read(member), forbid_dtd=True)
    except (ParseError, zipfile.BadZipFile, zlib.error, KeyError) as exc:
        raise _damaged(name, member) from exc
    except DefusedXmlException as exc:
        raise _hostile(name, member) from exc


def chunks_of(archive: zipfile.ZipFile, member: str, name: str) -> Iterator[bytes]:
    """The inflated bytes of a member; each chunk begins with the end of the one before it.

    Raises:
        SpreadsheetError: It is damaged.
    """
    tail = b""
    for chunk in _read(archive, member, name):
        yield tail + chunk
        tail = (tail + chunk)[-TAIL_BYTES:]


def is_plain(chunk: bytes, *, is_first: bool) -> bool:
    """Whether a search through bytes sees what a parser would: UTF-8, and no document type, comment or CDATA."""
    return b"<!" not in chunk and not (
        is_first and (chunk[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in chunk[:4] or _ENCODING.search(chunk[:400]))
    )


class Listener(Protocol):
    """Hears the elements of a member."""

    def attach(self, parser: Any) -> None:
        """Set those of a parser's handlers that it needs: https://docs.python.org/3/library/pyexpat.html#xmlparser-objects."""


def parse(archive: zipfile.ZipFile, member: str, name: str, listener: Listener) -> None:
    """Let somebody hear every element.

    Raises:
        SpreadsheetError: It is no XML, damaged, or has a document type.
    """
    parser = ParserCreate()
    parser.buffer_text = True
    listener.attach(parser)

    def refuse(*_: object) -> Any:
        raise _hostile(name, member)

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ExternalEntityRefHandler = refuse
    try:
        for chunk in _read(archive, member, name):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except ExpatError as exc:
        raise _damaged(name, member) from exc


@lru_cache(maxsize=1024)
def local(name: str) -> str:
    """An element's or attribute's name without its prefix or namespace."""
    return name.rpartition("}")[2].rpartition(":")[2]


def _read(archive: zipfile.ZipFile, member: str, name: str) -> Iterator[bytes]:
    try:
        with archive.open(member) as content:
            while chunk := content.read(CHUNK_BYTES):
                yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as exc:
        raise _damaged(name, member) from exc


def _damaged(name: str, member: str) -> Exception:
    return failed(
        name,
        f"{member} is missing or damaged inside the workbook.",
        "Open it in a spreadsheet program, repair and save it, and deliver it again.",
    )


def _hostile(name: str, member: str) -> Exception:
    return failed(
        name, f"{member} has a document type or an entity (DTD), which no spreadsheet program writes.",
        "Ask who made it; do not open it. Have it saved again by a spreadsheet program.",
    )  # fmt: skip
