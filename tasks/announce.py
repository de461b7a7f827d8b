"""The event that the failure automation turns into a Slack message."""

from prefect import runtime
from prefect.events import emit_event

from esteira.contract import Dataset
from esteira.errors import ContractError, EsteiraError
from tasks.drift import show_drift

MAX_PATCH_CHARACTERS = 2_000
"""Slack wants messages below 4,000: https://docs.slack.dev/reference/methods/chat.postMessage"""


def announce_failure(error: EsteiraError, dataset: Dataset | None) -> None:
    """Emit `esteira.batch.failed` with what ops need to know; its text is the message that Slack shows.

    Args:
        error: What failed.
        dataset: Whose it is; None for a file that is nobody's.
    """
    if dataset and isinstance(error, ContractError):
        show_drift(error, dataset)
    name, owner = (dataset.name, dataset.owner) if dataset else ("inbox", "")
    emit_event(
        event="esteira.batch.failed",
        resource={"prefect.resource.id": f"esteira.dataset.{name}", "prefect.resource.name": name},
        payload={
            "dataset": name, "batch": error.batch or "", "error": type(error).__name__, "message": error.message,
            "next_step": error.hint, "patch": _fenced(error), "runbook": error.runbook, "owner": owner, "run": str(runtime.flow_run.name or ""),
        },
    )  # fmt: skip


def _fenced(error: EsteiraError) -> str:
    """The suggested patch as Slack shows code, on lines of its own; empty where there is none."""
    patch = error.patch if isinstance(error, ContractError) else ""
    if len(patch) > MAX_PATCH_CHARACTERS:
        return "\nThe suggested patch is too long to be shown here."
    return f"\n```\n{patch}```" if patch else ""
