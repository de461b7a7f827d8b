"""Single pages as answers that hold records; those that are sure to be asked for soon, ahead of time.

Only what a contract's paginator can tell without reading a page is asked for ahead, and only until it is wrong once: a portal that caps its
pages would otherwise be asked for everything twice.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import LifoQueue

import msgspec

from esteira.contract.responses import ResponseAction
from esteira.contract.source import ApiSource
from esteira.errors import AuthError, EsteiraError, PayloadError, SourceRejected, SourceUnavailable
from esteira.http import Answer, HttpClient, Terms
from esteira.portal.answers import NOTHING, Answers, Fetched
from esteira.portal.envelope import is_json
from esteira.portal.question import Call
from esteira.redaction import printable

NOT_MODIFIED = 304


class Fetching:
    """The clients of one walk; each is used by one thread at a time.

    Args:
        clients: As many as requests may be under way at once.
        source: What its answers mean.
        attempts: Tries of a page whose body is no JSON.
        conditions: Headers under which the portal sends its answer only if it is another than the known one.
    """

    def __init__(
        self,
        clients: Sequence[HttpClient],
        source: ApiSource,
        attempts: int,
        conditions: Mapping[str, str] | None = None,
    ) -> None:
        self._conditions = conditions or {}
        self._clients, self._attempts, self._method = clients, attempts, source.method
        self._free = LifoQueue[HttpClient]()
        for client in clients:
            self._free.put(client)
        self._answers = Answers(source)
        self._ahead = ThreadPoolExecutor(len(clients), thread_name_prefix="esteira-ahead")
        self._coming: dict[bytes, Future[Fetched]] = {}

    @property
    def spare(self) -> int:
        """How many requests may be under way beside the one that is waited for."""
        return len(self._clients) - 1

    def expect(self, calls: Iterable[tuple[Call, int]]) -> None:
        """Ask for pages that will be fetched soon.

        Args:
            calls: What to ask for, and the pages' numbers.
        """
        for call, number in calls:
            if _mark(call) not in self._coming:
                run = contextvars.copy_context().run
                self._coming[_mark(call)] = self._ahead.submit(run, self._fetch, call, number)

    def fetch(self, call: Call, number: int) -> Fetched:
        """A page.

        Raises:
            PayloadError: The body is not what the contract describes.
            SourceUnavailable, RateLimited, AuthError, SourceRejected: See `HttpClient.send`, and the contract's `responses`.
        """
        coming = self._coming.pop(_mark(call), None)
        return self._fetch(call, number) if coming is None else coming.result()

    def keep(self, calls: Iterable[Call]) -> None:
        """Cancel what was asked for ahead except these: at its end a walk leaves guesses that nobody wants.

        Args:
            calls: What will be fetched soon.
        """
        kept = {_mark(call) for call in calls}
        for mark in [mark for mark in self._coming if mark not in kept]:
            self._coming.pop(mark).cancel()

    def again(self, rule: ResponseAction, retry: int, call: Call, fetched: Fetched, number: int) -> Fetched:
        """Ask for a page once more, since a rule about the rows so far holds for it. Pages that were asked for ahead are as doubtful, and dropped.

        Args:
            rule: The rule.
            retry: How often it held for this page before.
            call: What was asked for.
            fetched: What came.
            number: The page's number.

        Raises:
            AuthError, PayloadError, SourceUnavailable: The rule says to stop, or it held too often.
        """
        wait([future for future in self._coming.values() if not future.cancel()])
        self._coming.clear()
        with self._client() as client:
            if rule.action == "refresh" and retry == 0:
                self._ask(client, call, number)  # a client renews what its last request was sent with
            self._obey(client, rule, retry, fetched.answer, number)
            return self._tried(client, call, number)

    def check(self, call: Call) -> None:
        """Refuse what may not be asked for.

        Args:
            call: What the page that has just been read leads to.

        Raises:
            SourceRejected: A host that may not be asked.
        """
        self._clients[0].check(_url(self._clients[0], call))

    def without_credentials(self, url: str) -> str:
        """A link without our own query credentials."""
        return self._clients[0].without_credentials(url)

    def stop(self) -> None:
        """End every wait and read at once."""
        for client in self._clients:
            client.stop()
        self._ahead.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """Give the connections back."""
        for client in self._clients:
            client.close()

    def _fetch(self, call: Call, number: int) -> Fetched:
        with self._client() as client:
            return self._tried(client, call, number)

    @contextmanager
    def _client(self) -> Iterator[HttpClient]:
        client = self._free.get()
        try:
            yield client
        finally:
            self._free.put(client)

    def _tried(self, client: HttpClient, call: Call, number: int) -> Fetched:
        broken = ruled = 0
        while True:
            answer = self._ask(client, call, number)
            if self._conditions and answer.status == NOT_MODIFIED:
                return Fetched(answer, NOTHING, is_known=True)
            if answer.status == call.past_end:
                return Fetched(answer, NOTHING, is_past_end=True)
            read = self._answers.read(answer)
            rule = self._answers.rule(answer, read)
            if rule is not None and rule.action == "ignore":
                return Fetched(answer, NOTHING, ignored=str(rule))
            if rule is not None:
                self._obey(client, rule, ruled, answer, number)
                ruled += 1
            elif isinstance(read, PayloadError):
                self._pause(client, broken, read, answer, number)
                broken += 1
            else:
                return Fetched(answer, read)

    def _ask(self, client: HttpClient, call: Call, number: int) -> Answer:
        url = _url(client, call)
        return client.send(self._method, url, call.params, call.body, what=f"Page {number}", terms=self._terms(call))

    def _terms(self, call: Call) -> Terms:
        own = {call.past_end} if call.past_end else set()
        known = {NOT_MODIFIED} if self._conditions else set()
        return Terms(self._conditions, self._answers.statuses | own | known, is_read_only=True)

    def _obey(self, client: HttpClient, rule: ResponseAction, before: int, answer: Answer, number: int) -> None:
        """Do what a rule says before the page is asked for again.

        Args:
            client: Which asked.
            rule: What holds.
            before: How often it has held for this page before.
            answer: For which it holds.
            number: The page's number.
        """
        where = f"Page {number} of {answer.url_redacted}"
        if rule.action == "refresh" and before == 0:
            client.renew(str(rule))
        elif rule.action == "refresh":
            raise _still(rule, where)
        elif rule.action == "retry" and before + 1 < client.config.max_attempts:
            client.pause(before, str(rule), f"Page {number}", answer.headers)
        elif rule.action == "retry":
            raise SourceUnavailable(
                f"{where}: in {before + 1} attempts {rule}, for which the contract says to try again."
            )
        else:
            raise _failed(rule, answer, where)

    def _pause(self, client: HttpClient, retry: int, problem: PayloadError, answer: Answer, number: int) -> None:
        if retry + 1 >= self._attempts or is_json(answer.body):
            raise _located(problem, answer, number)
        client.pause(retry, problem.message, f"Page {number}")


def _still(rule: ResponseAction, where: str) -> EsteiraError:
    """The error where a new token did not help: of the rows where the rule is about their count, else of the login."""
    if rule.is_about_counts:
        return PayloadError(
            f"{where}: also with a new token, {rule}.",
            hint="Rows may have changed while they were read: run again. If it repeats, compare the total with what the portal shows.",
        )
    return AuthError(f"{where}: also with a new token, {rule}.")


def _failed(rule: ResponseAction, answer: Answer, where: str) -> EsteiraError:
    message = f"{where}: {rule}, for which the contract says to stop. The status is {answer.status}."
    if 200 <= answer.status < 300:
        return PayloadError(
            message, hint="Look at the answer with `curl`; the rule stands in the contract's responses."
        )
    return SourceRejected(message)


def _mark(call: Call) -> bytes:
    return msgspec.json.encode((call.target, call.params, call.body), order="deterministic")


def _url(client: HttpClient, call: Call) -> str:
    """What to ask for: a link without an origin is completed by the base URL's origin, and not by its path as a contract's path is."""
    if not call.is_link or "://" in call.target:
        return call.target
    scheme, _, rest = client.config.base_url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}{call.target}"


def _located(problem: PayloadError, answer: Answer, number: int) -> PayloadError:
    kind = printable(answer.headers.get("content-type", "no content type"), limit=60)
    start = printable(answer.body[:400].decode(errors="replace"))
    message = f"Page {number} of {answer.url_redacted}: {problem.message}. It is {kind} of {len(answer.body)} bytes and begins {start!r}."
    return PayloadError(message, hint=problem.hint)
