"""What stands in front of ministack: a door, one missing condition key, a full disk, and state that survives `kill -9`.

Patches and calls private names of ministack 1.5.33 (the pin in pyproject.toml); `check_pins` fails when one is gone.
"""

import asyncio
import importlib.metadata
import inspect
import logging
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from local.aws.alarms import look_for_ever

PINNED_VERSION = "1.5.33"
SNAPSHOT_INTERVAL_SECONDS = 2.0
_HEALTH_PATH = "/_ministack/health"
_ROOT_REFUSED = (
    b'{"__type": "InvalidClientTokenId", "message": "The laptop stack takes no well-known root key. '
    b'Source STATE/stack.env, and unset AWS_ACCESS_KEY_ID."}'
)
RESERVED_BYTES = 16 * 1024**2
"""Free space that an upload must leave: room for the object's metadata, its history and the snapshots."""
_NO_ROOM = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>InsufficientStorage</Code>'
    b"<Message>The disk of the laptop stack is full.</Message></Error>"
)
_PRIVATE_REFUSED = b'{"message": "Only /_ministack/health is served here."}'
_PINS = {
    "ministack.app": ("app", "_build_persistence_save_dict", "AUTH", "PERSIST_STATE"),
    "ministack.core.persistence": ("save_all",),
    "ministack.core.router": ("extract_access_key_id",),
    "ministack.core.iam_evaluator": ("is_root_access_key",),
    "ministack.core.iam_actions": ("s3_service_context", "request_tag_context", "extract_resource_arn"),
    "ministack.core.responses": ("_request_account_id", "_request_region"),
    "ministack.services.cloudwatch": (
        "_alarms",
        "_metrics",
        "_evaluate_alarm",
        "_record_history",
        "_dispatch_alarm_actions",
    ),
    "ministack.services.ecs": ("_get_docker", "_run_docker_container", "_maybe_mark_stopped"),
    "ministack.services.eventbridge": ("_dispatch_event",),
    "ministack.services.lambda_svc": ("_execute_function_warm",),
    "ministack.services.s3": ("_fire_s3_event",),
    "ministack.services.sns": ("_publish",),
    "ministack.services.stepfunctions": ("_poll_ecs_tasks", "_ExecutionError"),
}
_log = logging.getLogger("local.aws")
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def check_pins() -> None:
    """Fail when ministack is not the version, or lacks a name, that this module was written against.

    Raises:
        RuntimeError: naming what is missing.
    """
    version = importlib.metadata.version("ministack")
    if version != PINNED_VERSION:
        raise RuntimeError(f"ministack {version} is installed; local/aws was proven against {PINNED_VERSION} only")
    for module_name, names in _PINS.items():
        module = importlib.import_module(module_name)
        missing = [name for name in names if not hasattr(module, name)]
        if missing:
            raise RuntimeError(f"{module_name} has no {', '.join(missing)}: local/aws/gate.py patches or calls it")
    parameters = list(
        inspect.signature(importlib.import_module("ministack.core.iam_actions").s3_service_context).parameters
    )
    if parameters != ["iam_action", "query_params", "path", "headers"]:
        raise RuntimeError(f"s3_service_context takes {parameters} now: local/aws/gate.py wraps it")


def add_if_none_match_key() -> None:
    """Give policies `s3:if-none-match`, which AWS has and ministack lacks; the seal's bucket policy rests on it."""
    from ministack.core import iam_actions

    original = iam_actions.s3_service_context

    def with_if_none_match(
        iam_action: str, query_params: Any, path: str = "", headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        context: dict[str, Any] = original(iam_action, query_params, path, headers)
        value = (headers or {}).get("if-none-match")
        return context | {"s3:if-none-match": value} if iam_action == "s3:PutObject" and value else context

    iam_actions.s3_service_context = with_if_none_match


class Gate:
    """The ASGI application: refuses administration, foreign root keys and what finds no room, passes the rest on."""

    def __init__(self, app: App, root_key_id: str, data: Path) -> None:
        self._app = app
        self._root_key_id = root_key_id
        self._data = data

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the server's lifespan with the snapshot loop inside it."""
        if scope["type"] == "lifespan":
            loops = [asyncio.create_task(loop) for loop in (_snapshot_for_ever(), look_for_ever())]
            try:
                await self._app(scope, receive, send)
            finally:
                for each in loops:
                    each.cancel()
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _is_private(scope["path"]):
            await _refuse(send, _PRIVATE_REFUSED)
        elif self._is_foreign_root(scope):
            await _refuse(send, _ROOT_REFUSED)
        elif self._has_no_room(scope):
            # 507, because botocore takes 500 and 503 for something that passes, and would try for half a minute.
            await _refuse_upload(receive, send)
        else:
            # A loopback connection never leaves the machine, so it stands in for TLS: the bucket policy's
            # TLS-only statement then stays in the template without a switch that could weaken it on AWS.
            scope["headers"] = [*_without_forwarding(scope), (b"x-forwarded-proto", b"https")]
            await self._app(scope, receive, send)

    def _has_no_room(self, scope: Scope) -> bool:
        # ministack only logs that it could not write an object, keeps it in memory and answers 200: a sealed part would be
        # gone with the next start. So an upload is refused before ministack hears of it.
        if scope["method"] not in {"PUT", "POST"} or scope["path"] == "/":
            return False  # every service but S3 is asked at /
        size = next((value for name, value in scope["headers"] if name.lower() == b"content-length"), b"0")
        return shutil.disk_usage(self._data).free < int(size) + RESERVED_BYTES

    def _is_foreign_root(self, scope: Scope) -> bool:
        # ministack takes `test` and any 12 digits for root and checks neither signature nor policy of them.
        from ministack.core.iam_evaluator import is_root_access_key
        from ministack.core.router import extract_access_key_id

        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        key_id = extract_access_key_id(headers, parse_qs(scope["query_string"].decode("latin-1")))
        return bool(key_id) and key_id != self._root_key_id and bool(is_root_access_key(key_id))


def _without_forwarding(scope: Scope) -> list[tuple[bytes, bytes]]:
    return [pair for pair in scope["headers"] if pair[0].lower() != b"x-forwarded-proto"]


def _is_private(path: str) -> bool:
    return path.startswith(("/_ministack", "/_localstack")) and path != _HEALTH_PATH


async def _refuse(send: Send, body: bytes, status: int = 403, content_type: bytes = b"application/json") -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _refuse_upload(receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass  # a client that is still sending would see a broken connection instead of the answer
    await _refuse(send, _NO_ROOM, 507, b"application/xml")


async def _snapshot_for_ever() -> None:
    # ministack saves everything but S3 objects only on a clean stop: users and buckets would die with kill -9.
    from ministack.app import _build_persistence_save_dict
    from ministack.core.persistence import save_all

    while True:
        await asyncio.sleep(SNAPSHOT_INTERVAL_SECONDS)
        try:
            save_all(_build_persistence_save_dict())
        except Exception:  # noqa: BLE001 - private functions of the emulator; the loop must go on
            _log.exception("snapshot failed; the next one is in %s s", SNAPSHOT_INTERVAL_SECONDS)
