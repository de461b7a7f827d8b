"""What only a person can do in an account, and whether it is done: secrets, handshakes, confirmations, the first image, old keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from infra.deploy.problem import translated
from infra.deploy.stack import Stack
from infra.deploy.stage import Stage

OLDEST_KEY = timedelta(days=90)
"""Of the push pool's user: the one long-lived key."""
_ONLY_WHERE = {"slack": "HasSlackSecret"}
"""Secrets that a stage may do without, and the parameter that says that it does not."""
_NEEDED_SECRETS = {"events": ("prefect",), "monitoring": ("slack",), "runtime": ("portal/",)}
"""Below `esteira/<stage>/`, by the template whose resources read them; a name that ends with / stands for at least one below it."""


@dataclass(frozen=True)
class Step:
    """One thing.

    Attributes:
        name: For people.
        missing: What is missing and how it is done; empty when it is done.
    """

    name: str
    missing: str = ""


def steps(stage: Stage, session: boto3.Session | None = None) -> list[Step]:
    """Every step of a stage, in the order in which they are done.

    Raises:
        DeployError: AWS does not answer, or who asks may not look.
    """
    session = session or boto3.Session(region_name=stage.region)
    with translated(f"looking at stage {stage.name}"):
        outputs = _outputs(session, stage)
        return [
            *_stacks(stage, outputs),
            *_image(stage, outputs),
            *_secrets(session, stage),
            *_connection(session, outputs),
            *_subscriptions(session, stage),
            *_keys(session, outputs),
        ]


def _outputs(session: boto3.Session, stage: Stage) -> dict[str, dict[str, str] | None]:
    client = session.client("cloudformation")
    stacks = {each.name: Stack(client, f"esteira-{stage.name}-{each.name}", []) for each in stage.templates}
    return {name: stack.outputs() if stack.is_there() else None for name, stack in stacks.items()}


def _stacks(stage: Stage, outputs: dict[str, dict[str, str] | None]) -> Iterator[Step]:
    absent = [name for name, each in outputs.items() if each is None]
    yield Step("stacks", f"{', '.join(absent)}: make aws-deploy STAGE={stage.name}" if absent else "")


def _image(stage: Stage, outputs: dict[str, dict[str, str] | None]) -> Iterator[Step]:
    runtime = outputs.get("runtime")
    if runtime is not None:
        push = f"make image image-push IMAGE={runtime['RepositoryUri']}:..., then make aws-deploy STAGE={stage.name} SET=ImageDigest=..."
        yield Step("image", "" if "TaskDefinitionArn" in runtime else f"none is deployed: {push}")


def _secrets(session: boto3.Session, stage: Stage) -> Iterator[Step]:
    prefix = f"esteira/{stage.name}/"
    pages = (
        session.client("secretsmanager")
        .get_paginator("list_secrets")
        .paginate(Filters=[{"Key": "name", "Values": [prefix]}])
    )
    known = {each["Name"].removeprefix(prefix) for page in pages for each in page["SecretList"]}
    for template in stage.templates:
        for name in _NEEDED_SECRETS.get(template.name, ()):
            if name in _ONLY_WHERE and stage.parameters.get(_ONLY_WHERE[name]) != "true":
                continue
            there = any(each.startswith(name) for each in known) if name.endswith("/") else name in known
            yield Step(
                f"secret {prefix}{name}",
                "" if there else "aws secretsmanager create-secret; docs/operations/aws.md says what is in it",
            )


def _connection(session: boto3.Session, outputs: dict[str, dict[str, str] | None]) -> Iterator[Step]:
    delivery = outputs.get("delivery")
    if delivery is not None:
        client: Any = session.client("codeconnections")
        status = client.get_connection(ConnectionArn=delivery["ConnectionArn"])["Connection"]["ConnectionStatus"]
        yield Step(
            "code connection",
            "" if status == "AVAILABLE" else f"{status}: complete the handshake under Developer Tools, Connections",
        )


def _subscriptions(session: boto3.Session, stage: Stage) -> Iterator[Step]:
    for page in session.client("sns").get_paginator("list_subscriptions").paginate():
        for each in page["Subscriptions"]:
            if f":esteira-{stage.name}-" in each["TopicArn"] and each["Protocol"].startswith("email"):
                is_pending = each["SubscriptionArn"] == "PendingConfirmation"
                yield Step(
                    f"e-mail to {each['Endpoint']}",
                    "follow the link in the message that AWS sent" if is_pending else "",
                )


def _keys(session: boto3.Session, outputs: dict[str, dict[str, str] | None]) -> Iterator[Step]:
    user = (outputs.get("push") or {}).get("PushUserName")
    if user:
        keys = session.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"]
        old = [each["AccessKeyId"] for each in keys if datetime.now(UTC) - each["CreateDate"] > OLDEST_KEY]
        wanted = (
            f"{', '.join(old)}: older than {OLDEST_KEY.days} days, change it"
            if old
            else "make one, for Prefect's block alone"
        )
        yield Step(f"key of {user}", wanted if old or not keys else "")
