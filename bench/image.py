"""What the image has not, and a checkout has."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def without_hypothesis() -> None:
    """Where hypothesis is installed, pandera imports it, and with it pytest, at the first validation. The image has none."""
    sys.modules["hypothesis"] = None  # type: ignore[assignment]
