"""Secrets by name, from AWS Secrets Manager; read inside the step that needs them and kept nowhere.

Beside them the names and addresses that a run without Prefect needs, from Systems Manager's parameters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from esteira.aws import aws_client, login_error
from esteira.errors import AuthError, ConfigError, LakeUnavailable

_DENIED = frozenset(
    {"AccessDenied", "403", "AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"}
)


def read_secret(name: str) -> Mapping[str, str]:
    """The fields of a secret.

    Raises:
        AuthError: We may not read it.
        ConfigError: It does not exist or is no JSON object.
        LakeUnavailable: Secrets Manager does not answer.
    """
    try:
        answer = aws_client("secretsmanager").get_secret_value(SecretId=name)
    except ClientError as exc:
        code = exc.response["Error"]["Code"]
        if code in _DENIED:
            raise AuthError(
                f"secretsmanager:GetSecretValue on {name} is denied ({code}).", hint="Grant it to the task role."
            ) from exc
        if code == "ResourceNotFoundException":
            raise ConfigError(
                f"Secret {name} does not exist.", hint="Create it, or correct the name in the block or setting."
            ) from exc
        raise LakeUnavailable(f"Secrets Manager answered {code} for {name}.") from exc
    except BotoCoreError as exc:
        found = login_error(exc) or LakeUnavailable(f"Secrets Manager does not answer for {name}: {exc}.")
        raise found from exc
    try:
        fields = json.loads(answer.get("SecretString", ""))  # a binary secret has none
    except ValueError:
        fields = None  # the text is not repeated in the error: it may be the secret itself
    if not isinstance(fields, dict):
        raise ConfigError(f"Secret {name} is not a JSON object of fields.", hint='Store it as {"field": "value"}.')
    return {str(key): str(value) for key, value in fields.items()}


def read_parameters(path: str) -> Mapping[str, str]:
    """The parameters of Systems Manager below a path, by the last piece of their names.

    Args:
        path: Such as `/esteira/prod/settings`.

    Raises:
        AuthError: We may not read them.
        LakeUnavailable: Systems Manager does not answer.
    """
    try:
        pages = aws_client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path)
        return {each["Name"].rpartition("/")[2]: each["Value"] for page in pages for each in page["Parameters"]}
    except ClientError as exc:
        code = exc.response["Error"]["Code"]
        if code in _DENIED:
            hint = "Grant it to the task role."
            raise AuthError(f"ssm:GetParametersByPath on {path} is denied ({code}).", hint=hint) from exc
        raise LakeUnavailable(f"Systems Manager answered {code} for {path}.") from exc
    except BotoCoreError as exc:
        found = login_error(exc) or LakeUnavailable(f"Systems Manager does not answer for {path}: {exc}.")
        raise found from exc
