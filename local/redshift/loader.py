"""COPY from a manifest: assume the role, check every object, stream Parquet into PostgreSQL on the client's session."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import botocore.exceptions
from botocore.config import Config

from local.redshift.ahead import working_ahead
from local.redshift.backend import Backend
from local.redshift.errors import GatewayError
from local.redshift.locks import lock_statement
from local.redshift.parquet import Encoder, TargetColumn, read_rows
from local.redshift.plans import Copy, Write, quote_name, quote_text

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CLIENT_LIFETIME_SECONDS = 600.0
ROLE_DURATION_SECONDS = 3600
MAX_MANIFEST_BYTES = 64 << 20


@dataclass(frozen=True)
class ManifestEntry:
    """One object of a manifest."""

    bucket: str
    key: str
    is_mandatory: bool
    content_length: int


class Loader:
    """Loads manifests; shared by all sessions. Holds one S3 client per role for a while."""

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._clients: dict[str, tuple[float, S3Client]] = {}

    def load(self, plan: Copy, backend: Backend, check_client: Callable[[], None]) -> int:
        """Run a COPY inside the session's transaction; return the number of rows.

        Raises:
            GatewayError: Worded as Redshift words it; the transaction is aborted.
        """
        lock = lock_statement(Write(plan.table, is_append=True), is_serializable=backend.setting.is_serializable)
        if lock and backend.status == b"T":
            backend.run(lock)  # before the first question, which fixes the snapshot
        backend.run("SET esteira.last_copy_count = 0")
        columns = _target_columns(plan, backend)
        s3 = self.client_for(plan.role, backend)
        entries = [entry for entry in _read_manifest(s3, plan.manifest) if _check_entry(s3, entry)]
        listed = ", ".join(quote_name(column.name) for column in columns)
        sql = "; ".join(filter(None, (lock, f"COPY {plan.table} ({listed}) FROM STDIN (FORMAT binary)")))
        with working_ahead(_stream(s3, entries, Encoder(columns))) as chunks:
            tag = backend.copy_in(sql, _watched(chunks, check_client)).tags[-1]
        rows = int(tag.split()[-1])
        backend.run(f"SET esteira.last_copy_count = {rows}")
        return rows

    def client_for(self, role: str, backend: Backend) -> S3Client:
        """An S3 client with the rights of `role`, which the gateway's own identity assumes."""
        with self._lock:
            made_at, client = self._clients.get(role, (0.0, None))
            if client is None or time.monotonic() - made_at > CLIENT_LIFETIME_SECONDS:
                client = self._client(role, backend.pid)
                self._clients[role] = (time.monotonic(), client)
            return client

    def _client(self, role: str, pid: int) -> S3Client:
        session = boto3.session.Session()
        region = session.region_name or "us-east-1"
        sts = session.client("sts", endpoint_url=self._endpoint, region_name=region)
        try:
            answer = sts.assume_role(
                RoleArn=role, RoleSessionName=f"redshift-{pid}", DurationSeconds=ROLE_DURATION_SECONDS
            )
        except botocore.exceptions.ClientError as exc:
            text = f"The cluster's service is not authorized to assume IAM Role {role}"
            raise GatewayError(text, detail=service_text("STSServiceException", exc)) from exc
        except botocore.exceptions.BotoCoreError as exc:
            raise GatewayError(f"STS cannot be asked for IAM Role {role}: {exc}") from exc
        keys = answer["Credentials"]
        return session.client(
            "s3",
            endpoint_url=self._endpoint,
            region_name=region,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(s3={"addressing_style": "path"} if self._endpoint else {}, max_pool_connections=4),
        )


def _target_columns(plan: Copy, backend: Backend) -> list[TargetColumn]:
    rows = backend.run(
        "SELECT attname, format_type(atttypid, NULL), atttypmod, attnotnull FROM pg_attribute WHERE attrelid = "
        f"{quote_text(plan.table)}::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    ).rows
    known = {str(row[0]): TargetColumn(str(row[0]), str(row[1]), int(row[2] or -1), row[3] == "t") for row in rows}
    missing = [name for name in plan.columns if name not in known]
    if missing:
        raise GatewayError(f'column "{missing[0]}" of relation {plan.table} does not exist', sqlstate="42703")
    return [known[name] for name in plan.columns] if plan.columns else list(known.values())


def _read_manifest(s3: S3Client, url: str) -> list[ManifestEntry]:
    bucket, key = _split_url(url)
    try:
        text = s3.get_object(Bucket=bucket, Key=key)["Body"].read(MAX_MANIFEST_BYTES)
    except botocore.exceptions.ClientError as exc:
        raise GatewayError(
            f"Problem reading manifest file - {service_text('S3ServiceException', exc)}", detail=url
        ) from exc
    except botocore.exceptions.BotoCoreError as exc:
        raise GatewayError(f"Problem reading manifest file - {exc}", detail=url) from exc
    try:
        entries = json.loads(text)["entries"]
        return [_entry(entry) for entry in entries]
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise GatewayError(f"Manifest file is not in correct json format: {url}", detail=repr(exc)) from exc


def _entry(entry: dict[str, Any]) -> ManifestEntry:
    bucket, key = _split_url(entry["url"])
    length = entry.get("meta", {}).get("content_length")
    if not isinstance(length, int):
        raise GatewayError(f"Manifest entry without meta.content_length, which Parquet needs: {entry['url']}")
    return ManifestEntry(bucket, key, bool(entry.get("mandatory", False)), length)


def _split_url(url: str) -> tuple[str, str]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if not url.startswith("s3://") or not bucket or not key:
        raise GatewayError(f"COPY with MANIFEST parameter requires full path of an S3 object: {url}")
    return bucket, key


def _check_entry(s3: S3Client, entry: ManifestEntry) -> bool:
    """Tell whether to load the object; refuse what is missing or not of the promised size."""
    place = f"s3://{entry.bucket}/{entry.key}"
    try:
        size = s3.head_object(Bucket=entry.bucket, Key=entry.key)["ContentLength"]
    except botocore.exceptions.ClientError as exc:
        if exc.response.get("Error", {}).get("Code") not in {"404", "NoSuchKey", "NotFound"}:
            raise GatewayError(service_text("S3ServiceException", exc), detail=place) from exc
        if not entry.is_mandatory:
            return False
        text = "S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey"
        raise GatewayError(text, detail=f"{place} is mandatory in the manifest") from exc
    if size != entry.content_length:
        raise GatewayError(f"File size mismatch: {place} has {size} bytes, the manifest says {entry.content_length}")
    return True


def service_text(service: str, exc: botocore.exceptions.ClientError) -> str:
    """Word an answer of AWS as Redshift does."""
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    error = exc.response.get("Error", {})
    if status == 403 and service == "S3ServiceException":  # HEAD has no body, so botocore knows the number only
        return f"{service}:Access Denied,Status 403,Error AccessDenied"
    return f"{service}:{error.get('Message', '')},Status {status},Error {error.get('Code', '')}"


def _watched(chunks: Iterator[bytes], check_client: Callable[[], None]) -> Iterator[bytes]:
    """Look for the client between two chunks, on the session's own thread."""
    for chunk in chunks:
        check_client()
        yield chunk


def _stream(s3: S3Client, entries: list[ManifestEntry], encoder: Encoder) -> Iterator[bytes]:
    yield encoder.begin()
    for entry in entries:
        try:
            yield from read_rows(s3, entry.bucket, entry.key, entry.content_length, encoder)
        except botocore.exceptions.ClientError as exc:
            raise GatewayError(
                service_text("S3ServiceException", exc), detail=f"s3://{entry.bucket}/{entry.key}"
            ) from exc
        except botocore.exceptions.BotoCoreError as exc:
            raise GatewayError(f"S3 cannot be read: {exc}", detail=f"s3://{entry.bucket}/{entry.key}") from exc
    yield encoder.end()
