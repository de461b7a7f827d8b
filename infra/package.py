"""The functions and state machines as one archive, whose key is the hash of what is in it.

Pure: a folder in, bytes out, the same bytes wherever and whenever. `python -m infra.deploy` uploads them.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

INFRA = Path(__file__).resolve().parent
HANDLERS, MACHINES = "handlers", "state_machines"
_SUFFIXES = frozenset({".py", ".json"})
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""What a zip archive can say at least; a file's own time would make other bytes of the same content."""
_READABLE = 0o644 << 16
"""By everybody: Lambda runs as a user of its own."""


@dataclass(frozen=True, slots=True)
class Code:
    """What is uploaded, and what templates are told.

    Attributes:
        key: `CodeKey` of the templates.
        objects: Keys to contents: the archive, and each state machine beside it as `<key without .zip>/<name>.asl.json`.
    """

    key: str
    objects: Mapping[str, bytes]


def package(folder: Path = INFRA) -> Code:
    """Pack the functions; the archive holds the state machines too, so that its hash changes with them.

    Args:
        folder: Where `handlers/` and `state_machines/` are.
    """
    archive = _zipped(folder)
    stem = f"code/{sha256(archive).hexdigest()}"
    machines = {f"{stem}/{path.name}": path.read_bytes() for path in _files(folder / MACHINES)}
    return Code(f"{stem}.zip", {f"{stem}.zip": archive, **machines})


def _zipped(folder: Path) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for path in (*_files(folder / HANDLERS), *_files(folder / MACHINES)):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EARLIEST)
            entry.external_attr = _READABLE
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_STORED)  # zlib's bytes differ between its versions
    return written.getvalue()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.glob("*")) if path.suffix in _SUFFIXES)
