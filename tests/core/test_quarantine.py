"""Refused rows as people see them: gathered by rule, with their reasons in words, where they came from, and nobody's personal data."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteira.contract import Dataset, Quality, Upsert
from esteira.curate import curate
from esteira.errors import DataQualityError
from esteira.lake import Lake, Layout, PagePointer, Part, Seal, Tombstone
from esteira.lake.index import folded
from esteira.quality import curate_records
from esteira.quarantine import Holding, Kept, Mask, gather, holdings
from esteira.quarantine.places import OnPage, places
from esteira.quarantine.refused import Reason, Refused
from esteira.quarantine.sentences import sentence
from esteira.raw import pointed_pages, received
from esteira.warehouse import LedgerEntry
from tests.core.small import NO_LAKE, dataset, raw, record, source

DAY = datetime(2013, 1, 1, tzinfo=UTC)
BATCH = f"2013-01-01-{dataset().source.definition_hash}"
SECRET = "João da Silva"


def rows(count: int, *bad: int) -> list[dict[str, Any]]:
    return [record(id=number, small=999 if number in bad else 1) for number in range(count)]


def seal_raw(lake: Lake, *pages: list[dict[str, Any]], repeated: dict[int, tuple[int, ...]] | None = None) -> Seal:
    """A raw batch of one part for each page; records `repeated` on a page are in it and are no rows."""
    parts: list[Part] = []
    for number, page in enumerate(pages, 1):
        again = (repeated or {}).get(number, ())
        body = json.dumps({"rows": page}).encode()
        count, first = len(page) - len(again), sum(part.rows for part in parts)
        pointers = (PagePointer(number, len(body), count, repeated=again),)
        content = pa.Codec("zstd").compress(body, asbytes=True)
        key = Layout("rows", BATCH).part("raw", "a1", number)
        parts.append(lake.put_part(key, content, rows=count, pages=pointers, first_row=first))
    return lake.put_seal("raw", Seal("rows", BATCH, "a1", tuple(parts), sum(part.rows for part in parts)))


def entry(seal: Seal, **changes: Any) -> LedgerEntry:
    facts = {"seal_hash": seal.hash, "quarantined": seal.quarantined, "generation": seal.generation} | changes
    return LedgerEntry(BATCH, DAY, DAY + timedelta(days=1), **facts)


def kept(records: list[dict[str, Any]], contract: Dataset, samples: int = 5) -> Kept:
    made = curate_records(raw(*records), replace(contract, bad_values="quarantine"))
    holding = Holding(BATCH, 1, "stopped", len(records), None, lambda: iter((made.bad,)))
    return Mask(contract).kept(gather(contract, holding, None, samples=samples))


def test_refused_rows_are_gathered_by_rule_with_the_first_and_its_place(lake: Lake):
    contract = dataset(quality=Quality(max_quarantine_ratio=1.0))
    seal = curate(contract, seal_raw(lake, rows(4, 1, 3), [record(id="x", small=-1)]), lake=lake)
    (holding,) = holdings(contract, [entry(seal)], lake)
    found = gather(contract, holding, lake, samples=1)
    assert (holding.state, holding.extracted, found.rows) == ("loaded", 5, 3)
    assert [(each.name, each.rows, each.first) for each in found.rules] == [
        ("small: less_than_or_equal_to(100)", 2, 1), ("id: type", 1, 4),
    ]  # fmt: skip
    assert [found.first(rule).where for rule in found.rules] == ["page 1, record 2", "page 2, record 1"]


def test_a_rule_is_named_by_itself_by_its_column_or_by_both(lake: Lake):
    contract = dataset(quality=Quality(max_quarantine_ratio=1.0))
    seal = curate(contract, seal_raw(lake, rows(4, 1), [record(id="x")]), lake=lake)
    (holding,) = holdings(contract, [entry(seal)], lake)
    for rule in ("id: type", "type", "id"):
        assert [each.name for each in gather(contract, holding, lake, rule=rule).rules] == ["id: type"]
    assert gather(contract, holding, lake, rule="day").rows == 0


def test_samples_are_the_first_rows_of_each_rule_with_all_their_reasons():
    found = kept([record(id=number, small=999, amount="x") for number in range(9)], dataset(), samples=2)
    assert [row.position for row in found.samples] == [0, 1]
    assert [reason.rule for reason in found.samples[0].reasons] == ["type"]  # a cell without its type meets no rule


def test_a_batch_that_its_limit_stopped_is_told_from_its_raw_parts(lake: Lake):
    contract = dataset(bad_values="fail")
    raw_seal = seal_raw(lake, rows(3, 0), rows(2, 1))
    with pytest.raises(DataQualityError):
        curate(contract, raw_seal, lake=lake)
    (holding,) = holdings(contract, [], lake)
    found = gather(contract, holding, lake)
    assert (holding.state, found.rows, found.rules[0].rows) == ("stopped", 2, 2)
    assert found.first(found.rules[0]).where == "page 1, record 1"


def test_a_batch_that_was_given_up_is_told_too_and_an_undone_one_is_not(lake: Lake):
    raw_seal = seal_raw(lake, rows(3, 0))
    contract = dataset()
    given_up = entry(raw_seal, state="given_up", generation=0)
    assert [each.state for each in holdings(contract, [given_up], lake)] == ["stopped"]
    assert list(holdings(contract, [entry(raw_seal, state="undone", generation=2)], lake)) == []


def test_parts_that_an_erasure_purged_are_not_looked_at(lake: Lake):
    contract = dataset(quality=Quality(max_quarantine_ratio=1.0))
    seal = curate(contract, seal_raw(lake, rows(4, 1)), lake=lake)
    lake.put(Layout("rows", BATCH).tombstone("curated"), msgspec.json.encode(Tombstone(DAY, "r1", 2, 1)))
    assert list(holdings(contract, [entry(seal)], lake)) == []


def test_records_that_a_page_repeats_take_a_place_on_it_and_none_in_the_batch(lake: Lake):
    seal = seal_raw(lake, rows(3), rows(4), repeated={2: (0, 2)})
    assert [str(places(seal, [at], lake)[at]) for at in range(5)] == [
        "page 1, record 1", "page 1, record 2", "page 1, record 3", "page 2, record 2", "page 2, record 4",
    ]  # fmt: skip


@given(
    sizes=st.lists(st.tuples(st.integers(0, 4), st.sets(st.integers(0, 3))), min_size=1, max_size=6),
    is_folded=st.booleans(),
)
def test_a_place_leads_to_the_very_record(sizes: list[tuple[int, set[int]]], is_folded: bool):  # noqa: FBT001 - hypothesis names it
    """Against the code that curates: position n is the n-th record that `received` gives."""
    bodies, pointers, expected = [], [], []
    for number, (count, repeats) in enumerate(sizes, 1):
        again = tuple(sorted(at for at in repeats if at < count))
        body = json.dumps({"rows": [{"id": f"{number}/{at + 1}"} for at in range(count)]}).encode()
        pointers.append(PagePointer(number, len(body), count - len(again), repeated=again))
        bodies.append(body)
    content, pages = pa.Codec("zstd").compress(b"".join(bodies), asbytes=True), tuple(pointers)
    if is_folded:
        pages, index = folded(pages)
        content += index
    part = Part("key", len(content), "", sum(pointer.rows for pointer in pointers), pages)
    for body, pointer in pointed_pages(content, part):
        expected += [json.loads(bytes(each))["id"] for each in received(body, pointer, source())]

    class One:
        def read_part(self, _: Part) -> bytes:
            return content

    found = places(Seal("rows", "b", "a", (part,), part.rows), range(part.rows), One())  # type: ignore[arg-type]
    assert [
        f"{place.page}/{place.record}" for place in map(found.get, range(part.rows)) if isinstance(place, OnPage)
    ] == expected


def test_a_row_whose_raw_part_is_gone_is_told_by_its_position():
    assert Refused(BATCH, 1, 1_233, None, (), "{}").where == "record 1,234 of the batch"
    assert places(None, [1], NO_LAKE) == {}


class Person(pandera.DataFrameModel):
    """People."""

    id: pd.Int64Dtype = pandera.Field(ge=0, description="Number")
    cpf: pd.StringDtype = pandera.Field(nullable=True, str_length=11, description="CPF", metadata={"pii": True})
    city: pd.StringDtype = pandera.Field(nullable=True, isin=["Recife"], description="City")
    house: pd.StringDtype = pandera.Field(nullable=True, description="Home", metadata={"type": "super"})
    street: pd.StringDtype = pandera.Field(nullable=True, description="Street", metadata={"pii": True})
    initial: pd.StringDtype = pandera.Field(nullable=True, isin=["A"], description="First letter")


def initials(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(initial=frame["name"].str[:1])


PEOPLE = Dataset(
    name="people",
    source=source(rename={"person.city": "city", "home": "house", "home.street": "street"}, inputs=("name",)),
    schema=Person,
    write=Upsert(key="id"),
    transform=initials,
    derived=("initial",),
    bad_values="quarantine",
)


def person(**changes: Any) -> dict[str, Any]:
    good = {"id": 1, "cpf": "12345678901", "person": {"city": "Recife"}, "home": {"street": "Rua A"}, "name": "Ana"}
    return good | changes


LEAKS = [
    person(id=-1, name=SECRET),  # an input of the transform
    person(id=-1, parent_name=SECRET),  # a parent's value, or a column that the contract does not know
    person(id=-1, **{SECRET: 1}),  # a person as a key
    person(id=-1, cpf=SECRET),
    person(id=-1, person={"city": "Recife", "name": SECRET}),  # the rest of what is nested
    person(id=-1, home={"street": SECRET}),  # kept whole, and a part of it is personal
    person(id=-1, person=SECRET),  # no object where the keys lead through one: the text is refused as the city's
    person(person={"city": {"name": SECRET}}),  # an object where a text belongs
    person(person={"city": [SECRET]}),
    person(id={"name": SECRET}),
    person(cpf=[SECRET]),
    person(home=SECRET, id=-1),
]


@pytest.mark.parametrize("given_record", LEAKS)
def test_nothing_personal_is_shown(given_record: dict[str, Any]):
    found = kept([given_record], PEOPLE)
    assert found.rows == 1
    said = repr(found.rules) + repr(found.samples)
    assert SECRET not in said
    assert "João" not in said.encode().decode("unicode_escape", "ignore")


_TEXT = st.text("qwertz", min_size=1, max_size=3)
_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | _TEXT | st.just(SECRET),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT | st.just(SECRET), inner, max_size=2),
    max_leaves=4,
)


@given(values=st.dictionaries(st.sampled_from(["cpf", "home", "name", "other"]), _VALUE))
def test_no_record_however_shaped_shows_a_person(values: dict[str, Any]):
    """A plain value where the contract has a column that is not personal is that column's, whatever it says."""
    found = kept([person(**{"id": -1} | values)], PEOPLE)
    assert SECRET not in repr(found)


def test_values_of_known_columns_that_are_not_personal_are_shown_as_they_came():
    found = kept([record(id=1, small=999, amount="123456789012345.10", text="olá")], dataset())
    (row,) = found.samples
    assert found.rules[0].example == "999"
    assert row.reasons[0].sentence == "small is '999', and must be at most 100."
    shown = json.loads(row.record)
    assert (shown["small"], shown["amount"], shown["text"]) == (999, "123456789012345.10", "olá")
    assert "(others)" not in shown


def test_a_decimal_keeps_its_digits_in_a_sample():
    text = b'{"id": 1, "small": 999, "ratio": 0.10000000000000000555, "is_ok": true}'
    made = curate_records([msgspec.Raw(text)], dataset())
    holding = Holding(BATCH, 1, "stopped", 1, None, lambda: iter((made.bad,)))
    found = Mask(dataset()).kept(gather(dataset(), holding, None))
    assert "0.10000000000000000555" in found.samples[0].record


def test_a_column_that_the_contract_no_longer_knows_is_masked():
    reason = Reason("gone", "type", SECRET, f"gone is {SECRET}")
    shown = Mask(dataset()).refused(Refused(BATCH, 1, 0, None, (reason,), '{"gone": 1}'))
    assert SECRET not in repr(shown)
    assert shown.reasons[0].value == "***"


@pytest.mark.parametrize(
    ("column", "rule", "said"),
    [
        ("small", "less_than_or_equal_to(100)", "small is '7', and must be at most 100."),
        ("small", "type", "small is '7', which is not a whole number from -32,768 to 32,767."),
        ("id", "not_nullable", "id is missing, and the contract wants a value."),
        ("text", "isin(['a', 'b'])", "text is '7', and must be one of 'a', 'b'."),
        ("text", "max_bytes(40)", "text is '7', and must have at most 40 bytes in UTF-8."),
        ("text", "duplicate key", "The record has the key text twice."),
        ("text", "cpf", "text is '7', which is not a CPF with the right check digits."),
        ("text", "cnpj(bare)", "text is '7', which is not a CNPJ with the right check digits."),
        ("text", "own_rule", "text is '7', and must satisfy own_rule."),
        (
            "*",
            "leaves_before_it_lands",
            "The row breaks the rule leaves_before_it_lands, which is about several columns.",
        ),
        ("code", "error", "code is the error 7."),
        (
            "code",
            "raised",
            "code is '7', and a sign of it is raised, like the mark of a footnote: it would become part of the value.",
        ),
        ("code", "formula", "code is a formula that was saved without its value: 7."),
        ("code", "merged", "code is part of a merged cell ('7'), and the contract does not say that it fills them."),
        ("*", "fields(3)", "The line has more or fewer fields than the table's 3 columns."),
    ],
)
def test_a_reason_is_a_sentence(column: str, rule: str, said: str):
    assert sentence(dataset(), column, rule, "7") == said


@pytest.mark.parametrize(
    ("column", "rule", "said"),
    [
        ("small", "less_than_or_equal_to(100)", "small é '7', e deve ser no máximo 100."),
        ("small", "type", "small é '7', que não é um número inteiro de -32.768 a 32.767."),
        ("text", "cpf", "text é '7', que não é um CPF com os dígitos verificadores certos."),
        ("*", "ordem", "A linha viola a regra ordem, que envolve várias colunas."),
    ],
)
def test_a_reason_is_a_sentence_in_portuguese_too(column: str, rule: str, said: str):
    assert sentence(dataset(), column, rule, "7", "pt") == said
