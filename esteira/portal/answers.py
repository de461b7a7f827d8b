"""What an answer means by the contract: a page, the end, or a reason to ask again or to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jmespath
import msgspec

from esteira.contract.responses import ResponseAction
from esteira.contract.source import ApiSource
from esteira.errors import PayloadError
from esteira.http import Answer
from esteira.portal.envelope import Envelope, is_json, reader_of


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer and what is in it.

    Attributes:
        answer: As it came.
        envelope: Its records, none where it is no page.
        is_past_end: Whether it says that there is no such page.
        ignored: What made it count as an empty last page, or None.
        is_known: Whether it says that it is still the one that was named.
    """

    answer: Answer
    envelope: Envelope
    is_past_end: bool = False
    ignored: str | None = None
    is_known: bool = False

    @property
    def is_page(self) -> bool:
        """Whether its body is a page to keep."""
        return not self.is_past_end and self.ignored is None


_NO_CONTENT = 204
_END_HINT = (
    "Where that means that no rows are left, the contract says so: responses=(ResponseAction('ignore', status=204),)."
)
NOTHING = Envelope([], lambda _: None)


class Answers:
    """Judges answers by a contract.

    Args:
        source: The contract's source.
    """

    def __init__(self, source: ApiSource) -> None:
        self._rules = tuple(rule for rule in source.responses if not rule.is_about_counts)
        self.statuses = frozenset(status for rule in source.responses for status in rule.statuses)
        self._read = reader_of(source.shape, source.reads)

    def read(self, answer: Answer) -> Envelope | PayloadError:
        """The page in an answer, or what is wrong with it."""
        if not 200 <= answer.status < 300:
            return PayloadError(f"the status is {answer.status}")
        if answer.status == _NO_CONTENT and not answer.body:
            return PayloadError("the status is 204, no content", hint=_END_HINT)
        try:
            return self._read(answer.body)
        except PayloadError as exc:
            return exc

    def rule(self, answer: Answer, read: Envelope | PayloadError) -> ResponseAction | None:
        """The first rule that holds for an answer, but for those that need to know the rows so far."""
        lookup = _lookup(answer.body) if isinstance(read, PayloadError) else read.lookup
        return next((rule for rule in self._rules if _holds(rule, answer, lookup)), None)


def _holds(rule: ResponseAction, answer: Answer, lookup: Callable[[str], Any]) -> bool:
    if not rule.takes(answer.status):
        return False
    if rule.text and rule.text.encode() not in answer.body:
        return False
    return not rule.at or _is_said(lookup(rule.at), rule.equals)


def _is_said(value: Any, wanted: str | int | bool | None) -> bool:  # noqa: FBT001 - a value of the portal's
    if wanted is None:
        return value is not None and value is not False and value not in ("", [], {})
    return isinstance(value, str | int | float) and _plain(value) == _plain(wanted)


def _plain(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _lookup(body: bytes) -> Callable[[str], Any]:
    """A lookup of JMESPaths in a body that is no page, such as an error's."""
    page = msgspec.json.decode(body) if is_json(body) else None
    return lambda path: jmespath.search(path, page)
