"""What stops a deployment, in words that name the mend; AWS's own words are translated here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

CONFIGURATION, RIGHTS, LATER = 78, 77, 75
"""Exit codes, as the `esteira` command has them: what was asked for; who asks; AWS."""
_NO_LOGIN = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound", "TokenRetrievalError",
             "SSOTokenLoadError", "UnauthorizedSSOTokenError", "LoginRefreshRequired"}  # fmt: skip
_STALE_LOGIN = {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException", "RequestExpired",
                "SignatureDoesNotMatch"}  # fmt: skip
_LOG_IN = "Log in to the account of the stage (`aws sso login`, or a role), then run the same command again."
_TAKEN = (
    "Something of this name is there already and belongs to no stack of this stage. Delete or rename it, or choose another stage's name; what holds data "
    "can be adopted instead: docs/operations/aws.md, 'A name is taken'."
)
_QUOTA = (
    "A quota of the account is used up. Ask for more under Service Quotas in this region (docs/operations/aws.md lists what a stage needs), or remove "
    "what is not needed, then run the same command again."
)
_DENIED = "Who deploys lacks this right. Grant it to them, or deploy with the role that docs/operations/aws.md names."
_FULL = "Something is still stored there. Empty it if it is really not wanted, then run the same command again."
_MENDS = (
    (r"already exist", _TAKEN),
    (r"limit ?exceeded|quota|maximum number|limit of|too many", _QUOTA),
    (r"access ?denied|not authori[sz]ed|unauthori[sz]ed|forbidden", _DENIED),
    (r"not empty", _FULL),
)
_NEXT = "Mend what the reason names, then run the same command again: what is half created is removed first."


class DeployError(Exception):
    """What stops a deployment.

    Args:
        message: What and where.
        hint: What to do.
        exit_code: Of the command.
    """

    def __init__(self, message: str, hint: str, exit_code: int = CONFIGURATION) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


@contextmanager
def translated(what: str) -> Iterator[None]:
    """AWS's errors as ours.

    Args:
        what: What was being done, such as `stack esteira-dev-lake`.
    """
    try:
        yield
    except ClientError as exc:
        raise _of_answer(what, exc.response["Error"]["Code"], exc.response["Error"].get("Message", "")) from exc
    except BotoCoreError as exc:
        if type(exc).__name__ in _NO_LOGIN:
            raise DeployError(f"There is no login for AWS: {exc}", _LOG_IN, RIGHTS) from exc
        raise DeployError(f"AWS does not answer ({what}): {exc}", "Check the network and the region.", LATER) from exc


def failed(what: str, reason: str) -> DeployError:
    """The error of something that CloudFormation could not do."""
    return DeployError(f"{what}: {reason}", _mend(reason), RIGHTS if "denied" in reason.lower() else LATER)


def _of_answer(what: str, code: str, message: str) -> DeployError:
    if code in _STALE_LOGIN:
        return DeployError(f"AWS does not take this login ({code}).", _LOG_IN, RIGHTS)
    return failed(what, f"{message} ({code})")


def _mend(reason: str) -> str:
    return next((mend for pattern, mend in _MENDS if re.search(pattern, reason, re.IGNORECASE)), _NEXT)
