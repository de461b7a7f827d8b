"""GET with a budget: tries, waits, redirects on the same host, and errors that name host, status and secret, never a value."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import NoReturn
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from esteira.auth import Credentials
from esteira.errors import AuthError, PayloadError, RateLimited, SourceRejected, SourceUnavailable
from esteira.http.config import HttpConfig, HttpStats
from esteira.http.hosts import HostList
from esteira.http.transport import Failure, Reply, Transport
from esteira.http.wait import Limiter, retry_wait
from esteira.redaction import redact_url

RETRIED = frozenset({408, 429, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 5
Params = Mapping[str, str | int]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer. `url` is the last one asked, without our credentials; only `url_redacted` is for people."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str = field(repr=False)
    url_redacted: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a caller adds to a request and understands in an answer.

    Attributes:
        headers: Further headers, such as `If-None-Match`; never credentials.
        statuses: Statuses besides 2xx that are answers, returned with their body instead of retried or raised.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    statuses: frozenset[int] = frozenset()


PLAIN = Terms()


class HttpClient:
    """Talks to one portal.

    Args:
        config: The limits.
        credentials: Added to each request.
        limiter: The portal's rate budget, when several clients share it.
        stats: Where to count, when several clients share it.

    Raises:
        ConfigError: The base URL or an allowed host is not usable.
    """

    def __init__(
        self,
        config: HttpConfig,
        credentials: Credentials | None = None,
        *,
        limiter: Limiter | None = None,
        stats: HttpStats | None = None,
    ) -> None:
        self.config = config
        self.stats = stats or HttpStats()
        self._credentials = credentials or Credentials()
        self._limiter = limiter or Limiter(config.requests_per_second)
        self._hosts = HostList(config)
        self._transport = Transport(config)
        self._stopped = threading.Event()

    def get(self, url: str, params: Params | None = None, *, what: str = "The request", terms: Terms = PLAIN) -> Answer:
        """Ask until there is an answer or the budget is spent.

        Args:
            url: A path below the base URL, or an absolute URL on an allowed host.
            params: Query parameters to add.
            what: Begins each message, such as `Page 3`.
            terms: Further headers, and statuses that are answers too.

        Raises:
            SourceUnavailable: No answer, or 5xx, for the whole budget.
            RateLimited: 429 for the whole budget.
            AuthError: 401 or 403.
            SourceRejected: Another 4xx, a host that may not be asked, or an invalid certificate.
            PayloadError: The answer is larger than the limit.
        """
        target = self._hosts.check(_with_query(self.absolute(url), params or {}))
        retry = 0
        while True:
            outcome, asked = self._follow(target, what, terms)
            if isinstance(outcome, Reply) and (200 <= outcome.status < 300 or outcome.status in terms.statuses):
                self.stats.bytes += len(outcome.body)
                return Answer(outcome.status, outcome.headers, outcome.body, asked, redact_url(asked))
            self._refuse_permanent(outcome, asked, what)
            if retry + 1 >= self.config.max_attempts:
                self._give_up(outcome, asked, what)
            self.pause(retry, _words(outcome), what, outcome.headers if isinstance(outcome, Reply) else None)
            retry += 1

    def absolute(self, url: str) -> str:
        """A path below the base URL as a whole URL; a whole URL as it is."""
        return url if "://" in url or url.startswith("//") else self.config.base_url.rstrip("/") + url

    def strip(self, url: str) -> str:
        """A link without our own query credentials, which some portals echo."""
        if not self._credentials.query:
            return url
        try:
            parts = urlsplit(url)
            pairs = parse_qsl(parts.query, keep_blank_values=True)
        except ValueError:
            return url  # no URL at all: whoever asks for it is told so
        kept = [pair for pair in pairs if pair[0] not in self._credentials.query]
        return url if len(kept) == len(pairs) else parts._replace(query=urlencode(kept)).geturl()

    def pause(self, retry: int, reason: str, what: str, headers: Mapping[str, str] | None = None) -> None:
        """Wait before a retry, counted from 0, and say so in the log.

        Raises:
            SourceUnavailable: The client was stopped meanwhile.
        """
        seconds = retry_wait(self.config, retry, headers or {})
        self.stats.retries += 1
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
        self.stats.waited_seconds += seconds
        if self._stopped.wait(seconds) if seconds > 0 else self._stopped.is_set():
            raise SourceUnavailable("The reading of the portal was stopped.")

    def _follow(self, url: str, what: str, terms: Terms) -> tuple[Reply | Failure, str]:
        """One try with its redirects; returns the outcome and the URL that gave it, without our credentials."""
        asked = self.strip(url)
        for _ in range(MAX_REDIRECTS + 1):
            outcome = self._send(asked, terms)
            location = (
                outcome.headers.get("location") if isinstance(outcome, Reply) and outcome.status in REDIRECTS else None
            )
            if location is None:
                return outcome, asked
            asked = self.strip(self._hosts.check_redirect(asked, _joined(asked, location)))
        raise SourceRejected(f"{what}: {redact_url(url)} redirects more than {MAX_REDIRECTS} times.")

    def _send(self, url: str, terms: Terms) -> Reply | Failure:
        self._wait(self._limiter.reserve())
        self.stats.requests += 1
        mine = self._credentials
        headers = {
            "User-Agent": _user_agent(self.config.dataset),
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            **terms.headers,
        }
        if mine.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in mine.cookies.items())
        return self._transport.send(url, mine.query, {**headers, **mine.headers})

    def _refuse_permanent(self, outcome: Reply | Failure, url: str, what: str) -> None:
        host, path = urlsplit(url).netloc, urlsplit(url).path
        if isinstance(outcome, Failure):
            if outcome.is_certificate:
                message = f"{what}: host {host} is refused: {outcome.reason}."
                raise SourceRejected(
                    message, hint="Have the portal renew it, or name its authority in ca_bundle. There is no bypass."
                )
            if outcome.is_too_large:
                raise PayloadError(
                    f"{what} of {path}: {outcome.reason}.", hint="Ask for smaller pages, or raise max_response_bytes."
                )
            return
        if outcome.status in (401, 403):
            secret = f"secret {self.config.secret!r}" if self.config.secret else "no secret (the block names none)"
            raise AuthError(
                f"{what}: {host} refuses us with {outcome.status} on {path}; asked with {secret}.", hint=_AUTH_HINT
            )
        if outcome.status not in RETRIED:
            raise SourceRejected(f"{what}: {host} answers {outcome.status} on {redact_url(url)}.")

    def _give_up(self, outcome: Reply | Failure, url: str, what: str) -> NoReturn:
        parts, attempts = urlsplit(url), self.config.max_attempts
        message = f"{what}: {parts.netloc} gave no answer on {parts.path} in {attempts} attempts; the last one: {_words(outcome)}."
        if isinstance(outcome, Reply) and outcome.status == 429:
            raise RateLimited(message)
        raise SourceUnavailable(message)


def _with_query(url: str, params: Params) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params)}" if params else url


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return location  # the host list names it as no URL


def _words(outcome: Reply | Failure) -> str:
    return outcome.reason if isinstance(outcome, Failure) else f"status {outcome.status}"


def _user_agent(dataset: str | None) -> str:
    try:
        number = version("esteira")
    except PackageNotFoundError:  # run from a checkout
        number = "0"
    return f"esteira/{number} (+{dataset})" if dataset else f"esteira/{number}"


_AUTH_HINT = "Renew the token in Secrets Manager under the named secret, and check that the portal grants it this path."
