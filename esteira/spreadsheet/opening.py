"""A file as it came into one that a reader may open: unpacked, of the format that it says, whole, and within the limits."""

from __future__ import annotations

import codecs
import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from esteira.contract import SpreadsheetSource
from esteira.contract.spreadsheet import Format
from esteira.spreadsheet.failure import failed
from esteira.spreadsheet.unpacking import COPY_AGAIN, encrypted, ending, unpacked

_ZIP, _OLE, _GZIP = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x1f\x8b"
_EMPTY_ZIP = b"PK\x05\x06"
DELIMITED = ("csv", "tsv", "txt")
_IN_ZIP = ("xlsx", "xlsm", "ods")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""Stream of an OLE container that holds an encrypted workbook: https://learn.microsoft.com/openspecs/office_file_formats/ms-offcrypto"""
_PAGES = (b"<!doctype html", b"<html", b"<table")
_PAGE, _TEXT = "a web page (HTML)", "delimited text"
_NO_TEXT = frozenset(range(9))
"""Bytes that stand in no text of one byte a letter or more."""
_MARKS = {
    "utf-8": codecs.BOM_UTF8, "utf-32": codecs.BOM_UTF32_LE, "utf-16": codecs.BOM_UTF16_LE, "utf-16 (big-endian)": codecs.BOM_UTF16_BE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that may be read.

    Attributes:
        path: On disk.
        name: As it came; a member of an archive behind it.
        format: What it is.
    """

    path: Path
    name: str
    format: Format


@contextmanager
def opened(path: Path, name: str, source: SpreadsheetSource) -> Iterator[Opened]:
    """Unpack a file into a folder that is removed afterwards.

    Raises:
        SpreadsheetError: It is empty, too large, cut off, encrypted, or not what its name says.
    """
    _check_size(path, name, source)
    with tempfile.TemporaryDirectory(prefix="esteira-file-") as folder:
        inner, inner_name = unpacked(path, name, source, Path(folder))
        kind = _format(inner_name, name, source)
        shown = name if inner_name == name else f"{name}/{inner_name}"
        check_content(inner, shown, kind, source)
        yield Opened(inner, shown, kind)


def check_content(path: Path, name: str, kind: Format, source: SpreadsheetSource) -> None:
    """Whether a file is what its name says.

    Raises:
        SpreadsheetError: It is something else, empty, encrypted or cut off.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise failed(name, "the file is empty (0 bytes).", COPY_AGAIN)
    if kind in _IN_ZIP:
        _check_zipped(path, name, kind, head)
    elif kind == "xls":
        _check_old(path, name, head)
    else:
        _check_text(name, head, source)


def _check_size(path: Path, name: str, source: SpreadsheetSource) -> None:
    size = path.stat().st_size
    if size == 0:
        raise failed(name, "the file is empty (0 bytes).", COPY_AGAIN)
    if size > source.limits.size_bytes:
        raise failed(
            name, f"{size:,} bytes are more than the limit of {source.limits.size_bytes:,} (size_bytes).",
            "Split the file, or raise Limits(size_bytes=...) in the contract.",
        )  # fmt: skip


def _format(inner: str, name: str, source: SpreadsheetSource) -> Format:
    kind = source.format or ending(inner)
    for known in get_args(Format):
        if kind == known:
            return known  # type: ignore[no-any-return]
    raise failed(
        name, f"its name ends in {ending(inner)!r}, which is none of {', '.join(get_args(Format))}.",
        "Save it in one of these formats, or say in the contract what it is: format='csv'.",
    )  # fmt: skip


def _check_zipped(path: Path, name: str, kind: Format, head: bytes) -> None:
    if head.startswith(_OLE):
        if _contains(path, _ENCRYPTED):
            raise encrypted(name)
        raise _other(name, kind, "an old Excel file (xls)")
    if not head.startswith((_ZIP, _EMPTY_ZIP)):
        raise _other(name, kind, _described(head))


def _check_old(path: Path, name: str, head: bytes) -> None:
    if head.startswith(_OLE):
        if _contains(path, _ENCRYPTED):
            raise encrypted(name)
        return
    if head.startswith(_ZIP):
        raise _other(name, "xls", "a newer workbook (xlsx or ods)")
    raise _other(name, "xls", _described(head))


def _check_text(name: str, head: bytes, source: SpreadsheetSource) -> None:
    for start, what in ((_ZIP, "a zip file or a workbook"), (_OLE, "an old Excel file (xls)"), (_GZIP, "a gzip file")):
        if head.startswith(start):
            raise _other(name, "delimited text", what)
    if head.lstrip(b"\xef\xbb\xbf\r\n\t ").lower().startswith(_PAGES):
        raise _other(name, "delimited text", _PAGE)
    declared = codecs.lookup(source.encoding).name
    mark = next((encoding for encoding, sign in _MARKS.items() if head.startswith(sign)), None)
    if mark is not None and not declared.startswith(mark[:6].strip()):
        raise failed(
            name, f"byte 0: its mark says {mark}, and the contract says encoding={source.encoding!r}.",
            f"Correct encoding= in the contract, or save the file as {source.encoding}.",
        )  # fmt: skip
    if b"\0" in head and not declared.startswith(("utf-16", "utf-32")):
        raise failed(
            name, f"byte {head.index(0)}: a zero byte, so it is no text in {source.encoding}.",
            "Correct encoding= in the contract (utf-16 has zero bytes), or save the file as text.",
        )  # fmt: skip


def _described(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf\r\n\t ").lower()
    if start.startswith(_PAGES):
        return _PAGE
    if start.startswith((b"<?xml", b"{", b"[", b"%pdf")):
        return "XML, JSON or PDF"
    if b"\n" in head and not set(head) & _NO_TEXT:
        return _TEXT
    return "no zip container: cut off at its start, or something else"


def _other(name: str, kind: str, found: str) -> Exception:
    return failed(
        name, f"it says that it is {kind}, and is {found}.",
        "Name it .csv; where it comes under this name, say format='csv' in the contract." if found == _TEXT
        else "Open it in a spreadsheet program, save it in the format that its name says, and deliver it again.",
    )  # fmt: skip


def _contains(path: Path, needle: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(needle) >= 0
