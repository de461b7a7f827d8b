"""The tree of errors: what recovers each, its exit code, its next step, its section of the runbook."""

from __future__ import annotations

from docs.hooks.commands import tree
from docs.hooks.text import code, page, summary, table
from esteira.errors import EsteiraError, PermanentError, TransientError


def make() -> str:
    """The page."""
    lead = (
        "Whatever fails ends as one of these, with what failed, where, and the next step. Errors of libraries are translated where they arise. "
        "The tree is grouped by what recovers: `TransientError` is tried again by the run, `PermanentError` stops the batch until a person changed something."
    )
    rows = [_row(kind) for kind in tree() if not kind.__subclasses__()]
    groups = table(
        ["group", "means", "exit code"],
        [[code(each.__name__), summary(each), code(each.exit_code)] for each in (TransientError, PermanentError)],
    )
    each = table(["error", "is", "recovered by", "exit code", "next step, unless the error has a better one"], rows)
    return page("Errors", lead, groups, "## Each error", each)


def _row(kind: type[EsteiraError]) -> list[str]:
    recovered = "a retry" if issubclass(kind, TransientError) else "a person"
    link = f"[`{kind.__name__}`](../operations/runbook.md#{kind('').runbook})"
    return [link, summary(kind), recovered, code(kind.exit_code), kind.default_hint]
