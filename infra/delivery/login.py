"""A shell becomes a stage's deployer: temporary keys of an assumed role, an hour long, as `export` lines."""

from __future__ import annotations

import shlex

import boto3

from infra.deploy.problem import translated

HOUR_SECONDS = 3600


def exports(role: str) -> str:
    """What a shell evaluates to act as a role. The keys are printed: let no log see them.

    Raises:
        DeployError: The role does not trust who asks.
    """
    with translated(f"assuming {role}"):
        got = boto3.client("sts").assume_role(
            RoleArn=role, RoleSessionName="esteira-delivery", DurationSeconds=HOUR_SECONDS
        )
    keys = got["Credentials"]
    values = {
        "ACCESS_KEY_ID": keys["AccessKeyId"],
        "SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "SESSION_TOKEN": keys["SessionToken"],
    }
    return "\n".join(f"export AWS_{name}={shlex.quote(value)}" for name, value in values.items())
