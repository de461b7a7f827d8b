"""From an outcome that is no answer to the error that names host, path, status and secret, never a value."""

from __future__ import annotations

from typing import NoReturn

from esteira.errors import AuthError, PayloadError, RateLimited, SourceRejected, SourceUnavailable
from esteira.http.config import HttpConfig
from esteira.http.failure import Failure
from esteira.http.order import Order
from esteira.http.transport import Reply

RETRIED = frozenset({408, 429, 500, 502, 503, 504})
REFUSED = frozenset({401, 403})
_AUTH_HINT = "Renew the token in Secrets Manager under the named secret, and check that the portal grants it this path."


def refuse(outcome: Reply | Failure, order: Order, config: HttpConfig) -> None:
    """Raise where another try would not help.

    Raises:
        AuthError, SourceRejected, PayloadError: See `HttpClient.send`.
    """
    if isinstance(outcome, Failure):
        _refuse_failure(outcome, order, config)
    elif outcome.status in REFUSED:
        raise refused(order, f"status {outcome.status}", config)
    elif outcome.status not in RETRIED:
        raise SourceRejected(f"{order.what}: {order.host} answers {outcome.status} on {order.url_redacted}.")
    if not order.is_repeatable:
        raise SourceRejected(
            f"{order.what}: {order.host} failed on {order.method} {order.path} ({words(outcome)}). It is not declared read-only, so it is not repeated: the portal may have carried it out.",
            hint="Find out at the portal whether it was carried out. Declare the request read-only only if it changes nothing there.",
        )


def refused(order: Order, how: str, config: HttpConfig, more: str = "") -> AuthError:
    """The error of a portal that does not take our credentials."""
    message = (
        f"{order.what}: {order.host} refuses us on {order.path} ({how}){more}; asked with {_named(config.secret)}."
    )
    return AuthError(message, hint=_AUTH_HINT)


def give_up(outcome: Reply | Failure, order: Order, attempts: int) -> NoReturn:
    """Raise the error of a budget that is spent.

    Raises:
        RateLimited: The last answer was 429.
        SourceUnavailable: It was another one, or none.
    """
    message = f"{order.what}: {order.host} gave no answer on {order.path} in {attempts} attempts; the last one: {words(outcome)}."
    if isinstance(outcome, Reply) and outcome.status == 429:
        raise RateLimited(message)
    raise SourceUnavailable(message)


def words(outcome: Reply | Failure) -> str:
    """The outcome in words, without a URL."""
    return outcome.reason if isinstance(outcome, Failure) else f"status {outcome.status}"


def _refuse_failure(outcome: Failure, order: Order, config: HttpConfig) -> None:
    what = f"{order.what}: host {order.host} is refused: {outcome.reason}"
    match outcome.kind:
        case "certificate":
            hint = "Have the portal renew it, or name its authority in ca_bundle. There is no bypass."
            raise SourceRejected(f"{what}.", hint=hint)
        case "too large":
            hint = "Ask for smaller pages, or raise max_response_bytes."
            raise PayloadError(f"{order.what} of {order.path}: {outcome.reason}.", hint=hint)
        case "client certificate":
            hint = "Compare the certificate in the named secret with what the portal expects, and its end of validity."
            raise AuthError(f"{what}; asked with {_named(config.client_certificate)}.", hint=hint)
        case "proxy login":
            hint = "Compare `username` and `password` in the named secret with the proxy's."
            raise AuthError(f"{what}; asked with {_named(config.proxy_secret)}.", hint=hint)
        case "proxy":
            hint = (
                "Ask the owner of the proxy to let us through to this host, or correct `proxy` in the portal's block."
            )
            raise SourceRejected(f"{what}.", hint=hint)


def _named(secret: str | None) -> str:
    return f"secret {secret!r}" if secret else "no secret (the block names none)"
