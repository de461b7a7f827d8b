"""`esteira test`: the recorded pages go through the code that reads real portals, without one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.fixture_test import try_contract
from cli.main import esteira
from esteira.contract import Dataset, Header, Incremental, NextLink, NextToken, Offset, PageNumber, Parent, SinglePage
from esteira.errors import ContractError, DataQualityError, PayloadError
from tests.conventions.sources import ROOT
from tests.core.small import dataset, record, source

NAMES = sorted(path.parent.name for path in (ROOT / "tests/fixtures").glob("*/page.json"))


@pytest.fixture(autouse=True)
def contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESTEIRA_DATASETS", raising=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(esteira, ["test", *arguments], catch_exceptions=False)


def paged(paginator: Any, **changes: Any) -> Dataset:
    return dataset(source=source(paginator=paginator, **changes))


def page(*ids: int, **envelope: Any) -> bytes:
    return json.dumps({"rows": [record(id=number) for number in ids], **envelope}).encode()


def test_every_contract_of_the_project_fits_its_fixture() -> None:
    done = run("--all", "--json")
    assert done.exit_code == 0, done.output
    facts = {each["dataset"]: each for each in json.loads(done.stdout)}
    assert sorted(facts) == NAMES
    assert all(each["fits"] and each["records"] == each["curated"] + each["quarantined"] for each in facts.values())


def test_a_person_gets_the_counts_as_a_table() -> None:
    done = run("airlines")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].split() == ["dataset", "pages", "records", "curated", "quarantined"]
    assert done.stdout.splitlines()[2].split() == ["airlines", "1", "16", "16", "0"]


@pytest.mark.parametrize(
    ("paginator", "envelope"),
    [
        (NextLink(body="next"), {"next": "https://far.example/rows?page=2"}),
        (NextLink(body="links[?rel=='next'].href | [0]"), {"links": [{"rel": "next", "href": "/rows?page=2"}]}),
        (NextLink(header="Link"), {}),
        (NextLink(header="Next-Page"), {}),
        (NextToken(body="meta.cursor", param="cursor"), {"meta": {"cursor": "far"}}),
        (NextToken(header="X-Next", param="page"), {}),
        (Offset(limit=2), {}),
        (Offset(limit=2, total="count"), {"count": 900}),
        (Offset(limit=2, total=Header("X-Total")), {}),
        (Offset(limit=2, has_more="more"), {"more": True}),
        (PageNumber(), {}),
        (PageNumber(total_pages="pages"), {"pages": 70}),
        (PageNumber(has_more=Header("X-More")), {}),
    ],
)
def test_two_recorded_pages_are_walked_by_the_paginator_of_the_contract(paginator: Any, envelope: Any) -> None:
    fit = try_contract(paged(paginator), [page(1, 2, **envelope), page(3, 4, **envelope)])
    assert (fit.pages, fit.records, fit.curated) == (2, 4, 4)


def test_a_bare_array_ends_at_an_empty_page() -> None:
    bodies = [json.dumps([record(id=1)]).encode(), json.dumps([record(id=2)]).encode()]
    assert try_contract(paged(PageNumber(), records=""), bodies).records == 2


def test_a_paginator_that_reads_the_wrong_place_ends_too_early() -> None:
    with pytest.raises(PayloadError, match="ended after page 1 of the 2"):
        try_contract(paged(NextLink(body="nexxt")), [page(1, next="/2"), page(2)])


def test_a_single_page_contract_does_not_fit_two_pages() -> None:
    with pytest.raises(PayloadError, match="ended after page 1"):
        try_contract(paged(SinglePage()), [page(1), page(2)])


def test_a_total_that_is_not_there_is_an_error() -> None:
    with pytest.raises(PayloadError, match="no total at count"):
        try_contract(paged(SinglePage(), total="count"), [page(1)])


def test_records_that_are_not_where_the_contract_says_are_an_error() -> None:
    with pytest.raises(PayloadError, match="no list of records at rows"):
        try_contract(dataset(), [b'{"data": []}'])


def test_a_fixture_without_records_shows_nothing() -> None:
    with pytest.raises(PayloadError, match="no record"):
        try_contract(dataset(), [page()])


def test_a_column_that_no_record_has_is_an_error() -> None:
    gone = record()
    del gone["ratio"]
    with pytest.raises(ContractError, match="ratio"):
        try_contract(dataset(), [json.dumps({"rows": [gone]}).encode()])


def test_rows_above_the_limit_of_quarantine_are_an_error_with_reasons() -> None:
    body = json.dumps({"rows": [record(), record(id=2, small=101)]}).encode()
    with pytest.raises(DataQualityError, match=r"1 of 2 .*small: less_than_or_equal_to\(100\) \(1\)"):
        try_contract(dataset(), [body])


def test_a_key_that_is_not_unique_is_an_error() -> None:
    with pytest.raises(DataQualityError, match="id is not unique"):
        try_contract(dataset(), [page(1, 1)])


def test_quarantined_rows_within_the_limit_are_counted_with_their_reasons() -> None:
    tolerant = replace(dataset(), quality=replace(dataset().quality, max_quarantine_ratio=0.5))
    body = json.dumps({"rows": [record(), record(id=2, small=101)]}).encode()
    fit = try_contract(tolerant, [body])
    assert (fit.curated, fit.quarantined) == (1, 1)
    assert list(fit.reasons) == ["small: less_than_or_equal_to(100)"]


def test_the_recorded_pages_of_a_child_are_those_of_some_row_of_its_parent() -> None:
    """Also what the contract adds of the parent, of the type that the column has."""
    child = source(path="/rows/{parent.code}", parent=Parent("parents", columns={"text": "code"}))
    bare = record()
    del bare["text"]
    fit = try_contract(dataset(source=child), [json.dumps({"rows": [bare]}).encode()])
    assert (fit.records, fit.quarantined) == (1, 0)


def test_a_cursor_that_is_no_time_begins_at_its_initial_value() -> None:
    counted = source(incremental=Incremental(cursor="id", start_param="after", initial=0, bounds="(]"))
    assert try_contract(dataset(source=counted), [page(1, 2)]).records == 2


def test_a_contract_that_no_longer_fits_ends_with_65_and_names_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "airlines"
    folder.mkdir()
    (folder / "page.json").write_text('{"rows": [{"carrier": "UA"}], "filtered_table_rows_count": 1, "next_url": null}')
    done = run("airlines", "--fixtures", str(tmp_path))
    assert done.exit_code == 65
    assert "ContractError [airlines]: Column name" in done.stderr


def test_a_dataset_without_a_fixture_is_an_error_that_says_where_it_is_looked_for(tmp_path: Path) -> None:
    done = run("airlines", "--fixtures", str(tmp_path))
    assert done.exit_code == 78
    assert "page.json" in done.stderr


def test_names_and_all_exclude_each_other() -> None:
    assert run().exit_code == 2
    assert run("airlines", "--all").exit_code == 2
