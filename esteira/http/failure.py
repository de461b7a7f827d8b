"""From an exception of requests, urllib3 or ssl to why there is no answer: a kind for programs and words without any URL for people."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import urllib3

Kind = Literal["passing", "certificate", "client certificate", "proxy login", "proxy", "too large"]
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (urllib3.exceptions.ReadTimeoutError, "silent for too long"),
    (urllib3.exceptions.NameResolutionError, "the name does not resolve"),
    (ConnectionRefusedError, "connection refused"),
    (urllib3.exceptions.NewConnectionError, "no connection"),
    (urllib3.exceptions.ConnectTimeoutError, "no connection in time"),
    (urllib3.exceptions.DecodeError, "the compressed body is broken"),
    (urllib3.exceptions.IncompleteRead, "the body is shorter than announced"),
    (ConnectionError, "connection broken"),
    (urllib3.exceptions.ProtocolError, "connection broken"),
)
_CERTIFICATE_ALERT = re.compile(r"ALERT_.*CERTIFICATE|ALERT_UNKNOWN_CA|ALERT_ACCESS_DENIED|ALERT_HANDSHAKE_FAILURE")
"""What a server's TLS says to a client whose certificate is missing or not taken, https://www.rfc-editor.org/rfc/rfc8446#section-6.2;
TLS 1.2 has no word of its own for one that is missing."""
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a try brought no answer: words for people, and a kind for programs."""

    reason: str
    kind: Kind = "passing"


def failure_of(exc: BaseException) -> Failure:
    """The failure that an exception of requests or urllib3 stands for."""
    chain = list(_chain(exc))
    if any(isinstance(link, ssl.SSLCertVerificationError) for link in chain):
        return Failure("its certificate is not valid", "certificate")
    alerts = [link.reason or "" for link in chain if isinstance(link, ssl.SSLError)]
    alert = next(filter(_CERTIFICATE_ALERT.search, alerts), None)
    if alert is not None:
        return Failure(f"it does not take our client certificate ({alert})", "client certificate")
    status = next((found[1] for link in chain if (found := _TUNNEL.search(str(link)))), None)
    if status is not None:
        return _of_proxy(status)
    at = "the proxy: " if any(isinstance(link, urllib3.exceptions.ProxyError) for link in chain) else ""
    for kind, reason in _REASONS:
        if any(isinstance(link, kind) for link in chain):
            return Failure(f"{at}{reason}")
    return Failure(f"{at}{type(exc).__name__}")


def _of_proxy(status: str) -> Failure:
    reason = f"the proxy answers {status}"
    if status == "407":
        return Failure(reason, "proxy login")
    return Failure(reason, "proxy" if status.startswith("4") else "passing")


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """An exception and everything inside it: requests wraps by argument, urllib3 by `reason`, Python by cause."""
    seen: set[int] = set()
    waiting = [exc]
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        inner = (*link.args, getattr(link, "reason", None), getattr(link, "original_error", None))
        inner += (link.__cause__, link.__context__)
        waiting.extend(part for part in inner if isinstance(part, BaseException))
