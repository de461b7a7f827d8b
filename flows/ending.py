"""How a run ends in the Prefect UI."""

from __future__ import annotations

from typing import Any

from prefect.states import Completed, Failed

from esteira.errors import EsteiraError


def failed(error: EsteiraError) -> Any:
    """The state of a run that ended with this error; a flow returns it.

    Prefect's own message would be the cause alone; a person who opens the run needs the next step before any traceback.
    """
    return Failed(message=error.paragraph(), data=error)


def completed(result: Any, message: str) -> Any:
    """The state of a run that did its work, with a sentence about it; a flow returns it."""
    return Completed(message=message, data=result)
