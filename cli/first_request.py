"""What a dataset would ask its portal first, of rows or of the list of its files."""

from __future__ import annotations

from datetime import UTC, datetime

from esteira.contract import ApiSource, Dataset, Download, Inbox, Listing, SpreadsheetSource
from esteira.extraction.opening import opening
from esteira.portal.question import Call, Question


def asked_of(dataset: Dataset) -> ApiSource:
    """What a dataset asks its portal first: for rows, or for the list of its files."""
    source = dataset.source
    if isinstance(source, SpreadsheetSource) and isinstance(source.origin, Listing):
        return source.origin.endpoint
    return dataset.api


def portal_of(dataset: Dataset) -> str | None:
    """The portal that it needs, if any."""
    source = dataset.source
    if not isinstance(source, SpreadsheetSource):
        return source.portal
    if isinstance(source.origin, Inbox):
        return None
    return source.origin.portal if isinstance(source.origin, Download) else source.origin.endpoint.portal


def is_askable(dataset: Dataset) -> bool:
    """Whether something can be asked for without knowing a row of a parent, and without downloading a file."""
    source = dataset.source
    is_download = isinstance(source, SpreadsheetSource) and isinstance(source.origin, Download)
    return dataset.source.parent is None and not is_download


def first_call(dataset: Dataset) -> Call | None:
    """What the first batch of an empty warehouse would ask first; None for a file at a fixed address."""
    if isinstance(dataset.source, SpreadsheetSource) and isinstance(dataset.source.origin, Download):
        return None
    source = asked_of(dataset)
    question = (
        opening(dataset, datetime.now(UTC)).question
        if isinstance(dataset.source, ApiSource)
        else Question(source, None)
    )
    return question.call(source.paginator.request(source.paginator.first(), question.path, question.params))
