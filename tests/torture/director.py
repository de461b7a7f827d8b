"""Who decides at which write a wire is cut, and how. A strike at a write:

- `kill before`: the process dies by SIGKILL; the write never arrives.
- `kill meanwhile`: the write is on its way; the process dies by SIGKILL, and then the write arrives and is done.
- `kill after`: the write is done; the process dies by SIGKILL before it hears of it.
- `lost`: the write is done; its answer is lost and the connection with it.
- `refused`: the write is not done; the answer is an error that no retry is meant for.
- `unheard`: the write never arrives, and the other side does not learn that its client is gone: no FIN, as when a host vanishes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["kill before", "kill meanwhile", "kill after", "lost", "refused", "unheard"]
KINDS: tuple[Kind, ...] = ("kill before", "kill after", "lost", "refused")
"""What is tried at every write; to whoever comes after, `kill meanwhile` looks like `kill after`. S3 has no `unheard`."""
MEETING_SECONDS = 1.0
"""Two loaders that both passed the ledger's check meet well within it; under the lock only one gets there, and goes on alone."""


@dataclass
class Director:
    """Counts the writes of one process and strikes at the one it was told to.

    Attributes:
        at: Number of the write to strike at, from 1; 0 never strikes.
        kind: How.
        kill: Kills the process.
        meeting: Where it waits for another process before each COPY, or None.
        seen: What was written, in order.
        landed: Whether the strike happened.
    """

    at: int = 0
    kind: Kind = "kill before"
    kill: Callable[[], None] = lambda: None
    meeting: threading.Barrier | None = None
    seen: list[str] = field(default_factory=list)
    landed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def strike(self, write: str) -> Kind | None:
        """Note a write that is about to be forwarded; what to do with it, if anything."""
        if self.meeting and write.startswith("COPY"):
            with suppress(threading.BrokenBarrierError):
                self.meeting.wait(MEETING_SECONDS)
        with self._lock:
            self.seen.append(write)
            if not self._is_struck(write):
                return None
            self.landed = True
            return self.kind

    def _is_struck(self, write: str) -> bool:
        return not self.landed and len(self.seen) == self.at


@dataclass
class AtTheLoadsCommit(Director):
    """Strikes at the COMMIT that follows a COPY, so many times over: making a ledger commits too.

    Attributes:
        times_left: Strikes that are still to come.
    """

    times_left: int = 1
    _has_copied: bool = False

    def _is_struck(self, write: str) -> bool:
        self._has_copied |= write.startswith("COPY")
        if not self.times_left or not self._has_copied or write.lower() != "commit":
            return False
        self.times_left, self._has_copied = self.times_left - 1, False
        return True
