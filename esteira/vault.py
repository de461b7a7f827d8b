"""Secrets by name, from AWS Secrets Manager; read inside the step that needs them and kept nowhere."""

from __future__ import annotations

import json
from collections.abc import Mapping

import boto3
from botocore.exceptions import BotoCoreError, ClientError

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
        answer = boto3.Session().client("secretsmanager").get_secret_value(SecretId=name)
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
        raise LakeUnavailable(f"Secrets Manager does not answer for {name}: {exc}.") from exc
    try:
        fields = json.loads(answer.get("SecretString", ""))  # a binary secret has none
    except ValueError:
        fields = None  # the text is not repeated in the error: it may be the secret itself
    if not isinstance(fields, dict):
        raise ConfigError(f"Secret {name} is not a JSON object of fields.", hint='Store it as {"field": "value"}.')
    return {str(key): str(value) for key, value in fields.items()}
