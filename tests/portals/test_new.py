"""`esteira new` on servers that none of us wrote: the draft, unchanged, brings every row that SQL finds in their own databases."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest

from cli.fixture_test import try_contract
from cli.new import Request, drafted
from esteira.catalogue import load_catalogue
from esteira.quality import curate_records
from esteira.recognise.fixture import scrubbed
from esteira.recognise.text import contract_text
from tests.portals.cases import CASES, Case
from tests.portals.running import Server

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
