"""What ops read of a batch: its rows and where the time went, as text. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from esteira.report.flow import WRITTEN
from esteira.warehouse import LedgerEntry

COUNTS = ("extracted", "curated", "quarantined", *WRITTEN)
"""Of a ledger row."""
STEPS = {
    "extract": "extract, and curate meanwhile",
    "curate": "curate what was left, and seal",
    "load": "load",
    "publish": "publish: quality page",
}
PASSED = ("extract", "load")
"""Steps that every row passes; of the others a speed would say nothing."""


def rows_of(entry: LedgerEntry) -> list[str]:
    """The equation of a batch, a line for each side: source = raw = curated + quarantined, and curated = written."""
    source = "the source tells no total; " if entry.total_reported is None else f"source {entry.total_reported:,} "
    sign = "" if entry.total_reported is None else "= " if entry.total_reported == entry.extracted else "≠ "
    written = " + ".join(f"{getattr(entry, name):,} {name}" for name in WRITTEN)
    return [
        f"{source}{sign}**{entry.extracted:,}** extracted = **{entry.curated:,}** curated + **{entry.quarantined:,}** quarantined",
        f"{entry.curated:,} curated = {written}",
    ]


def written(entry: LedgerEntry) -> str:
    """What became of the curated rows, without what did not happen."""
    counts = {name: getattr(entry, name) for name in WRITTEN}
    told = [f"{count:,} {name}" for name, count in counts.items() if count]
    return ", ".join(told) or "no row"


def steps_table(seconds: Mapping[str, float], rows: int) -> list[str]:
    """Where the time went, with retries and the waits between them; empty where nothing was measured."""
    known = {step: seconds[step] for step in STEPS if step in seconds}
    if not known:
        return []
    total = sum(known.values())
    steps = [(STEPS[step], f"{took:.1f}", speed(rows, took) if step in PASSED else "") for step, took in known.items()]
    header = ("step", "seconds", "rows/s")
    return table(header, [*steps, ("all", f"{total:.1f}", speed(rows, total))], numbers=header[1:])


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Collection[str] = ()) -> list[str]:
    """A table in Markdown, a line for each row; what is not known is a dash.

    Args:
        header: Names of the columns.
        rows: A cell for each of them.
        numbers: Columns that are aligned to the right.
    """
    rules = ["---:" if name in numbers else "---" for name in header]
    known = (("—" if cell is None else cell for cell in row) for row in rows)
    return [f"| {' | '.join(map(str, cells))} |" for cells in (header, rules, *known)]


def size(size_bytes: int) -> str:
    """A size for a person."""
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:,.1f} kB"


def speed(rows: int, seconds: float) -> str:
    """Rows a second."""
    return f"{rows / seconds:,.0f}" if seconds else ""
