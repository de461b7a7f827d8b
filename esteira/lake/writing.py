"""Parts that grow while they are uploaded: a file whose bytes go to S3 in pieces, and Parquet parts of a bounded size made with it."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from esteira.errors import EsteiraError
from esteira.lake.bucket import Bucket
from esteira.lake.seal import Part

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined,unused-ignore]

MIB = 1024 * 1024
PIECE_BYTES = 8 * MIB
"""What is in memory of a growing object. S3 takes pieces from 5 MiB, 10,000 of them at most:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
PART_BYTES = 64 * MIB
"""A curated part ends here. Redshift wants files of 1 MB to 1 GB, of about one size:
https://docs.aws.amazon.com/redshift/latest/dg/c_best-practices-use-multiple-files.html"""
GROUP_BYTES = 8 * MIB
"""Arrow bytes of a row group: what the writer holds, and what a reader holds at a time."""
SAMPLED_ROWS = 4096
"""Rows that tell columns of which no value comes twice from most others, at a hundredth of the time that all rows would take."""


class GrowingObject(io.RawIOBase):
    """Bytes on their way to one key, written in order. Nothing is visible in S3 before `finish`.

    Args:
        bucket: Where to.
        key: A key that no other attempt uses.
    """

    def __init__(self, bucket: Bucket, key: str) -> None:
        super().__init__()
        self._bucket, self.key = bucket, key
        self._place = {"Bucket": bucket.bucket, "Key": key}
        self._waiting = bytearray()
        self._hash = hashlib.sha256()
        self._upload: str | None = None
        self._pieces: list[dict[str, Any]] = []
        self.size_bytes = 0

    def writable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Bytes written so far."""
        return self.size_bytes

    def write(self, data: Buffer) -> int:
        """Take bytes; uploads a piece when one is full.

        Raises:
            AuthError: S3 denies the write.
            LakeUnavailable: S3 does not take it after retries.
        """
        with memoryview(data).cast("B") as view:
            self._hash.update(view)
            self._waiting += view
            self.size_bytes += len(view)
            if len(self._waiting) >= PIECE_BYTES:
                self._send()
            return len(view)

    def finish(self, rows: int, **facts: Any) -> Part:
        """Make the object visible and describe it.

        Args:
            rows: Records in it.
            facts: Further attributes of `Part`.

        Raises:
            AuthError: S3 denies the write.
            LakeUnavailable: S3 does not take it after retries.
        """
        if self._upload is None:
            self._bucket.put(self.key, self._waiting)
        else:
            if self._waiting:
                self._send()
            with self._bucket.translated("s3:PutObject", self.key):
                pieces = {"Parts": self._pieces}
                self._bucket.client.complete_multipart_upload(
                    **self._place, UploadId=self._upload, MultipartUpload=pieces
                )
        self._waiting = bytearray()
        return Part(key=self.key, size_bytes=self.size_bytes, sha256=self._hash.hexdigest(), rows=rows, **facts)

    def abort(self) -> None:
        """Throw away what was uploaded; what cannot be thrown away now is left to maintenance."""
        self._waiting.clear()
        if self._upload is not None:
            with contextlib.suppress(EsteiraError), self._bucket.translated("s3:AbortMultipartUpload", self.key):
                self._bucket.client.abort_multipart_upload(**self._place, UploadId=self._upload)

    def _send(self) -> None:
        client, number = self._bucket.client, len(self._pieces) + 1
        with self._bucket.translated("s3:PutObject", self.key):
            if self._upload is None:
                self._upload = client.create_multipart_upload(**self._place)["UploadId"]
            where = self._place | {"UploadId": self._upload, "PartNumber": number}
            tag = client.upload_part(**where, Body=self._waiting)["ETag"]
        self._pieces.append({"PartNumber": number, "ETag": tag})
        self._waiting = bytearray()


class TableParts:
    """Arrow tables of one schema, as Parquet parts of a bounded size.

    Args:
        bucket: Where to.
        key_of: The key of part number n, from 1.
        on_stored: Called after each part.
        on_group: Called with each row group: all rows pass by, many at a time.
    """

    def __init__(
        self,
        bucket: Bucket,
        key_of: Callable[[int], str],
        on_stored: Callable[[], None] = lambda: None,
        on_group: Callable[[pa.Table], None] = lambda _: None,
    ) -> None:
        self._bucket, self._key_of, self._on_stored, self._on_group = bucket, key_of, on_stored, on_group
        self._parts: list[Part] = []
        self._group: list[pa.Table] = []
        self._group_bytes = 0
        self._object: GrowingObject | None = None
        self._writer: Any = None
        self._rows = 0
        self._text_bytes: dict[str, int] = {}

    def write(self, table: pa.Table) -> None:
        """Add rows.

        Raises:
            AuthError: S3 denies the write.
            LakeUnavailable: S3 does not take it after retries.
        """
        if table.num_rows:
            self._group.append(table)
            self._group_bytes += table.nbytes
            if self._group_bytes >= GROUP_BYTES:
                self.flush()

    def close(self) -> tuple[Part, ...]:
        """Store what is left; returns all parts in order."""
        self.flush()
        self._close_part()
        return tuple(self._parts)

    def abort(self) -> None:
        """Throw the unfinished part away."""
        self._group.clear()
        if self._object is not None:
            self._object.abort()

    def flush(self) -> None:
        """Write the rows that wait for more as a row group: afterwards `on_group` has had all of them."""
        if not self._group:
            return
        group = pa.concat_tables(self._group)
        self._group.clear()
        self._group_bytes = 0
        if self._object is None:
            self._object = GrowingObject(self._bucket, self._key_of(len(self._parts) + 1))
            self._writer = pq.ParquetWriter(
                self._object, group.schema,
                compression="zstd", coerce_timestamps="us", use_dictionary=repeating(group),
            )  # fmt: skip
        self._writer.write_table(group, row_group_size=group.num_rows)
        self._on_group(group)
        self._rows += group.num_rows
        for name, size in text_bytes(group).items():
            self._text_bytes[name] = max(size, self._text_bytes.get(name, 0))
        if self._object.size_bytes >= PART_BYTES:
            self._close_part()

    def _close_part(self) -> None:
        if self._object is None:
            return
        self._writer.close()
        self._parts.append(self._object.finish(self._rows, text_bytes=self._text_bytes))
        self._object, self._rows, self._text_bytes = None, 0, {}
        self._on_stored()


def text_bytes(table: pa.Table) -> dict[str, int]:
    """Longest value of each text and nested column in UTF-8 bytes: VARCHAR lengths count bytes."""
    kinds = zip(table.column_names, table.schema.types, strict=True)
    text = [name for name, kind in kinds if pa.types.is_string(kind) or pa.types.is_binary(kind)]
    return {name: pc.max(pc.binary_length(table.column(name))).as_py() or 0 for name in text}


def repeating(table: pa.Table) -> list[str]:
    """The columns whose values come again, which a dictionary makes smaller.

    One of keys or positions is as large as they are, beside an index to each: twice the time to write and to read. Rows in equal steps are
    looked at first, and all of them only where those tell no value twice.
    """
    some = table.take(pa.array(np.arange(0, table.num_rows, max(table.num_rows // SAMPLED_ROWS, 1))))
    return [name for name in table.column_names if not (_is_distinct(some[name]) and _is_distinct(table[name]))]


def _is_distinct(values: pa.ChunkedArray) -> bool:
    try:
        count: int = pc.count_distinct(values, mode="all").as_py()
    except pa.ArrowNotImplementedError:  # a type whose values Arrow does not compare
        return False
    return count == len(values)
