"""`esteira doctor --account STAGE`: what only a person can do in the stage's AWS account, asked with the login of who runs it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from cli.doctor import Finding
from cli.output import dump, table
from esteira.errors import ConfigError

PERSON_NEEDED = 3
"""As of the commands that wait for a person."""
_PAGE = "docs/operations/aws.md#from-empty-to-running"


def run_account(stage: str, *, as_json: bool) -> int:
    """Tell each step and whether it is done; returns the exit code.

    Raises:
        ConfigError: There is no such stage, no checkout, or no login.
    """
    findings = list(_findings(stage))
    if as_json:
        click.echo(dump(findings))
    else:
        click.echo(table(("step", "state", "to do"), [(each.check, each.state, each.next_step) for each in findings]))
    return PERSON_NEEDED if any(each.state == "failed" for each in findings) else 0


def _findings(stage: str) -> Iterator[Finding]:
    try:
        from infra.deploy.person import steps
        from infra.deploy.problem import DeployError
        from infra.deploy.stage import read_stage
    except ImportError as exc:
        raise ConfigError("The templates are not here, as in an image.", hint="Ask it in a checkout.") from exc
    try:
        found = steps(read_stage(stage, {}))
    except DeployError as exc:
        raise ConfigError(exc.message, hint=exc.hint) from exc
    for each in found:
        if each.missing:
            yield Finding(each.name, "failed", "not done", each.missing, _PAGE, exit_code=PERSON_NEEDED)
        else:
            yield Finding(each.name, "ok", "done")
