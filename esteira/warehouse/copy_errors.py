"""What a failed COPY means, in plain words: file, row, column, value, and what to change.

Redshift names the file and sometimes the column, and cuts long texts; the row and the value are found by reading that part again, through
a function that the caller gives, since the warehouse does not touch S3. Called after the rollback, so that nobody waits meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from esteira.contract import Column
from esteira.errors import AuthError, EsteiraError, LakeUnavailable, LoadError, SealConflict, TransientError
from esteira.lake import Part
from esteira.warehouse import copied_part
from esteira.warehouse.copied_part import Offence

ReadPart = Callable[[Part], bytes]
_DENIED = re.compile(
    r"AccessDenied|Access Denied|not authorized to assume|InvalidAccessKeyId|Status 403", re.IGNORECASE
)
_ROLE_REFUSED = re.compile(r"not authorized to assume|assume IAM Role", re.IGNORECASE)
_ABSENT = re.compile(r"NoSuchKey|Status 404|specified (?:key|S3 prefix) .*does not exist", re.IGNORECASE)
_BUSY = re.compile(r"SlowDown|Status 50\d|InternalError|ServiceUnavailable|RequestTimeout", re.IGNORECASE)
_OURS = re.compile(r"Spectrum|Parquet|S3ServiceException|manifest|IAM Role|File size mismatch", re.IGNORECASE)
_VALUES = {
    "text": re.compile(r"length of the data column|value too long for type", re.IGNORECASE),
    "number": re.compile(r"overflow", re.IGNORECASE),
    "null": re.compile(r"NULL value", re.IGNORECASE),
}
_COLUMN = re.compile(
    r"(?:data column|into column|in column|for column|column)\W+(?:s3://\S+\.)?([A-Za-z_]\w*)", re.IGNORECASE
)
_ADVICE = {
    "text": "Raise max_bytes of {column} in the contract, or shorten it in the transform",
    "number": "Give {column} more digits in the contract, or have the value corrected at the source",
    "null": "Say nullable=True for {column} in the contract, or have the value filled at the source",
    "type": "Give {column} in the contract the type that the part has, or make a new generation of this batch under the new contract",
}


@dataclass(frozen=True, slots=True)
class Copied:
    """What a COPY reads.

    Attributes:
        columns: The contract's columns.
        parts: The sealed parts.
        role_arn: Role that COPY reads with.
        read_part: Gives a part's bytes; None when the caller has no lake.
    """

    columns: Sequence[Column]
    parts: Sequence[Part]
    role_arn: str
    read_part: ReadPart | None = None

    def part_in(self, text: str) -> Part | None:
        """The part that a message names."""
        return next((part for part in self.parts if part.key in text), None)

    def column_in(self, text: str) -> Column | None:
        """The column that a message names."""
        known = {column.name: column for column in self.columns}
        return next((known[name] for name in _COLUMN.findall(text) if name in known), None)


@contextmanager
def explained(copied: Copied) -> Iterator[None]:
    """Turn COPY's errors into ours; any other error passes as it is.

    Raises:
        LoadError: A value or a type does not fit; names file, row, column, value and the fix as far as they can be found.
        AuthError: The role may not be assumed, or may not read.
        SealConflict: A sealed part is gone or is not what was sealed.
        LakeUnavailable: S3 did not serve the COPY; a later try may pass.
    """
    try:
        yield
    except LoadError as exc:
        found = _explain(exc, copied)
        raise found from exc.__cause__


def _explain(error: LoadError, copied: Copied) -> EsteiraError:
    text = error.message
    is_value = any(pattern.search(text) for pattern in _VALUES.values())
    if not (_OURS.search(text) or is_value):
        return error
    part = copied.part_in(text)
    if _DENIED.search(text):
        return _denied(text, part, copied)
    if _BUSY.search(text):
        return LakeUnavailable(f"S3 did not serve the COPY: {text}")
    if _ABSENT.search(text):
        return _absent(text, part, copied)
    return _unfit(error, part, copied)


def _denied(text: str, part: Part | None, copied: Copied) -> AuthError:
    if _ROLE_REFUSED.search(text):
        return AuthError(
            f"The warehouse may not assume the COPY role {copied.role_arn}.",
            hint="Attach the role to the warehouse and trust redshift.amazonaws.com in it, in the template that makes it.",
        )
    what = part.key if part else "the manifest or a part of the batch"
    return AuthError(
        f"The COPY role {copied.role_arn} may not read {what}.",
        hint="Grant it s3:GetObject and s3:ListBucket under curated/ (and kms:Decrypt of the bucket's key), and deny no presigned URLs.",
    )


def _absent(text: str, part: Part | None, copied: Copied) -> EsteiraError:
    """A part that S3 does not know: the lake is asked too, and says so as a matter of integrity if it agrees."""
    if part is None:
        return LoadError(
            f"COPY did not find its manifest or a part: {text}",
            hint="Run the same command again: it writes the manifest anew.",
        )
    conflict = _read(part, copied)[1]
    if isinstance(conflict, SealConflict):
        return conflict
    return LoadError(
        f"COPY did not find {part.key}, which is sealed.",
        hint="Restore the object's version from the bucket's history, or let the COPY role see this bucket; then run the same command again.",
    )


def _unfit(error: LoadError, part: Part | None, copied: Copied) -> EsteiraError:
    text = error.message
    kind = next((kind for kind, pattern in _VALUES.items() if pattern.search(text)), "type")
    column, offence = copied.column_in(text), None
    for candidate in [part] if part else copied.parts:
        content, failure = _read(candidate, copied)
        if isinstance(failure, SealConflict):
            return failure
        offence = copied_part.find(content, copied.columns, kind, column) if content else None
        if offence:
            return _load_error(text, candidate, offence)
    where = " ".join(filter(None, (part.key if part else "", f"column {column.name}" if column else "")))
    advice = _ADVICE[kind].format(column=column.name if column else "the named column")
    return LoadError(f"COPY refuses {where or 'a part'}: {text}", hint=f"{advice}; then run the same command again.")


def _load_error(text: str, part: Part, offence: Offence) -> LoadError:
    position = "" if offence.position is None else f" (position {offence.position} of the batch)"
    row = f", row {offence.row}{position}" if offence.row else ""
    limit = re.search(r"Table: (\d+)|character varying\((\d+)\)", text) if offence.kind == "text" else None
    takes = f"; the column takes {limit[1] or limit[2]}" if limit else ""
    return LoadError(
        f"COPY refuses {part.key}{row}, column {offence.column}: {offence.what}{takes}.",
        hint=f"{_ADVICE[offence.kind].format(column=offence.column)}; then run the same command again.",
    )


def _read(part: Part, copied: Copied) -> tuple[bytes | None, EsteiraError | None]:
    """The part's bytes, or why they cannot be had: an explanation must not fail where the load has failed already."""
    if copied.read_part is None:
        return None, None
    try:
        return copied.read_part(part), None
    except (SealConflict, AuthError, TransientError) as exc:
        return None, exc
