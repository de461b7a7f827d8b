"""What a backfill shows while it runs and at its end: artifacts of the run. One that cannot be written stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact

from tasks.progress import narrate
from tasks.wording import table


class Progress:
    """The progress artifact of a run, and a line for each step of it.

    Args:
        dataset: Name of the contract.
        done: How many windows were loaded before.
        total: How many there are.
        left: What is known of the time that it will take.
    """

    def __init__(self, dataset: str, done: int, total: int, left: str) -> None:
        self._dataset, self._done, self._total = dataset, done, total
        key, said = f"{_key(dataset)}-progress", self._said(left)
        self._id: Any = _shown(lambda: create_progress_artifact(self._percent, key=key, description=said))

    def step(self, what: str, left: str) -> None:
        """One more window has ended.

        Args:
            what: How, in one clause.
            left: What is known of the time that the others will take.
        """
        self._done += 1
        said = self._said(left)
        if self._id is not None:
            _shown(lambda: update_progress_artifact(self._id, self._percent, description=said))
        narrate(f"{self._dataset} {what} ({said})")

    @property
    def _percent(self) -> float:
        return round(100 * self._done / self._total, 1) if self._total else 100.0

    def _said(self, left: str) -> str:
        return f"{self._done} of {self._total} windows{f', {left}' if self._done < self._total else ''}"


def publish_backfill(dataset: str, sentence: str, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    """The one summary of a run: a sentence, and a row for each window."""
    lines = [f"# Backfill of {dataset}", "", sentence, "", *table(header, rows)]
    text, key = "\n".join(lines) + "\n", f"{_key(dataset)}-backfill"
    _shown(lambda: create_markdown_artifact(text, key=key, description=sentence))


def _shown(show: Callable[[], object]) -> object:
    try:
        return show()
    except Exception as exc:  # noqa: BLE001 - whatever is wrong with a picture, the windows are loaded
        get_run_logger().warning("An artifact of this backfill is not written: %s", type(exc).__name__)
        return None


def _key(dataset: str) -> str:
    """Prefect allows lower-case letters, digits and dashes."""
    return dataset.replace("_", "-")
