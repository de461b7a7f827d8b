"""Asks with a budget: tries, waits, tokens, redirects on the same host; errors name host, status and secret, never a value."""

from __future__ import annotations

import codecs
import dataclasses
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from esteira.auth import Secret, Token, TokenScheme
from esteira.errors import SourceRejected, SourceUnavailable
from esteira.http.access import Access, Proof
from esteira.http.budget import Budget, NothingShared, SharedLimits
from esteira.http.config import HttpConfig, HttpStats
from esteira.http.failure import Failure
from esteira.http.hosts import HostList
from esteira.http.keys import Keys
from esteira.http.order import PLAIN, Answer, Method, Order, Params, Terms, json_body, with_query
from esteira.http.redirect import MAX_REDIRECTS, follow_redirect
from esteira.http.refusal import REFUSED, give_up, refuse, refused, words
from esteira.http.sink import Sink
from esteira.http.tokens import document_of, token_hosts, token_of, token_order
from esteira.http.transport import Reply, Transport
from esteira.http.wait import retry_wait
from esteira.redaction import scrub

NOT_SATISFIABLE = 416
MAX_TOKEN_TRIES = 3
"""Tries of a token's answer that is no JSON, such as a page of a proxy."""
_log = logging.getLogger(__name__)


class HttpClient:
    """Talks to one portal; one thread at a time.

    Args:
        config: The limits.
        access: What proves who asks; shared by the portal's clients.
        budget: The portal's rate budget, when several clients share it.
        shared: The limits that runs share.
        keys: The client's certificate and the proxy's login.
        stats: Where to count, when several clients share it.

    Raises:
        ConfigError: The base URL or an allowed host is not usable.
    """

    def __init__(
        self,
        config: HttpConfig,
        access: Access | None = None,
        *,
        budget: Budget | None = None,
        shared: SharedLimits | None = None,
        keys: Keys | None = None,
        stats: HttpStats | None = None,
    ) -> None:
        self.config = config
        self.stats = stats or HttpStats()
        self._access = access or Access()
        self._budget = budget or Budget(config.rates, config.timezone)
        self._shared = shared or NothingShared()
        self._hosts = HostList(config)
        self._transport = Transport(config, keys)
        self._stopped = threading.Event()
        self._last = Order("GET", config.base_url)
        self._used: Proof | None = None
        self._renewed_for: object = None

    def get(self, url: str, params: Params | None = None, *, what: str = "The request", terms: Terms = PLAIN) -> Answer:
        """Ask by GET; see `send`."""
        return self.send("GET", url, params, what=what, terms=terms)

    def send(
        self,
        method: Method,
        url: str,
        params: Params | None = None,
        json: Any = None,
        *,
        what: str = "The request",
        terms: Terms = PLAIN,
    ) -> Answer:
        """Ask until there is an answer or the budget is spent. A refused token is renewed once.

        Args:
            method: GET, POST or DELETE.
            url: A path below the base URL, or an absolute URL on an allowed host.
            params: Query parameters to add.
            json: The body; None for none.
            what: Begins each message, such as `Page 3`.
            terms: What is added to the request, and which answers are understood.

        Raises:
            SourceUnavailable: No answer, or 5xx, for the whole budget.
            RateLimited: 429 for the whole budget.
            AuthError: 401 or 403, also with a renewed token.
            SourceRejected: Another 4xx, a host that may not be asked, an invalid certificate, a POST that failed and is not declared read-only.
            PayloadError: The answer is larger than the limit.
        """
        target = self._hosts.check(with_query(self.absolute(url), params or {}))
        body = None if json is None else json_body(json)
        kind = {} if body is None else {"Content-Type": "application/json"}
        is_repeatable = method != "POST" or terms.is_read_only
        url = self.without_credentials(target)
        self._last = Order(method, url, body, {**kind, **terms.headers}, terms.statuses, is_repeatable, what)
        return self._answer(self._last)

    def download(
        self, url: str, sink: Sink, params: Params | None = None, *, what: str, terms: Terms = PLAIN
    ) -> Answer:
        """Ask by GET for a file, until all of it is on disk or the budget is spent.

        A try that broke off goes on where it stopped, if the server can; it costs no attempt when it brought a good piece.

        Args:
            url: As for `send`.
            sink: Where to write it.
            params: Query parameters to add.
            what: Begins each message.
            terms: Further headers, and statuses that are answers too; those have their body in the answer.

        Raises:
            SourceUnavailable, RateLimited, AuthError, SourceRejected, PayloadError: See `send`.
        """
        target = self._hosts.check(with_query(self.absolute(url), params or {}))
        url = self.without_credentials(target)
        self._last = Order("GET", url, None, terms.headers, terms.statuses, what=what, sink=sink)
        answer = self._answer(self._last)
        self.stats.bytes += sink.size_bytes
        return answer

    def check(self, url: str) -> None:
        """Refuse a URL that may not be asked, before it is.

        Args:
            url: As for `send`.

        Raises:
            SourceRejected: A host that may not be asked.
        """
        self._hosts.check(self.absolute(url))

    def renew(self, why: str) -> None:
        """Replace the token that the last request was sent with, once for each request; then ask again.

        Args:
            why: What betrayed that the portal does not take it: a status, or what stands in a 200.

        Raises:
            AuthError: It was renewed for this very request before, or there is nothing that can be renewed.
            PayloadError, SourceUnavailable, RateLimited, SourceRejected: No new token was given.
        """
        order = self._last
        if order.key == self._renewed_for:
            raise refused(order, scrub(why), self.config, ", also after the token was renewed")
        self._renewed_for = order.key
        if self._used is None or not self._access.renew(self._used, self._token):
            raise refused(order, scrub(why), self.config)
        self.stats.renewals += 1
        _log.info("%s is asked again with a renewed token: %s", order.what, scrub(why))

    def absolute(self, url: str) -> str:
        """A path below the base URL as a whole URL; a whole URL as it is."""
        return url if "://" in url or url.startswith("//") else self.config.base_url.rstrip("/") + url

    def without_credentials(self, url: str) -> str:
        """A link without our own query credentials, which some portals echo."""
        return self._access.without_credentials(url)

    def pause(self, retry: int, reason: str, what: str, headers: Mapping[str, str] | None = None) -> None:
        """Wait before a retry, counted from 0, and say so in the log.

        Raises:
            SourceUnavailable: The client was stopped meanwhile.
        """
        seconds = retry_wait(self.config, retry, headers or {})
        self.stats.retries += 1
        self.stats.waited_seconds += seconds
        _log.info("%s is asked again in %.2f seconds (retry %d): %s", what, seconds, retry + 1, reason)
        self._wait(seconds)

    def stop(self) -> None:
        """End every wait and read at once, from any thread. The client is not usable afterwards."""
        self._stopped.set()
        self._transport.stop()

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()

    def _wait(self, seconds: float) -> None:
        if self._stopped.wait(seconds) if seconds > 0 else self._stopped.is_set():
            raise SourceUnavailable("The reading of the portal was stopped.")

    def _answer(self, order: Order) -> Answer:
        retry = 0
        while True:
            outcome, asked = self._follow(order)
            if isinstance(outcome, Reply) and outcome.is_answer(order.statuses):
                self.stats.bytes += len(outcome.body)
                body = outcome.body.removeprefix(codecs.BOM_UTF8)  # which RFC 8259 lets a reader of JSON pass over
                return Answer(outcome.status, outcome.headers, body, asked.url, asked.url_redacted)
            if order.is_proven and isinstance(outcome, Reply) and outcome.status in REFUSED:
                self.renew(f"status {outcome.status}")
                continue
            if order.sink is not None and isinstance(outcome, Reply) and outcome.status == NOT_SATISFIABLE:
                order.sink.begin_anew()  # it has become shorter than what arrived of it
            else:
                refuse(outcome, asked, self.config)
            retry = -1 if order.sink is not None and order.sink.has_advanced() else retry
            if retry + 1 >= self.config.max_attempts:
                give_up(outcome, asked, self.config.max_attempts)
            headers = outcome.headers if isinstance(outcome, Reply) else None
            self.pause(max(retry, 0), words(outcome), order.what, headers)
            retry += 1

    def _follow(self, order: Order) -> tuple[Reply | Failure, Order]:
        """One try with its redirects; returns the outcome and the order that gave it."""
        asked = order
        for _ in range(MAX_REDIRECTS + 1):
            outcome = self._send(asked)
            following = follow_redirect(asked, outcome, self._hosts)
            if following is None:
                return outcome, asked
            asked = dataclasses.replace(following, url=self.without_credentials(following.url))
        raise SourceRejected(f"{order.what}: {order.url_redacted} redirects more than {MAX_REDIRECTS} times.")

    def _send(self, order: Order) -> Reply | Failure:
        headers = {
            "User-Agent": self.config.user_agent,
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            **order.headers,
            **(order.sink.headers() if order.sink else {}),
        }
        self._wait_for_budget()
        query: Mapping[str, str] = {}
        if order.is_proven:
            # behind the wait, which a token may not outlive; before the slot, since its request takes one too
            self._used = self._access.proof(self._token)
            query, headers = self._used.credentials.query, {**headers, **self._used.credentials.all_headers}
        began = time.monotonic()
        with self._shared.slot(self._budget.holding(), self._stopped.is_set):
            self.stats.budget_seconds += time.monotonic() - began
            self.stats.requests += 1
            return self._transport.send(order, query, headers)

    def _wait_for_budget(self) -> None:
        seconds = self._budget.reserve()
        self.stats.budget_seconds += seconds
        self._wait(seconds)

    def _token(self, scheme: TokenScheme, secret: Secret) -> Token:
        """Ask for a token, on this client's guarded connections."""
        hosts = token_hosts(scheme, self.config)
        order = token_order(scheme, secret, hosts.check(self.absolute(scheme.url)))
        retry = 0
        while True:
            answer = self._answer(order)
            document = document_of(answer)
            if document is not None or answer.status in order.statuses or retry + 1 >= MAX_TOKEN_TRIES:
                return token_of(scheme, answer, document, order, secret.name)
            self.pause(retry, "its answer is no JSON", order.what)
            retry += 1
