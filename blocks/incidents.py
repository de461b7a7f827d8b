"""Open incidents: what people were told and is not over yet. One message when it begins, one when it ends, however often it is seen."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

from blocks import variables
from esteira.alerts.silence import Silence

Kind = Literal[
    "failed", "given_up", "quarantine", "stale", "slow", "rebuild", "replay", "undo", "upkeep", "export", "refresh"
]
PREFIX, SILENCES, CHANNELS = "esteira_incident_", "esteira_silence_", "esteira_channels"
DEFAULT_CHANNEL, NO_CHANNEL = "default", "none"


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that is wrong with a dataset, or with one batch of it.

    Attributes:
        kind: What.
        dataset, batch: Of what; an empty batch is the dataset as a whole.
        what: A word or two, for the message that it is over.
        since: When it was told, in ISO 8601.
    """

    kind: Kind
    dataset: str
    batch: str = ""
    what: str = ""
    since: str = ""

    @property
    def name(self) -> str:
        """The variable's: a batch id may be longer than its name could be, and hold other letters."""
        about = f"_{sha256(self.batch.encode()).hexdigest()[:12]}" if self.batch else ""
        return f"{_prefix(self.dataset, self.kind)}{about}"


def begin(incident: Incident) -> bool:
    """Note an incident; whether it is new, which only one of several runs at the same moment is told."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return variables.make(incident.name, asdict(incident) | {"since": since})


def end(dataset: str, kinds: Collection[Kind], batch: str | None = None) -> list[Incident]:
    """Forget the open incidents of these kinds; returns those that this call ended.

    Args:
        dataset: Whose.
        kinds: Which.
        batch: Only of this batch and of the dataset as a whole; by default of every batch.
    """
    mine = [each for each in open_incidents() if each.dataset == dataset and each.kind in kinds]
    meant = [each for each in mine if batch is None or each.batch in {batch, ""}]
    return [each for each in meant if variables.remove(each.name)]


def open_incidents() -> list[Incident]:
    """All of them, the oldest first."""
    found = [Incident(**value) for value in variables.read_all(PREFIX).values()]
    return sorted(found, key=lambda each: (each.since, each.name))


def silence(wanted: Silence) -> None:
    """Send no message about a dataset until a moment; takes the place of an earlier silence."""
    variables.put(f"{SILENCES}{wanted.dataset}", wanted.facts())


def end_silence(dataset: str) -> bool:
    """Send messages again; whether there was a silence."""
    return variables.remove(f"{SILENCES}{dataset}")


def silence_of(dataset: str, now: datetime) -> Silence | None:
    """The silence that holds now."""
    found = variables.read(f"{SILENCES}{dataset}")
    silence = Silence.of(found) if found else None
    return None if silence is None or silence.is_over(now) else silence


def silences(now: datetime) -> list[Silence]:
    """Those that hold now, by dataset; the others are removed on the way."""
    found = sorted(
        (Silence.of(value) for value in variables.read_all(SILENCES).values()), key=lambda each: each.dataset
    )
    for each in found:
        if each.is_over(now):
            end_silence(each.dataset)
    return [each for each in found if not each.is_over(now)]


def channel_of(owner: str) -> str:
    """The owner's channel, if `esteira deploy` gave it one; else the default one."""
    known: Any = variables.read(CHANNELS)
    return owner if known and owner in known else DEFAULT_CHANNEL


def _prefix(dataset: str, kind: str) -> str:
    return f"{PREFIX}{kind}_{dataset}"
