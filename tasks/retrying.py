"""One policy for all steps: what is transient is tried again minutes later, what is permanent is not.

HTTP retries inside a step cover seconds; these cover minutes. With 6 tries of a request and 3 retries of a step a request is
made at most 24 times.
"""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from esteira.errors import TransientError
from esteira.settings import Settings


def retry_policy(settings: Settings) -> dict[str, Any]:
    """Options for `Task.with_options`: the settings are read in the flow, not when this module is imported."""
    delays = [settings.step_retry_seconds * 2**attempt for attempt in range(settings.step_retries)]
    return {"retries": settings.step_retries, "retry_delay_seconds": delays, "retry_jitter_factor": 1.0}


def is_transient(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001 - Prefect passes all three by position
    """Prefect's `retry_condition_fn`: whether the error may pass by itself."""
    try:
        state.result()
    except TransientError:
        return True
    except BaseException:  # noqa: BLE001 - any other error, a crash included, is for a person or for Prefect
        return False
    return False
