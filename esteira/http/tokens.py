"""The request for a token as an order, and its answer as a token or an error; who sends it is the client's business."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any
from urllib.parse import urlencode, urlsplit

from esteira.auth import Secret, Token, TokenScheme
from esteira.errors import AuthError, EsteiraError, PayloadError
from esteira.http.config import HttpConfig
from esteira.http.date import answered_at
from esteira.http.hosts import HostList
from esteira.http.order import Answer, Order, json_body
from esteira.redaction import printable

REFUSALS = frozenset({400, 401, 403, 422})
"""What an endpoint answers to credentials that it does not take, with the reason in the body."""
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
"""An error's code, https://www.rfc-editor.org/rfc/rfc6749#section-5.2. A text for people may repeat what was sent, so it is not shown."""
_CODE_KEYS = ("error", "code", "errorCode", "error_code")
WHAT = "The request for a token"


def token_hosts(scheme: TokenScheme, config: HttpConfig) -> HostList:
    """The hosts that a scheme's request may go to: the portal's, or those of the whole URL that the block names.

    Raises:
        ConfigError: The URL is not https.
    """
    if "://" not in scheme.url:
        return HostList(config)
    parts = urlsplit(scheme.url)
    elsewhere = dataclasses.replace(config, base_url=f"{parts.scheme}://{parts.netloc}", allowed_hosts=())
    return HostList(elsewhere, name="The token's URL")


def token_order(scheme: TokenScheme, secret: Secret, url: str) -> Order:
    """What to send; asking for a token twice changes nothing, so it is repeatable."""
    wanted = scheme.request(secret)
    is_json = wanted.encoding == "json"
    body = json_body(wanted.body) if is_json else urlencode(wanted.body).encode()
    kind = "application/json" if is_json else "application/x-www-form-urlencoded"
    headers = {"Content-Type": kind, **wanted.headers}
    return Order("POST", url, body, headers, statuses=REFUSALS, what=WHAT, is_proven=False)


def document_of(answer: Answer) -> Any:
    """The answer's JSON, or None."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def token_of(scheme: TokenScheme, answer: Answer, document: Any, order: Order, secret: str | None) -> Token:
    """The token in an answer.

    Raises:
        AuthError: The endpoint refuses the credentials, with its code.
        PayloadError: There is no token where it should be.
    """
    code = _code(document)
    if answer.status in REFUSALS:
        raise _refusal(order, f"status {answer.status}{f', {code}' if code else ''}", secret)
    if document is None:
        raise _no_token(order, f"the answer is no JSON but {_kind(answer)}")
    try:
        return scheme.read(document, answered_at(answer.headers))
    except PayloadError as exc:
        problem = exc
    if code:
        raise _refusal(order, f"status {answer.status}, {code}", secret)
    raise _no_token(order, problem.message, problem.hint)


def _refusal(order: Order, how: str, secret: str | None) -> EsteiraError:
    return AuthError(
        f"{order.what}: {order.host} refuses us on {order.path} ({how}); asked with secret {secret!r}.",
        hint="Compare the secret's fields with the portal's, and the scheme's paths and parameters with its documentation.",
    )


def _no_token(order: Order, problem: str, hint: str | None = None) -> EsteiraError:
    return PayloadError(
        f"{order.what}: {order.host} answers on {order.path}, but {problem}.",
        hint=hint or "Correct the scheme in the portal's block.",
    )


def _code(document: Any) -> str | None:
    """The code of an error, if it looks like one."""
    if not isinstance(document, dict):
        return None
    for key in _CODE_KEYS:
        found = document.get(key)
        if isinstance(found, dict):
            found = found.get("code")
        if isinstance(found, str) and _CODE.fullmatch(found):
            return printable(found)
    return None


def _kind(answer: Answer) -> str:
    return printable(answer.headers.get("content-type", "without a content type"), limit=60)
