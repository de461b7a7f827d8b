"""Which files are known: what is sealed, what is open, what stands above what."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from esteira.contract import Download
from esteira.extraction.files import keep_file, sealed_file
from esteira.extraction.known import known_headers, later_than, name_fits, newest, open_files, sealed_files
from esteira.extraction.listed import find_known, note_listed, unknown
from esteira.file_batch import file_batch
from esteira.lake import Lake, Layout, Provenance, Seal
from esteira.lake.files import file_hash
from esteira.portal.files import Listed
from esteira.warehouse import LedgerEntry
from tests.core.test_file_batch import BY_MONTH, MOMENT, dataset, file

SALES = dataset()


def entry(day: int, state: Any = "committed", **facts: Any) -> LedgerEntry:
    batch = file_batch(SALES, file(sha256=f"{day:02d}" * 32, moment=MOMENT + timedelta(days=day)))
    return LedgerEntry(batch.id, batch.window.start, batch.window.end, state=state, **facts)


@pytest.fixture
def kept(tmp_path: Path, lake: Lake) -> list[Seal]:
    seals = []
    for day in (2, 1):
        path = tmp_path / f"{day}.csv"
        path.write_text(f"{day}")
        told = file(path.name, file_hash(path), MOMENT + timedelta(days=day))
        seals.append(keep_file(SALES, path, Provenance(etag=f'"{day}"', file=told), lake))
    return seals


def test_sealed_files_are_found_oldest_first_and_nothing_else(kept: list[Seal], lake: Lake, s3: Any):
    for batch in ("2024-01-01-0a1b2c3d", "file-0011223344556677-ffffffff"):
        s3.put_object(Bucket="lake", Key=Layout("sales", batch).part("raw", "a", 1), Body=b"x")
    assert [sealed_file(seal).name for seal in sealed_files(SALES, lake)] == ["1.csv", "2.csv"]


def test_a_file_of_which_only_a_part_is_stored_is_not_known(lake: Lake, s3: Any):
    batch = f"file-0011223344556677-{SALES.source.definition_hash}"
    s3.put_object(Bucket="lake", Key=Layout("sales", batch).file_part("a", 1), Body=b"x")
    assert sealed_files(SALES, lake) == []


def test_open_is_what_the_ledger_does_not_settle_in_any_way(kept: list[Seal]):
    settled = LedgerEntry(kept[0].batch, MOMENT, MOMENT, state="given_up")
    assert open_files(kept, [settled]) == [kept[1]]


def test_a_fixed_address_is_asked_under_the_condition_of_the_newest_file(kept: list[Seal], lake: Lake):
    entries = [LedgerEntry(seal.batch, *_span(seal)) for seal in kept]
    assert known_headers(SALES, entries, lake) == {"If-None-Match": '"2"'}
    assert known_headers(SALES, [], lake) == {}
    assert known_headers(SALES, [LedgerEntry("2024-01-01-0a1b2c3d", MOMENT, MOMENT)], lake) == {}


def _span(seal: Seal) -> Any:
    window = file_batch(SALES, sealed_file(seal)).window
    return window.start, window.end


def test_the_newest_is_the_last_of_the_order_that_is_in_the_table():
    assert newest([entry(1), entry(3, "undone"), entry(2)]) == entry(2)
    assert newest([entry(3, "given_up")]) is None


def test_what_stands_above_a_file_is_the_newest_one():
    entries = [entry(1), entry(2), entry(3)]
    assert later_than(entry(1), entries, has_period=False) == entry(3)
    assert later_than(entry(3), entries, has_period=False) is None


def test_with_periods_only_files_about_the_same_one_stand_above_it():
    contract = dataset(period=BY_MONTH)

    def about(name: str, day: int) -> LedgerEntry:
        window = file_batch(contract, file(name, f"{day:02d}" * 32, MOMENT + timedelta(days=day))).window
        return LedgerEntry(f"file-{day}", window.start, window.end)

    january, february, corrected = about("2024-01", 1), about("2024-02", 2), about("2024-01", 3)
    assert later_than(january, [january, february], has_period=True) is None
    assert later_than(january, [january, february, corrected], has_period=True) == corrected


@pytest.mark.parametrize(("name", "fits"), [("VENDAS 2024.XLSX", True), ("vendas.csv", False), ("x.xlsx", False)])
def test_a_name_fits_in_any_case(name: str, fits: bool):  # noqa: FBT001 - a column of the table above
    assert name_fits(dataset(match="vendas*.xlsx"), name) is fits


def listed(seal: Seal, **changes: Any) -> Listed:
    told = sealed_file(seal)
    facts = {"name": told.name, "changed": told.moment, "link": told.place, "place": told.place}
    return Listed(**facts | changes)


def asked_for(lake: Lake, kept: list[Seal], *entries: Listed) -> list[Listed]:
    return unknown(entries, find_known(SALES, kept, lake))


def test_a_listed_file_is_known_by_name_date_and_address(kept: list[Seal], lake: Lake):
    (same, later), other = (listed(kept[0]), listed(kept[0], changed=MOMENT)), listed(kept[1], name="other.csv")
    assert asked_for(lake, kept, same, later, other) == [later, other]


def test_a_new_date_with_the_same_bytes_is_noted_and_asked_for_no_more(kept: list[Seal], lake: Lake):
    later = listed(kept[0], changed=MOMENT + timedelta(days=9))
    note_listed(SALES, later, kept[0], lake)
    assert asked_for(lake, kept, later) == []
    again = listed(kept[0], changed=MOMENT + timedelta(days=10))
    assert asked_for(lake, kept, again) == [again]
    elsewhere = dataset(origin=Download(portal="p", path="/x.csv"))
    assert unknown([later], find_known(elsewhere, [], lake)) == [later]


def test_nothing_is_noted_that_the_seal_says(kept: list[Seal], lake: Lake):
    note_listed(SALES, listed(kept[0]), kept[0], lake)
    assert lake.sizes("report/") == {}


def test_a_signature_in_the_address_makes_no_other_file_unless_another_entry_looks_like_it(
    kept: list[Seal], lake: Lake
):
    place = listed(kept[0]).place
    signed = listed(kept[0], place=f"{place}?expires=17")
    note_listed(SALES, signed, kept[0], lake)
    one, two = (listed(kept[0], place=f"{place}?id={number}") for number in (5, 6))
    assert asked_for(lake, kept, one) == []
    assert asked_for(lake, kept, one, two) == [one, two]
