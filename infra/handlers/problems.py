"""What goes wrong in a function: a small tree by what helps. State machines tell the classes apart by their names."""

from __future__ import annotations


class Problem(Exception):
    """What happened, where, and what to do next. No secret, header or body of an answer stands in it.

    Args:
        what: What happened.
        where: The function's subject: an object, a deployment, a run.
        next_step: What to do.
    """

    def __init__(self, what: str, where: str, next_step: str) -> None:
        super().__init__(f"{what} ({where}) Next step: {next_step}")


class PrefectUnavailable(Problem):
    """May pass by itself: tried again by the state machine, for two hours."""


class PrefectRefused(Problem):
    """Prefect answers, and says no: a wrong key, an unknown deployment, wrong parameters. For a person."""


class Misconfigured(Problem):
    """The secret, the environment or a schedule is not as it must be. For a person."""
