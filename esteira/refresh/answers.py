"""What a tool's answer means for the row of an attempt, and what people read of it."""

from __future__ import annotations

from esteira.contract import Asset
from esteira.errors import EsteiraError, RefreshFailed, TransientError
from esteira.refresh.progress import Progress, Refresher, Unsupported
from esteira.warehouse.refreshes import Attempt, State

_NO_ANSWER = "The data are loaded and nothing of them is affected. Look whether the tool is up and reachable from here; the next sweep asks again."
_VERBS = {
    "refused": "did not take",
    "unknown": "does not know",
    "starting": "did not say whether it took",
    "cancelled": "cancelled",
}


def state_after(attempt: Attempt, progress: Progress) -> State:
    """The state that the row gets.

    A refresh that somebody else began is only waited for, however it ends. Where the tool does not know what became of a start, the row stays as it is:
    the next run asks again under the same key.
    """
    is_foreign = progress.is_foreign or attempt.state == "following"
    if progress.state == "running":
        return "following" if is_foreign else "running"
    if is_foreign:
        return "followed"
    if progress.state == "unknown" and attempt.state == "starting":
        return "starting"
    return progress.state


def end_late(tool: Refresher, attempt: Attempt, asset: Asset) -> Progress:
    """End a refresh that has run for too long: one last look, and then its end, as far as the tool has a verb for it."""
    found = tool.poll(attempt.tool_id)
    if found.is_over:
        return found
    if attempt.state == "following":  # it is not ours to end
        return Progress("unknown", attempt.tool_id, "timeout")
    answer = tool.cancel(attempt.tool_id)
    if isinstance(answer, Progress) and answer.state == "done":
        return answer
    more = answer.reason if isinstance(answer, Unsupported) else "It was cancelled."
    return Progress("failed", attempt.tool_id, "timeout", f"It ran for more than {asset.timeout}. {more}")


def about_tool(error: EsteiraError) -> EsteiraError:
    """The same error with a next step that is about a BI tool: the class's own speaks of portals."""
    if error.hint == error.default_hint:
        error.hint = _NO_ANSWER if isinstance(error, TransientError) else RefreshFailed.default_hint
    return error


def failure_of(asset: Asset, state: State, progress: Progress) -> RefreshFailed:
    """What people are told of a refresh that came to nothing."""
    verb, tool = _VERBS.get(state, "failed in"), type(asset.refresher).__name__
    message = f"The tool {verb} a refresh of {asset.name} ({tool}{f', {progress.code}' if progress.code else ''}): {progress.reason or 'it says no more'}."
    return RefreshFailed(message, dataset=asset.name, code=progress.code)
