"""What a batch has cost its portal and the lake so far, from the step that knows it to the end, where it is told."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Effort:
    """What was needed to bring a batch into raw, in this process.

    Attributes:
        stored_bytes: Of its raw parts.
        retries: Requests that repeat a failed one.
        waited_seconds: Before these, and for the rate budget.
    """

    stored_bytes: int = 0
    retries: int = 0
    waited_seconds: float = 0.0

    def __add__(self, more: Effort) -> Effort:
        """The effort of two tries together."""
        waited = self.waited_seconds + more.waited_seconds
        return Effort(self.stored_bytes + more.stored_bytes, self.retries + more.retries, waited)


NO_EFFORT = Effort()
_noted: dict[tuple[str, str], Effort] = {}
_noting = Lock()


def note(dataset: str, batch: str, effort: Effort) -> None:
    """Add to what is known of a batch."""
    with _noting:
        _noted[dataset, batch] = _noted.get((dataset, batch), NO_EFFORT) + effort


def taken(dataset: str, batch: str) -> Effort:
    """The effort of a batch, which is forgotten with this call."""
    with _noting:
        return _noted.pop((dataset, batch), NO_EFFORT)
