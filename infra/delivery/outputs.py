"""What the stacks of a stage say of themselves."""

from __future__ import annotations

from collections.abc import Sequence

import boto3

from infra.deploy.problem import DeployError
from infra.deploy.stack import Stack
from infra.deploy.stage import Stage


def outputs(session: boto3.Session, stage: Stage, needed: Sequence[str]) -> dict[str, str]:
    """The outputs of all stacks, under the stage's own parameters.

    Args:
        session: Of the account.
        stage: Whose stacks.
        needed: Names without which the caller cannot work.

    Raises:
        DeployError: One of them is missing: not everything is deployed.
    """
    client = session.client("cloudformation")
    every = [Stack(client, f"esteira-{stage.name}-{each.name}", []).outputs() for each in stage.templates]
    known = {**{name: value for each in every for name, value in each.items()}, **stage.parameters}
    missing = [name for name in needed if not known.get(name)]
    if missing:
        raise DeployError(
            f"Stage {stage.name} has no {', '.join(missing)}.",
            f"make aws-deploy STAGE={stage.name} SET=ImageDigest=...",
        )
    return known
