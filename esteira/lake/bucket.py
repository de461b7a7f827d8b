"""One S3 bucket: get, put, list, and what S3 answers in words of ours. Knows no batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from esteira.aws import aws_client, aws_session, login_error
from esteira.errors import AuthError, ConfigError, EsteiraError, LakeUnavailable

CONFLICT_TRIES = 5
"""S3 answers 409 while another conditional write of the same key is under way; the put is simply tried again."""
MAX_CONNECTIONS = 10
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=5 * MAX_CONNECTIONS)
"""Of one client, which all lakes of a process share: datasets at once, each with its threads."""
_ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})
_DENIED = frozenset(
    {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "KMS.AccessDeniedException"}
)


class Bucket:
    """One bucket.

    Args:
        bucket: Bucket name.
        session: AWS session; by default the environment's (a task role on AWS, a profile on a laptop).
    """

    def __init__(self, bucket: str, session: boto3.Session | None = None) -> None:
        self.bucket = bucket
        with self.translated("s3:ListBucket", ""):
            self._session = session or aws_session()
            self.client: Any = session.client("s3", config=_CONFIG) if session else aws_client("s3", _CONFIG)

    def uri(self, key: str) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.bucket}/{key}"

    def get(self, key: str) -> bytes | None:
        """An object's bytes, or None when there is none."""
        with self.translated("s3:GetObject", key):
            try:
                content: bytes = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            except ClientError as exc:
                if code_of(exc) in _ABSENT:
                    return None
                raise
            return content

    def put(self, key: str, content: bytes | bytearray, *, content_type: str = "binary/octet-stream") -> None:
        """Write a small object; the type is what a browser is told, by default S3's own."""
        with self.translated("s3:PutObject", key):
            self.client.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=content_type)

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Write an object unless the key exists; whether this call wrote it."""
        with self.translated("s3:PutObject", key):
            for attempt in range(1, CONFLICT_TRIES + 1):
                try:
                    self.client.put_object(Bucket=self.bucket, Key=key, Body=content, IfNoneMatch="*")
                except ClientError as exc:
                    if code_of(exc) in {"PreconditionFailed", "412"}:
                        return False
                    if code_of(exc) not in {"ConditionalRequestConflict", "409"} or attempt == CONFLICT_TRIES:
                        raise
                else:
                    return True
        return False

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders right below a prefix, in order."""
        with self.translated("s3:ListBucket", prefix):
            pages = self._listed(Prefix=prefix, Delimiter="/")
            return [
                entry["Prefix"].removeprefix(prefix).rstrip("/")
                for page in pages
                for entry in page.get("CommonPrefixes", ())
            ]

    def sizes(self, prefix: str) -> dict[str, int]:
        """Key to size in bytes of every object below a prefix, in order."""
        return {entry["Key"]: int(entry["Size"]) for entry in self.entries(prefix)}

    def entries(self, prefix: str) -> Iterator[dict[str, Any]]:
        """What S3 lists below a prefix, in order of the keys."""
        with self.translated("s3:ListBucket", prefix):
            for page in self._listed(Prefix=prefix):
                yield from page.get("Contents", ())

    @contextmanager
    def translated(self, action: str, key: str) -> Iterator[None]:
        """Raise what AWS answers as an error of ours that names action and place."""
        try:
            yield
        except EsteiraError:
            raise
        except ClientError as exc:
            self.raise_client_error(exc, action, key)
        except BotoCoreError as exc:
            raise login_error(exc) or LakeUnavailable(f"{action} on {self.uri(key)} failed: {exc}.") from exc

    def raise_client_error(self, exc: ClientError, action: str, key: str) -> NoReturn:
        """Raise an answer of S3.

        Raises:
            AuthError: S3 denies it.
            ConfigError: The bucket is not there.
            LakeUnavailable: Anything else, after the client's own retries.
        """
        code = code_of(exc)
        if code in _DENIED:
            raise AuthError(
                f"{action} on arn:aws:s3:::{self.bucket}/{key} is denied ({code}).",
                hint=f"Grant {action} on this ARN to the task role.",
            ) from exc
        if code in {"NoSuchBucket", "PermanentRedirect"}:
            raise ConfigError(
                f"Bucket {self.bucket} answers {code}.", hint="Set ESTEIRA_LAKE_BUCKET to the bucket of this stage."
            ) from exc
        raise LakeUnavailable(f"{action} on {self.uri(key)} failed with {code}.") from exc

    def _listed(self, **how: str) -> Iterator[dict[str, Any]]:
        pages: Iterator[dict[str, Any]] = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, **how
        )
        return pages


def code_of(exc: ClientError) -> str:
    """S3's error code."""
    return str(exc.response.get("Error", {}).get("Code", ""))
