"""Single pages as answers that hold records; those that are sure to be asked for soon, ahead of time.

Only what a contract's paginator can tell without reading a page is asked for ahead, and only until it is wrong once: a portal that caps its
pages would otherwise be asked for everything twice.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import LifoQueue

from esteira.contract.source import ApiSource
from esteira.errors import PayloadError
from esteira.http import Answer, HttpClient, Terms
from esteira.paginate import PageRequest
from esteira.portal.envelope import Envelope, is_json, reader_of
from esteira.redaction import printable

NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer and what is in it; nothing where the portal says that it is still the known one."""

    answer: Answer
    envelope: Envelope
    is_known: bool = False


class Fetching:
    """The clients of one walk; each is used by one thread at a time.

    Args:
        clients: As many as requests may be under way at once.
        source: Where its pages' records stand.
        attempts: Tries of a page whose body is no JSON.
        conditions: Headers under which the portal sends its answer only if it is another than the one that is known.
    """

    def __init__(
        self,
        clients: Sequence[HttpClient],
        source: ApiSource,
        attempts: int,
        conditions: Mapping[str, str] | None = None,
    ) -> None:
        self._terms = Terms(conditions, frozenset({NOT_MODIFIED})) if conditions else Terms()
        self._clients, self._attempts = clients, attempts
        self._free = LifoQueue[HttpClient]()
        for client in clients:
            self._free.put(client)
        total = (source.total,) if source.total else ()
        self._read = reader_of(source.records, tuple(dict.fromkeys((*total, *source.paginator.reads))))
        self._ahead = ThreadPoolExecutor(len(clients), thread_name_prefix="esteira-ahead")
        self._coming: dict[str, Future[Fetched]] = {}

    @property
    def spare(self) -> int:
        """How many requests may be under way beside the one that is waited for."""
        return len(self._clients) - 1

    def expect(self, requests: Iterable[tuple[PageRequest, int]]) -> None:
        """Ask for pages that will be fetched soon.

        Args:
            requests: What to ask for, and the pages' numbers.
        """
        for request, number in requests:
            if _mark(request) not in self._coming:
                run = contextvars.copy_context().run
                self._coming[_mark(request)] = self._ahead.submit(run, self._fetch, request, number)

    def fetch(self, request: PageRequest, number: int) -> Fetched:
        """A page.

        Raises:
            PayloadError: The body is not what the contract describes.
            SourceUnavailable, RateLimited, AuthError, SourceRejected: See `HttpClient.get`.
        """
        coming = self._coming.pop(_mark(request), None)
        return self._fetch(request, number) if coming is None else coming.result()

    def keep(self, requests: Iterable[PageRequest]) -> None:
        """Forget what was asked for ahead, but for these requests: a walk that has ended leaves guesses behind its end.

        Args:
            requests: What will be fetched soon.
        """
        kept = {_mark(request) for request in requests}
        for mark in [mark for mark in self._coming if mark not in kept]:
            self._coming.pop(mark).cancel()

    def strip(self, url: str) -> str:
        """A link without our own query credentials."""
        return self._clients[0].strip(url)

    def stop(self) -> None:
        """End every wait and read at once."""
        for client in self._clients:
            client.stop()
        self._ahead.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """Give the connections back."""
        for client in self._clients:
            client.close()

    def _fetch(self, request: PageRequest, number: int) -> Fetched:
        with self._client() as client:
            return self._tried(client, request, number)

    @contextmanager
    def _client(self) -> Iterator[HttpClient]:
        client = self._free.get()
        try:
            yield client
        finally:
            self._free.put(client)

    def _tried(self, client: HttpClient, request: PageRequest, number: int) -> Fetched:
        retry = 0
        while True:
            answer = client.get(_url(client, request), request.params, what=f"Page {number}", terms=self._terms)
            if answer.status == NOT_MODIFIED:
                return Fetched(answer, Envelope([], lambda _: None), is_known=True)
            try:
                return Fetched(answer, self._read(answer.body))
            except PayloadError as exc:
                problem = exc
            if retry + 1 >= self._attempts or is_json(answer.body):
                raise _located(problem, answer, number)
            client.pause(retry, problem.message, f"Page {number}")
            retry += 1


def _mark(request: PageRequest) -> str:
    return f"{request.target} {sorted(request.params.items())}"


def _url(client: HttpClient, request: PageRequest) -> str:
    """A link without an origin belongs to the base URL's origin, a path of the contract below the whole base URL."""
    if not request.is_link or "://" in request.target:
        return request.target
    scheme, _, rest = client.config.base_url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}{request.target}"


def _located(problem: PayloadError, answer: Answer, number: int) -> PayloadError:
    kind = printable(answer.headers.get("content-type", "no content type"), limit=60)
    start = printable(answer.body[:400].decode(errors="replace"))
    message = f"Page {number} of {answer.url_redacted}: {problem.message}. It is {kind} of {len(answer.body)} bytes and begins {start!r}."
    return PayloadError(message, hint=problem.hint)
