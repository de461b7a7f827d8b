"""What the image has not, and a checkout has."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def without_extras() -> None:
    """Where hypothesis is installed, pandera imports it, and with it pytest, at the first validation; where Dask is, that too. The image has neither."""
    for name in ("hypothesis", "dask"):
        sys.modules[name] = None  # type: ignore[assignment]
