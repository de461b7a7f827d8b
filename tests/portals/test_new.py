"""`esteira new` on servers that none of us wrote: the draft, unchanged, brings every row that SQL finds in their own databases."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest

from cli.fixture_test import try_contract
from cli.new import Request, drafted
from esteira.batch import Batch, Known, plan
from esteira.catalogue import load_catalogue
from esteira.extraction.opening import Opening
from esteira.portal import Portal
from esteira.quality import curate_records
from esteira.recognise.fixture import scrubbed
from esteira.recognise.text import contract_text
from tests.portals.cases import CASES, Case
from tests.portals.pages import Example
from tests.portals.running import Server
from tests.portals.shapes import SHAPES
from tests.portals.test_pages import AS_OF, opened

UNTOLD = {"orders"}
"""An expired token answers 200 with no rows there: no page tells that, so it is for a person to write into the contract's responses."""
PLACES = {(case.server, case.source.path, urlencode(case.source.params)): case for case in CASES}


@pytest.mark.parametrize("case", PLACES.values(), ids=lambda case: case.name)
def test_a_draft_brings_every_row_and_quarantines_none(
    running_servers: dict[str, Server], tmp_path: Path, case: Case
) -> None:
    server = running_servers[case.server]
    query = urlencode(case.source.params)
    path = f"{case.source.path}{'?' if query else ''}{query}"
    portal = case.open(server.url)
    request = Request("readings", case.source.portal, path, None, "bi-team", None)
    draft, samples = drafted(request, portal)
    (tmp_path / "readings.py").write_text(contract_text(draft))
    dataset = load_catalogue(tmp_path)["readings"]
    records = [record for page in portal.pages(dataset.source) for record in page.records]
    assert draft.paging.is_confirmed
    assert draft.key.columns == ("id",)
    assert sorted(msgspec.json.decode(record)["id"] for record in records) == [row["id"] for row in server.rows]
    made = curate_records(records, dataset)
    assert (made.bad_rows, made.new_columns, made.absent) == (0, (), ())
    fit = try_contract(dataset, scrubbed([sample.page for sample in samples], draft))
    assert fit.quarantined == 0


def _fullest(example: Example, portal: Portal) -> tuple[Batch, list[bytes]]:
    """The window with the most records, and these: a window without any shows nothing."""
    source, found = example.dataset.source, list[tuple[Batch, list[bytes]]]()
    for batch in plan(example.dataset, AS_OF, Known()):
        pages = portal.pages(source, None if batch.is_snapshot else batch.window)
        found.append((batch, sorted(bytes(record) for page in pages for record in page.records)))
    return max(found, key=lambda each: len(each[1]))


@pytest.mark.parametrize("name", sorted(set(SHAPES) - UNTOLD))
def test_a_draft_pages_through_each_portal_of_the_docs_as_the_worked_contract_does(tmp_path: Path, name: str) -> None:
    with opened(name) as (example, portal, _):
        batch, expected = _fullest(example, portal)
        question = Opening(example.dataset, batch).question
        query = urlencode(question.params)
        path = f"{question.path}{'?' if query else ''}{query}"
        draft, _ = drafted(Request(name, "portal", path, None, "bi-team", None), portal)
        (tmp_path / f"{name}.py").write_text(contract_text(draft))
        dataset = load_catalogue(tmp_path)[name]
        brought = [record for page in portal.pages(dataset.source) for record in page.records]
        assert sorted(bytes(record) for record in brought) == expected
        made = curate_records(brought, dataset)
        assert (made.bad_rows, made.new_columns) == (0, ())
