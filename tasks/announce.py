"""The event that the failure automation turns into a Slack message."""

from prefect import runtime
from prefect.events import emit_event

from esteira.contract import Dataset
from esteira.errors import EsteiraError


def announce_failure(error: EsteiraError, dataset: Dataset | None) -> None:
    """Emit `esteira.batch.failed` with what ops need to know; its text is the message that Slack shows.

    Args:
        error: What failed.
        dataset: Whose it is; None for a file that is nobody's.
    """
    name, owner = (dataset.name, dataset.owner) if dataset else ("inbox", "")
    emit_event(
        event="esteira.batch.failed",
        resource={"prefect.resource.id": f"esteira.dataset.{name}", "prefect.resource.name": name},
        payload={
            "dataset": name, "batch": error.batch or "", "error": type(error).__name__, "message": error.message,
            "next_step": error.hint, "runbook": error.runbook, "owner": owner, "run": str(runtime.flow_run.name or ""),
        },
    )  # fmt: skip
