"""What a portal sends is what lands in Parquet, to the last digit; what its type cannot hold is in quarantine with its text."""

import io
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esteira.batch import Known, plan
from esteira.contract import Dataset, Offset, Quality
from esteira.curate import curate
from esteira.extraction.extract import extract
from esteira.lake import Lake, Part
from esteira.portal import Portal
from tests.core.small import dataset, source
from tests.extract.hostile import Asked, Say, hostile

Opened = Callable[[str], Portal]
_numbers = itertools.count(1)
NULLS = ("small", "ratio", "amount", "is_ok", "at", "day", "text")


def contract(records: str) -> Dataset:
    paged = {"paginator": Offset(2), "records": records, "pages_per_part": 1}
    return dataset(name=f"exact{next(_numbers)}", source=source(**paged), quality=Quality(max_quarantine_ratio=1))


def landed(texts: list[str], found: Dataset, lake: Lake, open_portal: Opened) -> tuple[list[Any], list[Any]]:
    """The good and the bad rows of records that are given as JSON text."""

    def answer(asked: Asked) -> Say:
        start, limit = int(asked.query["offset"]), int(asked.query["limit"])
        return Say(f'{{"rows": [{", ".join(texts[start : start + limit])}]}}'.encode())

    (batch,) = plan(found, datetime(2014, 1, 2, tzinfo=UTC), Known())
    with hostile(answer) as up:
        raw = extract(found, batch, portal=open_portal(up.url), lake=lake)
    assert raw is not None
    sealed = curate(found, raw, lake=lake)
    return rows_of(sealed.parts, lake), rows_of(sealed.quarantine, lake)


def rows_of(parts: tuple[Part, ...], lake: Lake) -> list[Any]:
    return [row for part in parts for row in pq.read_table(io.BytesIO(lake.read_part(part))).to_pylist()]


def record(**fields: str) -> str:
    """A record as JSON text, whose fields are JSON texts; the others are null."""
    named = dict.fromkeys(NULLS, "null") | fields
    return "{" + ", ".join(f'"{name}": {text}' for name, text in named.items()) + "}"


RECORDS = ["rows", "rows[?id != `null`]"]
"""As slices of the page; and decoded, searched and encoded again."""


@pytest.mark.fault(19)
@pytest.mark.fault(25)
@pytest.mark.parametrize("bad", [(), ('"x"',)], ids=["all at once", "one by one"])
@pytest.mark.parametrize("records", RECORDS)
@pytest.mark.parametrize(
    ("column", "sent", "lands"),
    [
        ("id", str(2**53 + 1), 2**53 + 1),
        ("id", str(-(2**63)), -(2**63)),
        ("id", f'"{2**63 - 1}"', 2**63 - 1),
        ("amount", "1234567890123456.78", Decimal("1234567890123456.78")),
        ("amount", '"-9999999999999999.99"', Decimal("-9999999999999999.99")),
        ("amount", "0.10", Decimal("0.10")),
        ("text", '"007"', "007"),
        ("text", '"NA"', "NA"),
        ("text", '""', ""),
        ("text", "null", None),
        ("text", '"null"', "null"),
        ("text", '" 1.234,56 "', " 1.234,56 "),
        ("at", '"2018-02-17T23:30:00-02:00"', datetime(2018, 2, 18, 1, 30, tzinfo=UTC)),
        ("at", '"2018-02-17T23:30:00-03:00"', datetime(2018, 2, 18, 2, 30, tzinfo=UTC)),
        ("at", '"2018-02-17T23:30:00Z"', datetime(2018, 2, 17, 23, 30, tzinfo=UTC)),
        ("at", '"2018-02-17T23:30:00.000001+05:45"', datetime(2018, 2, 17, 17, 45, 0, 1, tzinfo=UTC)),
    ],
)
def test_a_value_lands_as_it_was_sent(
    lake: Lake, open_portal: Opened, *, column: str, sent: str, lands: Any, records: str, bad: tuple[str, ...]
):
    texts = [record(**({"id": "1"} | {column: sent})), *(record(id=each) for each in bad)]
    good, quarantined = landed(texts, contract(records), lake, open_portal)
    assert [row[column] for row in good] == [lands]
    assert len(quarantined) == len(bad)


@pytest.mark.fault(19)
@pytest.mark.fault(25)
@pytest.mark.parametrize(
    ("column", "sent"),
    [
        ("id", str(2**63)),
        ("id", "9007199254740993.5"),
        ("amount", "12345678901234567.80"),
        ("amount", "0.001"),
        ("amount", '"1.234,56"'),
        ("small", '"NA"'),
        ("small", '""'),
        ("text", "7"),
        ("at", '"2018-02-17T23:30:00.0000001-02:00"'),
        ("day", '"17/02/2018"'),
    ],
)
def test_what_does_not_fit_is_quarantined_with_its_text(lake: Lake, open_portal: Opened, column: str, sent: str):
    text = record(**({"id": "2"} | {column: sent}))
    good, quarantined = landed([record(id="1"), text, record(id="3")], contract("rows"), lake, open_portal)
    assert [row["id"] for row in good] == [1, 3]
    (row,) = quarantined
    assert (row["record"], row["column"], row["rule"]) == (text, column, "type")
    assert row["value"] == (json.loads(sent) if sent.startswith('"') else sent)


offsets = st.integers(-12 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
values = st.fixed_dictionaries(
    {
        "id": st.integers(-(2**63), 2**63 - 1),
        "amount": st.none() | st.integers(-(10**18) + 1, 10**18 - 1).map(lambda cents: Decimal(cents).scaleb(-2)),
        "text": st.none() | st.text(max_size=9),
        "at": st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=offsets),  # noqa: DTZ001 - gets one
    }
)


@pytest.mark.slow
@pytest.mark.fault(19)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(values, max_size=9), st.sampled_from(RECORDS), st.booleans())
def test_any_values_land_as_they_were_sent(
    lake: Lake, open_portal: Opened, rows: list[dict[str, Any]], records: str, has_bad: bool  # noqa: FBT001 - drawn
):  # fmt: skip
    texts = [record(**{name: sent(value) for name, value in row.items()}) for row in rows]
    good, quarantined = landed(texts + [record(id='"x"')] * has_bad, contract(records), lake, open_portal)
    assert [{name: row[name] for name in ("id", "amount", "text", "at")} for row in good] == rows
    assert len(quarantined) == has_bad


def sent(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return json.dumps(value.isoformat() if isinstance(value, datetime) else value)
