"""A stored page without some of its records: what an erasure leaves of it.

Every other record stays byte for byte as the portal sent it. A text of the envelope that holds one of the erased values, such as a cursor
made of the last record's key, becomes null.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

import jmespath
import msgspec

from esteira.contract.source import ApiSource
from esteira.errors import ConfigError
from esteira.portal.envelope import reader_of
from esteira.portal.exact import EXACT
from esteira.portal.expressions import plain_keys
from esteira.portal.pages import records_of


def without_records(body: bytes, source: ApiSource, gone: Collection[int], texts: Collection[str]) -> bytes:
    """The page without the records at these positions of it.

    Args:
        body: The page as stored.
        source: Says where the records are.
        gone: Positions in the page, from 0.
        texts: Values that the envelope may not keep either.

    Raises:
        ConfigError: The records' path makes new objects, so that a record of it has no place in the page.
    """
    if not body:
        return body  # it stands for an answer that was no page
    if source.is_single_record and gone:
        return b""  # as an answer that was no page: nothing else of it is a record
    envelope = reader_of(source.shape)(body)
    records, rows = envelope.records, envelope.rows
    kept = [record for number, record in enumerate(records) if number not in gone]
    gone = {number + len(rows) - len(records) for number in gone}  # a header is the first row
    page = EXACT.decode(body)
    keys = plain_keys(source.records)
    if keys is None:
        page, spared = _pruned_by_search(page, source.records, gone)
    else:
        page, spared = _put(page, keys, _left(rows, gone, source)), []
    spared += _names(page, source)
    made = _ENCODER.encode(_blanked(page, _forms(texts), {id(each) for each in spared}))
    if [bytes(each) for each in records_of(made, source)] != [bytes(each) for each in kept]:
        raise ConfigError(
            f"The records at {source.records!r} cannot be taken out of a stored page: the path makes new objects.",
            hint="Name the list itself in ApiSource(records=...), and lift what is nested in the transform.",
        )
    is_unchanged = not gone and made == _ENCODER.encode(_unchanged(body, keys, _left(rows, (), source)))
    return body if is_unchanged else made


def _names(page: Any, source: ApiSource) -> list[Any]:
    """The names of the values of arrays: whatever they hold, they say nothing about a record."""
    found = jmespath.search(source.columns, page) if isinstance(source.columns, str) else None
    return found if isinstance(found, list) else []


def _left(rows: Sequence[msgspec.Raw], gone: Collection[int], source: ApiSource) -> Any:
    left = [row for number, row in enumerate(rows) if number not in gone]
    return left[0] if source.is_single_record else left


def _unchanged(body: bytes, keys: tuple[str, ...] | None, records: Any) -> Any:
    page = EXACT.decode(body)
    return page if keys is None else _put(page, keys, records)


def _put(page: Any, keys: tuple[str, ...], records: Any) -> Any:
    """Put the records, as they came, at their path of the page."""
    if not keys:
        return records
    page[keys[0]] = _put(page[keys[0]], keys[1:], records)
    return page


def _pruned_by_search(page: Any, path: str, gone: Collection[int]) -> tuple[Any, list[Any]]:
    """The page without the list elements that are, or lead to, the records that go; and the records that stay."""
    found = jmespath.search(path, page)
    doomed = {id(found[number]) for number in gone}
    _drop(page, doomed)
    return page, [each for number, each in enumerate(found) if number not in gone]


def _drop(node: Any, doomed: Collection[int]) -> bool:
    """Whether the innermost list around this node must let go of it."""
    if id(node) in doomed:
        return True
    if isinstance(node, list):
        node[:] = [each for each in node if not _drop(each, doomed)]
        return False
    return isinstance(node, dict) and any(_drop(each, doomed) for each in node.values())


def _blanked(node: Any, forms: Collection[str], spared: Collection[int]) -> Any:
    if id(node) in spared:
        return node
    if isinstance(node, dict):
        return {name: _blanked(each, forms, spared) for name, each in node.items()}
    if isinstance(node, list):
        return [_blanked(each, forms, spared) for each in node]
    is_number = isinstance(node, int) and not isinstance(node, bool)
    is_told = any(form in node for form in forms) if isinstance(node, str) else is_number and str(node) in forms
    return None if is_told else node


def _forms(texts: Collection[str]) -> frozenset[str]:
    """The erased texts as written, and as a link encodes them."""
    return frozenset(form for text in texts if text for form in (text, quote(text, safe=""), quote_plus(text)))


_ENCODER = msgspec.json.Encoder()
