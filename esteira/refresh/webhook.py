"""A signed POST to anything that refreshes something. docs/bi/connect.md tells a receiver what comes and what it answers.

Signed as Standard Webhooks says, so that receivers can use its libraries: HMAC-SHA256 over `id.timestamp.body`, in base64 behind `v1,`.
The id is the order's key: a receiver that has seen it does nothing a second time.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from esteira.auth import Secret
from esteira.contract import Webhook
from esteira.errors import AuthError
from esteira.http import Answer, HttpClient, HttpConfig, Terms
from esteira.http.order import json_body
from esteira.http.wait import retry_after
from esteira.refresh.progress import Order, Progress, State, Unsupported, document, told

FIELD, PREFIX = "key", "whsec_"
MIN_KEY_BYTES = 24
"""https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme"""
_STATES: dict[str, State] = {"running": "running", "done": "done", "failed": "failed", "cancelled": "cancelled"}
_GONE, _NO_VERB = frozenset({404, 410}), frozenset({404, 405, 410, 501})
_REFUSALS = frozenset({400, 404, 409, 410, 413, 422, 429})


class SignedPost:
    """One receiver.

    Args:
        wanted: Where it is.
        name: Of the secret.
        fields: The secret's.

    Raises:
        AuthError: The key is missing, or no key.
    """

    def __init__(self, wanted: Webhook, name: str, fields: Mapping[str, str]) -> None:
        self._wanted, self._key = wanted, _key(Secret(name, fields))
        parts = urlsplit(wanted.url)
        config = HttpConfig(
            base_url=f"{parts.scheme}://{parts.netloc}", secret=name, allow_private_hosts=wanted.allow_private_hosts,
            max_attempts=3, retry_after_cap_seconds=30, total_timeout_seconds=60,
        )  # fmt: skip
        self._http = HttpClient(config)

    def start(self, order: Order) -> Progress:
        """A POST, which the receiver takes once however often it comes. 202 with a Location is one that runs; another 2xx is done."""
        document = {
            "type": "refresh.requested",
            "timestamp": order.since.isoformat(),
            "data": {"asset": order.asset, "batches": dict(order.batches)},
        }
        terms = Terms(self._signed(order.key, json_body(document)), _REFUSALS, is_read_only=True)
        answer = self._http.send("POST", self._wanted.url, json=document, what="The webhook", terms=terms)
        if answer.status in _REFUSALS:
            return Progress(
                "refused",
                code=f"status {answer.status}",
                reason=_reason(answer),
                wait_seconds=retry_after(answer.headers),
            )
        place = answer.headers.get("location")
        if answer.status == 202 and place:
            where = urljoin(answer.url, place)
            self._http.check(where)
            return Progress("running", where)
        return Progress("done", order.key)

    def poll(self, id_: str) -> Progress:
        """A GET of the place that the receiver named: `{"state": "running", "reason": ""}`."""
        terms = Terms(self._signed(_message_id(id_), b""), _GONE)
        answer = self._http.get(id_, what="The webhook's status", terms=terms)
        if answer.status in _GONE:
            return Progress("unknown", id_, f"status {answer.status}")
        found = document(answer.body)
        return Progress(
            _STATES.get(str(found.get("state")), "unknown"), id_, told(found.get("code")), told(found.get("reason"))
        )

    def cancel(self, id_: str) -> Progress | Unsupported:
        """A DELETE of that place, if the receiver has it."""
        if "://" not in id_:
            return Unsupported("The receiver named no place at which the refresh can be asked for.")
        terms = Terms(self._signed(_message_id(id_), b""), _NO_VERB)
        answer = self._http.send("DELETE", id_, what="The webhook's cancelling", terms=terms)
        if answer.status in _NO_VERB:
            return Unsupported(f"The receiver cancels nothing (status {answer.status}).")
        return Progress("cancelled", id_)

    def limit(self) -> int | None:
        """What the asset's file says of it."""
        return self._wanted.limit

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _signed(self, id_: str, body: bytes) -> dict[str, str]:
        return signature_headers(self._key, id_, int(time.time()), body)


def signature_headers(key: bytes, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks."""
    digest = hmac.new(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _message_id(place: str) -> str:
    """Of a question about a refresh: the same for the same one, and never that of an order."""
    return f"status-{hashlib.sha256(place.encode()).hexdigest()[:32]}"


def _key(secret: Secret) -> bytes:
    try:
        key = base64.b64decode(secret.text(FIELD).removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < MIN_KEY_BYTES:
        raise AuthError(
            f"Field {FIELD!r} of secret {secret.name!r} is no key of a webhook.",
            hint=f"Store {PREFIX} and at least {MIN_KEY_BYTES} random bytes in base64: `openssl rand -base64 32`.",
        )
    return key


def _reason(answer: Answer) -> str:
    found = document(answer.body)
    return told(found.get("reason") or found.get("message"))
