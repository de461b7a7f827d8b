"""Whether sealed parts hold what the contract says today, before COPY: it goes by position, so a changed order would swap values unseen.

https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from esteira.contract import Column
from esteira.errors import LoadError
from esteira.lake import Seal


def check_parts(columns: Sequence[Column], seal: Seal) -> None:
    """Compare the columns that were sealed with those that COPY is about to read, in order; a batch without rows has no part to read.

    Raises:
        LoadError: Names the first place where they differ.
    """
    wanted = tuple(column.stored for column in columns)
    stored = seal.columns[:-1] if seal.names_batch else seal.columns
    if not seal.parts or not stored or stored == wanted:
        return
    number, sealed, says = next(
        (number, *pair)
        for number, pair in enumerate(zip_longest(stored, wanted, fillvalue="nothing"), 1)
        if pair[0] != pair[1]
    )
    raise LoadError(
        f"Column {number} of the sealed parts is {sealed!r} and the contract says {says!r}.",
        hint="The contract changed after the batch was curated: change it back until the batch is loaded, or curate the batch again "
        "from raw as a new generation.",
    )
