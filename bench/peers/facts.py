"""What one measured process tells the harness: one line of JSON, the last that it prints. Standard library only."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any


def print_facts(*, rows: int | None = None, other: dict[str, Any] | None = None, **seconds: float) -> None:
    """Print the seconds of each stretch and the peak memory; a peer's rows are counted in what it wrote."""
    facts = {"rows": rows, "seconds": seconds, "peak_bytes": max(peak_bytes(), _children_peak_bytes())}
    print(json.dumps(facts | (other or {})), flush=True)


def peak_bytes() -> int:
    """Highest resident memory of this process so far. VmHWM, not getrusage: that one begins with the parent's at the fork."""
    status = Path("/proc/self/status")
    if not status.exists():
        return _in_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _children_peak_bytes() -> int:
    """Of the largest child that has ended: dlt normalises in processes of its own."""
    return _in_bytes(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _in_bytes(peak: int) -> int:
    """Getrusage counts kilobytes on Linux and bytes on macOS."""
    return peak if sys.platform == "darwin" else peak * 1024
