"""Redshift's compression encodings: which column types take which, and which of them fix a text's length.

https://docs.aws.amazon.com/redshift/latest/dg/c_Compression_encodings.html
"""

from __future__ import annotations

_WHOLE = frozenset({"SMALLINT", "INTEGER", "BIGINT", "DECIMAL"})
_MOMENTS = frozenset({"DATE", "TIMESTAMP", "TIMESTAMPTZ"})
_FLOATS = frozenset({"REAL", "DOUBLE PRECISION"})
_ALL = _WHOLE | _MOMENTS | _FLOATS | {"BOOLEAN", "VARCHAR", "SUPER"}
TYPES_BY_ENCODING = {
    "raw": _ALL,
    "az64": _WHOLE | _MOMENTS,
    "bytedict": _WHOLE | _MOMENTS | _FLOATS | {"VARCHAR"},
    "delta": _WHOLE | {"DATE", "TIMESTAMP"},
    "delta32k": (_WHOLE | {"DATE", "TIMESTAMP"}) - {"SMALLINT"},
    "lzo": _WHOLE | _MOMENTS | {"VARCHAR", "SUPER"},
    "mostly8": _WHOLE,
    "mostly16": _WHOLE - {"SMALLINT"},
    "mostly32": frozenset({"BIGINT", "DECIMAL"}),
    "runlength": _ALL - {"SUPER"},
    "text255": frozenset({"VARCHAR"}),
    "text32k": frozenset({"VARCHAR"}),
    "zstd": _ALL,
}
FIXED_LENGTH = frozenset({"bytedict", "runlength", "text255", "text32k"})
"""Redshift refuses to widen a text under these: https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html"""


def encodings_of(redshift_type: str) -> tuple[str, ...]:
    """The encodings that a type takes, in the documentation's order."""
    return tuple(name for name, types in TYPES_BY_ENCODING.items() if redshift_type in types)


def default_encoding(redshift_type: str, *, is_sorted: bool) -> str:
    """What a column gets that declares none: AWS's own defaults, but ZSTD for text, which packs short and long texts tighter than LZO.

    COPY of Parquet chooses no encodings, so they are declared. A sort key stays raw: compressed, a range scan reads more blocks.
    """
    if is_sorted or redshift_type in _FLOATS or redshift_type == "BOOLEAN":
        return "raw"
    return "az64" if redshift_type in TYPES_BY_ENCODING["az64"] else "zstd"
