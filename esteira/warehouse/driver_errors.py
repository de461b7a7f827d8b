"""What `redshift_connector` and the AWS login raise, in our own classes. Nothing else in the core sees a driver's error."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from redshift_connector.error import Error as DriverError
from redshift_connector.error import InterfaceError, OperationalError

from esteira.aws import login_error
from esteira.errors import AuthError, ConfigError, EsteiraError, LoadError, WarehouseBusy
from esteira.warehouse.config import WarehouseConfig

_CONFLICT = re.compile(
    r"^\W*(?:error\W+)?1023\b|conflict with concurrent transaction|Serializable isolation violation|deadlock detected"
    r"|could not open relation with OID|cancelled on user's request|terminating connection|already exists|tuple concurrently updated",
    re.IGNORECASE,
)
"""Redshift sends these as XX000 like many other errors, so only the message tells that a new try may pass; never XX000 alone.

"Already exists" comes from two first loads that make the same schema or table at once: IF NOT EXISTS does not lock."""
_CONFLICT_CODES = frozenset({"40001", "40P01", "23505"})
"""Serialisation failure, deadlock, and a unique violation: keys are not enforced, so that one can only be the catalogue's own,
when two first loads make the same table at once."""
_VIOLATION = re.compile(r"Serializable isolation violation|conflict with concurrent transaction", re.IGNORECASE)
_TIMEOUT = re.compile(r"cancelled on user's request", re.IGNORECASE)
_PRESIGNED = re.compile(r"\?[^\s'\"]*X-Amz-[^\s'\"]*")
CONNECT_ERRORS = (DriverError, OSError, ClientError, BotoCoreError)


@contextmanager
def translated() -> Iterator[None]:
    """Every error of a statement leaves as one of ours."""
    try:
        yield
    except (DriverError, OSError) as exc:
        raise statement_error(exc) from exc


def statement_error(exc: Exception) -> EsteiraError:
    """What a failed statement means: met another session, lost its connection, denied, or refused."""
    details = exc.args[0] if exc.args and isinstance(exc.args[0], dict) else {}
    message, code = _clean(details.get("M") or exc), details.get("C")
    text = _with_detail(message, details)
    if code in _CONFLICT_CODES or _CONFLICT.search(message) or _VIOLATION.search(str(details.get("D", ""))):
        return WarehouseBusy(f"The transaction met another one: {text}.")
    if isinstance(exc, InterfaceError | OperationalError | OSError | socket.timeout) and not details:
        return WarehouseBusy(f"The connection to the warehouse broke ({type(exc).__name__}).")
    if code == "42501":
        return AuthError(f"The warehouse denies it: {message}.", hint="Grant the named privilege to the loading user.")
    return LoadError(f"The warehouse refuses the statement: {text}.")


def is_timeout(error: WarehouseBusy) -> bool:
    """Whether a statement was ended because it took or waited longer than it may: Redshift words that as a user's cancel."""
    return _TIMEOUT.search(error.message) is not None


def connect_error(exc: Exception, config: WarehouseConfig) -> EsteiraError:
    """What a connection that was not made means."""
    if isinstance(exc, ClientError | BotoCoreError):
        return _login_error(exc, config)
    text = str(exc)
    if "28000" in text or "28P01" in text or "password" in text.lower():
        who = "the database user of our AWS role" if config.is_iam else f"the user of secret {config.secret}"
        return AuthError(f"The warehouse at {config.where} refuses {who}.")
    if "certificate" in text.lower():
        return ConfigError(
            f"The certificate of the warehouse at {config.where} is not trusted.",
            hint="Point SSL_CERT_FILE at the right CA bundle.",
        )
    if "3D000" in text:
        return ConfigError(
            f"The warehouse has no database as in {config.where}.", hint="Correct ESTEIRA_WAREHOUSE_DATABASE."
        )
    return WarehouseBusy(
        f"The warehouse at {config.where} does not answer: {type(exc).__name__}.",
        hint="Check that it is running and reachable from here.",
    )


def _login_error(exc: ClientError | BotoCoreError, config: WarehouseConfig) -> EsteiraError:
    """The driver asks AWS for a database password first; the actions are those of the two kinds of warehouse."""
    action = "redshift-serverless:GetCredentials" if config.workgroup else "redshift:GetClusterCredentialsWithIAM"
    target = f"workgroup {config.workgroup}" if config.workgroup else f"cluster {config.cluster}"
    if not isinstance(exc, ClientError):
        return login_error(exc) or WarehouseBusy(f"AWS does not answer the login to {target}: {type(exc).__name__}.")
    code = str(exc.response.get("Error", {}).get("Code", ""))
    if code in {"ResourceNotFoundException", "ClusterNotFound", "ClusterNotFoundFault"}:
        return ConfigError(f"There is no {target} in this account and region.", hint="Correct its name, or AWS_REGION.")
    if code.startswith(("Throttl", "Internal", "ServiceUnavailable")):
        return WarehouseBusy(f"AWS answered {code} to the login to {target}.")
    return AuthError(f"{action} on {target} is denied ({code}).", hint=f"Grant {action} to the task role.")


def _clean(text: object) -> str:
    """Without the query of a presigned URL: whoever has it may read the object."""
    return _PRESIGNED.sub("?…", str(text))


def _with_detail(message: str, details: dict[str, Any]) -> str:
    detail = " ".join(_clean(details.get("D", "")).replace("-" * 47, "").split())
    return f"{message.strip().rstrip('.')} ({detail})" if detail else message.strip().rstrip(".")
