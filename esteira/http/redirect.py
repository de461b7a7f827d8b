"""Where a redirect may lead: to a place on the same host, and without changing what is asked there."""

from __future__ import annotations

import dataclasses
from urllib.parse import urljoin

from esteira.errors import SourceRejected
from esteira.http.failure import Failure
from esteira.http.hosts import HostList
from esteira.http.order import Order
from esteira.http.transport import Reply
from esteira.redaction import redact_url

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEP_METHOD = frozenset({307, 308})
"""https://www.rfc-editor.org/rfc/rfc9110#section-15.4.8; after the others a client may turn a POST into a GET, which asks something else."""


def follow_redirect(order: Order, outcome: Reply | Failure, hosts: HostList) -> Order | None:
    """The order that a redirect asks for instead; None for an outcome that is no redirect.

    Args:
        order: What was asked.
        outcome: What came of it.
        hosts: The hosts that may be asked.

    Raises:
        SourceRejected: It leaves the host, or may change the method.
    """
    if isinstance(outcome, Failure) or outcome.status not in _REDIRECTS or outcome.location is None:
        return None
    target = hosts.check_redirect(order.url, _joined(order.url, outcome.location))
    if order.method != "GET" and outcome.status not in _KEEP_METHOD:
        raise SourceRejected(
            f"{order.what}: {order.host} redirects a {order.method} of {order.path} with {outcome.status} to {redact_url(target)}, which does not say that the method is kept.",
            hint="Ask for the place that it leads to, if the portal's documentation names it.",
        )
    return dataclasses.replace(order, url=target)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return location  # the host list names it as no URL
