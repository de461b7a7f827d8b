"""This process's login to AWS: the one session, its clients, who AWS takes it for, and what it lacks when it cannot log in."""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from threading import Lock
from typing import Any, TypeAlias

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from esteira.errors import AuthError, ConfigError, LakeUnavailable

_Identity: TypeAlias = tuple[tuple[str, str], ...]
_MAKING = Lock()
"""A session makes one client at a time: https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions"""
# At DEBUG botocore tells whole answers, those of Secrets Manager too, before anybody can know what in them is secret.
logging.getLogger("botocore").setLevel(logging.INFO)


def aws_session() -> boto3.Session:
    """This process's login to AWS, made once: each session reads megabytes of service models again, a third of a second of a run.

    An environment that names another identity, region or endpoint gets a session of its own.
    """
    return _session(_identity())


def aws_client(service: str, config: Config | None = None) -> Any:
    """This process's client of a service, made once for each configuration: threads may share it, and its connections are used again.

    Args:
        service: AWS's name of it, `s3`.
        config: One object for each use; it is compared by identity.
    """
    return _client(_identity(), service, config)


def aws_identity() -> str:
    """The ARN that AWS knows this process by.

    Raises:
        AuthError: There are no credentials, or AWS refuses them.
        ConfigError: The region or the profile is missing or wrong.
        LakeUnavailable: AWS does not answer.
    """
    try:
        return str(aws_client("sts").get_caller_identity()["Arn"])
    except ClientError as exc:
        code = exc.response["Error"]["Code"]
        raise AuthError(f"AWS refuses this process's credentials ({code}).", hint=_LOGIN_HINT) from exc
    except BotoCoreError as exc:
        raise (login_error(exc) or LakeUnavailable(f"AWS's STS does not answer: {exc}.")) from exc


def login_error(exc: BotoCoreError) -> ConfigError | AuthError | None:
    """The error where this process lacks something to log in to AWS, which no retry would find; None where AWS does not answer."""
    if isinstance(exc, NoRegionError | InvalidRegionError):
        return ConfigError(f"The AWS region is missing or wrong: {exc}", hint="Set AWS_DEFAULT_REGION (or AWS_REGION).")
    if isinstance(exc, ProfileNotFound):
        return ConfigError(
            f"{exc}.", hint="Correct AWS_PROFILE; on a laptop, `esteira stack env` prints the stack's own."
        )
    if isinstance(exc, NoCredentialsError | PartialCredentialsError):
        return AuthError(
            f"This process has no AWS credentials: {exc}.",
            hint="Give the task a role (ECS), or set AWS_PROFILE (laptop); keys of the environment come as a pair.",
        )
    if isinstance(exc, SSOError | TokenRetrievalError):
        return AuthError(f"The AWS login has expired: {exc}.", hint="Run `aws sso login` and the same command again.")
    return None


def _identity() -> _Identity:
    return tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))


@lru_cache(maxsize=4)  # a process has one identity; one that takes another does not come back
def _session(identity: _Identity) -> boto3.Session:  # noqa: ARG001 - the cache is asked by it
    return boto3.Session()


@lru_cache(maxsize=16)
def _client(identity: _Identity, service: str, config: Config | None) -> Any:
    with _MAKING:
        return _session(identity).client(service, config=config)  # type: ignore[call-overload] # the stubs know names alone


_LOGIN_HINT = "On ECS correct the task role; on a laptop AWS_PROFILE, or start the stack again: `esteira stack up` writes the profile anew."
