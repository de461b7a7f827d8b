"""What a packed file seems to be inside: the encoding of its text, by its first megabyte. Nothing is unpacked further than that."""

from __future__ import annotations

import codecs
import gzip
import zipfile
import zlib
from pathlib import Path

HEAD_BYTES = 1024 * 1024
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8"))


def packed_encoding(path: Path) -> str:
    """The encoding of the packed text: by its byte order mark; else UTF-8, or cp1252, which Excel writes, where it is not valid UTF-8."""
    head = _head(path)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _head(path: Path) -> bytes:
    """The first megabyte of the packed text; empty where it cannot be unpacked, which the reader of the file reports."""
    try:
        if path.name.lower().endswith(".gz"):
            with gzip.open(path) as packed:
                return packed.read(HEAD_BYTES)
        if path.name.lower().endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                members = [each for each in archive.infolist() if not each.is_dir()]
                return archive.open(members[0]).read(HEAD_BYTES) if len(members) == 1 else b""
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return b""
    return b""
