"""Archives: the one file in a gzip or zip, within the limits of its contract."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, get_args

from esteira.contract import SpreadsheetSource
from esteira.contract.spreadsheet import Format
from esteira.spreadsheet.failure import failed

COPY_AGAIN = "Copy it again from where it was made; it seems to have been taken before it was written to its end."
_CHUNK_BYTES = 1024 * 1024
_MAX_MEMBERS = 10_000


def unpacked(path: Path, name: str, source: SpreadsheetSource, folder: Path) -> tuple[Path, str]:
    """The file itself and its name: out of its archive, into a folder, where it is in one.

    Raises:
        SpreadsheetError: The archive is cut off, damaged or encrypted, too large, or holds no file or several.
    """
    lowered = name.lower()
    if lowered.endswith(".gz"):
        return _from_gzip(path, name, source, folder), name[:-3]
    if lowered.endswith(".zip"):
        return _from_zip(path, name, source, folder)
    return path, name


@contextmanager
def open_zip(path: Path, name: str, source: SpreadsheetSource) -> Iterator[zipfile.ZipFile]:
    """A zip whose members together stay within the limit.

    Raises:
        SpreadsheetError: It is cut off or damaged, encrypted, or would inflate beyond the limit.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, EOFError) as exc:
        raise failed(name, "the file is cut off or damaged: its zip container has no end.", COPY_AGAIN) from exc
    with archive:
        members = archive.infolist()
        if len(members) > _MAX_MEMBERS or sum(each.file_size for each in members) > source.limits.inflated_bytes:
            raise _too_large(name, source.limits.inflated_bytes)
        if len({each.filename.lower() for each in members}) < len(members):
            raise failed(
                name,
                "it is damaged: two of its members have one name, so that readers differ on what it holds.",
                COPY_AGAIN,
            )
        if any(each.flag_bits & 1 for each in members):
            raise encrypted(name)
        yield archive


def ending(name: str) -> str:
    """What stands behind the last dot of a name, in small letters."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def encrypted(name: str) -> Exception:
    """What is said of a file that only its password opens."""
    return failed(
        name, "it is protected by a password (encrypted).", "Save it without a password, and deliver it again."
    )


def _from_gzip(path: Path, name: str, source: SpreadsheetSource, folder: Path) -> Path:
    target = folder / "content"
    try:
        with gzip.open(path) as packed, target.open("wb") as out:
            _copy(packed, out, name, source)
    except (EOFError, zlib.error) as exc:
        raise failed(name, "the gzip file is cut off or damaged.", COPY_AGAIN) from exc
    except gzip.BadGzipFile as exc:
        raise failed(
            name, "it is named .gz and is no gzip file, or is damaged.", "Rename it, or pack it again."
        ) from exc
    return target


def _from_zip(path: Path, name: str, source: SpreadsheetSource, folder: Path) -> tuple[Path, str]:
    target = folder / "content"
    with open_zip(path, name, source) as archive:
        member = _member(archive, name, source)
        with archive.open(member) as packed, target.open("wb") as out:
            try:
                _copy(packed, out, name, source)
            except (zipfile.BadZipFile, zlib.error, EOFError) as exc:
                raise failed(f"{name}/{member.filename}", "it is damaged inside the archive.", COPY_AGAIN) from exc
    return target, Path(member.filename).name


def _copy(packed: IO[bytes] | gzip.GzipFile, out: IO[bytes], name: str, source: SpreadsheetSource) -> None:
    limit, size = source.limits.inflated_bytes, 0
    while chunk := packed.read(_CHUNK_BYTES):
        size += len(chunk)
        if size > limit:
            raise _too_large(name, limit)
        out.write(chunk)


def _member(archive: zipfile.ZipFile, name: str, source: SpreadsheetSource) -> zipfile.ZipInfo:
    files = [each for each in archive.infolist() if not each.is_dir() and not each.filename.startswith("__MACOSX/")]
    pattern = (source.member or "*").casefold()
    found = [each for each in files if fnmatchcase(each.filename.casefold(), pattern)]
    if source.member is None:
        found = [each for each in found if ending(each.filename) in get_args(Format)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(sorted(each.filename for each in files)[:10]) or "nothing"
    wanted = f"match member={source.member!r}" if source.member else "are tables"
    raise failed(
        name,
        f"{len(found)} files in the archive {wanted}, and one is needed; it holds {listed}.",
        "Say in the contract which one, such as member='2024/*.csv', or pack one file; `esteira new` drafts from the unpacked file.",
    )


def _too_large(name: str, limit: int) -> Exception:
    return failed(
        name, f"unpacked it is larger than the limit of {limit:,} bytes (inflated_bytes), or it has more than {_MAX_MEMBERS:,} members.",
        "Split the file, or raise Limits(inflated_bytes=...) in the contract if it is what you expect.",
    )  # fmt: skip
