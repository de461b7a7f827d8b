"""Named places at the durable writes of the commit protocol where a test may stop the process.

Production code calls `failpoint(NAME)` after each durable write. Nothing happens unless `ESTEIRA_FAILPOINT` is `NAME:kill`
(SIGKILL to this process: no `finally`, no flush) or `NAME:raise`; `NAME:kill:3` acts at the third time. The environment is
read at each call because a test arms it around one command.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "ESTEIRA_FAILPOINT"
"""For tests only: `NAME:kill` or `NAME:raise` stops a process at one of its durable writes; by default nothing happens."""
NAMES = (
    "extract.part",
    "extract.checkpoint",
    "extract.seal",
    "curate.part",
    "curate.seal",
    "load.copy",
    "load.commit",
    "erase.purge",
    "replay.seal",
    "export.rows",
    "export.file",
    "export.version",
    "inbox.reason",
    "inbox.copy",
    "inbox.remove",
    "refresh.row",
    "refresh.asked",
)
_reached: Counter[str] = Counter()


class FailpointError(RuntimeError):
    """Raised by an armed failpoint: a bug-like exception that no handler expects."""


def failpoint(name: str) -> None:
    """Stop here when this failpoint is armed."""
    armed = os.environ.get(VARIABLE)
    if not armed:
        return
    target, action, nth = (*armed.split(":"), "1", "1")[:3]
    if target != name:
        return
    _reached[name] += 1
    if _reached[name] != int(nth):
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise FailpointError(name)
