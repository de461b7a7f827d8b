"""How a run ends in the Prefect UI."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from prefect import runtime
from prefect.states import Completed, Failed

from esteira.errors import EsteiraError
from esteira.observe.subject import about
from tasks.announce import announce_defect, announce_failure

F = TypeVar("F", bound=Callable[..., Any])


def announced(work: F) -> F:
    """A flow's function, of which people hear when it ends with what it did not expect. What it expects it tells by itself.

    Our own errors come this far only from settings and contracts: at a terminal whoever reads them has just made them.
    """

    @wraps(work)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            with about(**_facts()):
                return work(*args, **kwargs)
        except EsteiraError as exc:
            if runtime.deployment.id:
                announce_failure(exc.located(dataset=_about()), None)
            raise
        except Exception as exc:
            announce_defect(exc, _about())
            raise

    # Prefect checks parameters by the types of the signature, and would look for their names in this module.
    vars(run)["__signature__"] = inspect.signature(work, eval_str=True)
    return cast("F", run)


def _facts() -> dict[str, str]:
    """What lines of the core say, which Prefect's own say by themselves."""
    run, dataset = runtime.flow_run, (runtime.flow_run.parameters or {}).get("dataset")
    known = {"flow": run.flow_name, "run": run.name, "run_id": run.id, "dataset": dataset}
    return {name: str(value) for name, value in known.items() if value}


def _about() -> str:
    """The dataset that the run is about, or the flow."""
    return str((runtime.flow_run.parameters or {}).get("dataset") or runtime.flow_run.flow_name or "")


def failed(error: EsteiraError) -> Any:
    """The state of a run that ended with this error; a flow returns it.

    Prefect's own message would be the cause alone; a person who opens the run needs the next step before any traceback.
    """
    return Failed(message=error.paragraph(), data=error)


def completed(result: Any, message: str, name: str = "Completed") -> Any:
    """The state of a run that did its work, with a sentence about it; a flow returns it."""
    return Completed(message=message, data=result, name=name)
