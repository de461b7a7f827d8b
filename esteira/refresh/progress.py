"""The verbs of every refresher, and what they answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from esteira.redaction import printable, scrub

State = Literal["running", "done", "failed", "cancelled", "refused", "unknown"]
MAX_REASON_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for.

    Attributes:
        key: What makes two orders the same; letters, digits and dashes.
        since: When its row was written: what the tool began before was not asked for by it.
        asset: Whose.
        batches: The newest batch of each dataset.
        is_again: Whether it may have been asked for before, by a run that was killed or that got no answer.
    """

    key: str
    since: datetime
    asset: str = ""
    batches: Mapping[str, str] = field(default_factory=dict)
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How a refresh stands.

    Attributes:
        state: `running`; `done`; `failed` and `cancelled` at the tool; `refused`: the tool did not take it and nothing was begun; `unknown`: the
            tool knows nothing of it, or says what nobody understands.
        id: The tool's own, by which it is asked for.
        code: The tool's word for the reason; never a value of the data.
        reason: The tool's sentence.
        wait_seconds: The tool wants to be left alone for so long.
        is_foreign: Whether somebody else began it, so that it may not show our batches.
    """

    state: State
    id: str = ""
    code: str = ""
    reason: str = ""
    wait_seconds: float | None = None
    is_foreign: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state != "running"

    @property
    def sentence(self) -> str:
        """Code and reason, for the ledger."""
        return ": ".join(each for each in (self.code, self.reason) if each)


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The tool has no such verb; an answer, not an error."""

    reason: str


class Refresher(Protocol):
    """A BI tool's one thing that can be refreshed."""

    def start(self, order: Order) -> Progress:
        """Begin a refresh, or find the one that this order began, or the one that runs already.

        Raises:
            AuthError, ConfigError: The login is refused, or incomplete.
            SourceUnavailable, RateLimited, SourceRejected, LakeUnavailable: The tool gave no answer that says what became of it.
        """

    def poll(self, id_: str) -> Progress:
        """How a refresh stands.

        Raises:
            AuthError, SourceUnavailable, RateLimited, SourceRejected, LakeUnavailable: It cannot be found out now.
        """

    def cancel(self, id_: str) -> Progress | Unsupported:
        """End a refresh that runs.

        Raises:
            AuthError, SourceUnavailable, RateLimited, SourceRejected, LakeUnavailable: It cannot be done now.
        """

    def limit(self) -> int | None:
        """Refreshes that the tool takes in 24 hours; None for as many as it can."""

    def close(self) -> None:
        """Give connections back."""


def told(text: object) -> str:
    """A tool's text as it may stand in a row and on a terminal: one line, short, without any secret that we know."""
    return scrub(printable(" ".join(str(text or "").split()), limit=MAX_REASON_CHARACTERS))


def document(body: bytes | str) -> dict[str, Any]:
    """What a tool answers, as fields; none where it is no JSON object, such as a page for people."""
    try:
        found = json.loads(body or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
