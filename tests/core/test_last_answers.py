"""Answers that end a walk and are no page: past the end, or ignored by the contract. Stored, sealed, resumed and told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from esteira.batch import Known, plan
from esteira.contract import Dataset, Header, NextToken, Offset, ResponseAction
from esteira.curate import curate
from esteira.errors import PayloadError
from esteira.extraction.extract import extract
from esteira.failpoints import VARIABLE, FailpointError
from esteira.lake import Lake
from esteira.portal import Portal
from tests.core.small import keys, source
from tests.extract.hostile import Asked, Say, hostile, page

Opened = Callable[[str], Portal]
LAST = 5
AHEAD = 1
"""A page that the killed run has asked for while it stored the one before; its request may arrive after the kill."""
PAST_END = keys(source=source(paginator=Offset(2, past_end=404), pages_per_part=1))
IGNORED = keys(source=source(paginator=Offset(2), responses=(ResponseAction("ignore", status=404),), pages_per_part=1))
CONTRACTS = pytest.mark.parametrize("contract", [PAST_END, IGNORED], ids=["past the end", "ignored"])


def strict(asked: Asked) -> Say:
    start = int(asked.query["offset"])
    found = [{"id": number} for number in range(start, min(start + 2, LAST))]
    return page({"rows": found}) if found else page({"detail": "Invalid page."}, 404)


def run(contract: Dataset, url: str, open_portal: Opened, lake: Lake) -> Any:
    batch = plan(contract, datetime(2013, 1, 2, 9, tzinfo=UTC), Known())[0]
    seal = extract(contract, batch, portal=open_portal(url), lake=lake)
    assert seal is not None
    return curate(contract, seal, lake=lake)


@CONTRACTS
def test_the_rows_before_the_end_are_curated(lake: Lake, open_portal: Opened, contract: Dataset):
    with hostile(strict) as up:
        sealed = run(contract, up.url, open_portal, lake)
    assert (sealed.extracted, sealed.curated, sealed.quarantined) == (LAST, LAST, 0)


@CONTRACTS
def test_only_an_ignored_answer_is_told_in_the_batchs_warnings(lake: Lake, open_portal: Opened, contract: Dataset):
    with hostile(strict) as up:
        sealed = run(contract, up.url, open_portal, lake)
    assert [warning for warning in sealed.warnings if "ignored" in warning] == (
        ["An answer was ignored and counts as the end: status 404."] if contract is IGNORED else []
    )


@pytest.mark.fault(54)
@pytest.mark.parametrize("where", ["extract.part", "extract.checkpoint", "extract.seal"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
@CONTRACTS
def test_a_kill_at_any_write_costs_neither_a_row_nor_the_warning(
    lake: Lake, open_portal: Opened, monkeypatch: Any, contract: Dataset, where: str, count: int
):
    with hostile(strict) as up:
        monkeypatch.setattr("esteira.failpoints._reached", Counter())
        monkeypatch.setenv(VARIABLE, f"{where}:raise:{count}")
        try:
            run(contract, up.url, open_portal, lake)
        except FailpointError:
            monkeypatch.delenv(VARIABLE)
            asked = len(up.asked)
            sealed = run(contract, up.url, open_portal, lake)
            assert len(up.asked) - asked <= 4 + AHEAD
        else:
            monkeypatch.delenv(VARIABLE)
            sealed = run(contract, up.url, open_portal, lake)
    assert (sealed.extracted, sealed.curated) == (LAST, LAST)
    assert any("ignored" in warning for warning in sealed.warnings) is (contract is IGNORED)


@pytest.mark.fault(17)
def test_an_ignored_answer_hides_no_rows_that_the_total_knows_of(lake: Lake, open_portal: Opened):
    rule = ResponseAction("ignore", status=404)
    total = Header("X-Total-Count")
    contract = keys(source=source(paginator=NextToken(body="next"), total=total, responses=(rule,)))

    def answer(asked: Asked) -> Say:
        first = page({"rows": [{"id": 1}], "next": "b"}, **{"X-Total-Count": "9"})
        return first if asked.number == 1 else page({}, 404)

    with hostile(answer) as up, pytest.raises(PayloadError, match="reports 9 rows"):
        run(contract, up.url, open_portal, lake)
