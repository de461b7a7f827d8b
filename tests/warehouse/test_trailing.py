"""Whole-batch rules against the trailing batches, in SQL on the staging table: they pass, warn or fail."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

import pandas as pd
import pandera.pandas as pa
import pytest
from numpy.random import default_rng
from pyarrow import decimal128, timestamp

from esteira.contract import (
    Append,
    Dataset,
    Date,
    Distribution,
    Freshness,
    NullRate,
    Quality,
    Reference,
    Replace,
    Timestamp,
    Unique,
    Upsert,
    Volume,
)
from esteira.errors import DataQualityError
from esteira.profile import Profiler
from esteira.warehouse import UndoRequest
from esteira.warehouse.ledger_entry import LedgerEntry
from tests.warehouse.conftest import FIRST_DAY, Bench, Row, _table

pytestmark = [pytest.mark.stack]
ALL_KINDS = ("amount", "ratio", "price", "label", "is_ok", "at", "day", "local")


class Wide(pa.DataFrameModel):
    """One column of each kind."""

    id: pd.Int64Dtype = pa.Field(description="Number")
    amount: pd.Int64Dtype = pa.Field(nullable=True, description="Whole")
    ratio: pd.Float32Dtype = pa.Field(nullable=True, description="Single precision")
    price: Annotated[pd.ArrowDtype, decimal128(18, 2)] = pa.Field(nullable=True, description="Decimal")
    label: pd.StringDtype = pa.Field(nullable=True, description="Text")
    is_ok: pd.BooleanDtype = pa.Field(nullable=True, description="Flag")
    at: Timestamp = pa.Field(nullable=True, description="Moment")
    local: Annotated[pd.ArrowDtype, timestamp("us")] = pa.Field(nullable=True, description="Moment without a zone")
    day: Date = pa.Field(nullable=True, description="Day")
    name: pd.StringDtype = pa.Field(nullable=True, description="Name", metadata={"pii": True})


def rows_of(day: int, count: int = 200, *, moved: float = 0.0, nulls: float = 0.05) -> list[Row]:
    """A day's rows, drawn by its number; a share `moved` of them has other values."""
    rng = default_rng(day)
    start = FIRST_DAY + timedelta(days=day - 1)
    made = []
    for number in range(count):
        is_moved = rng.random() < moved
        at = start + timedelta(seconds=int(rng.integers(0, 80_000)) * (1 if not is_moved else 0))
        amount = int(rng.poisson(5)) + (20 if is_moved else 0)
        row = {
            "id": day * 1_000 + number, "amount": amount, "ratio": float(amount) / 8, "price": Decimal(amount),
            "label": str(rng.choice(["a", "b", "c"], p=[0.6, 0.3, 0.1])) if not is_moved else "z", "is_ok": bool(rng.random() < 0.8) and not is_moved,
            "at": at, "local": at.replace(tzinfo=None), "day": (at - timedelta(days=400 if is_moved else 0)).date(), "name": "Ada",
        }  # fmt: skip
        made.append(
            {key: None if key not in {"id", "name"} and rng.random() < nulls else value for key, value in row.items()}
        )
    return made


def load(bench: Bench, dataset: Dataset, rows: list[Row], **facts: Any) -> LedgerEntry:
    """Load a batch with its profile, as curate makes it."""
    request = bench.request(dataset, rows, **facts)
    profiler = Profiler(dataset.columns)
    profiler.add(_table(dataset, rows, 0, None, None))
    return bench.loader().load(replace(request, profile=profiler.profiles())).entry


def load_days(bench: Bench, dataset: Dataset, days: Iterable[int]) -> None:
    for day in days:
        load(bench, dataset, rows_of(day), day=day)


def every_rule() -> Quality:
    compared = (*map(NullRate, ALL_KINDS), *map(Distribution, ALL_KINDS))
    return Quality(
        rules=(Volume(), *compared, Freshness("at", timedelta(hours=3)), Freshness("day", timedelta(hours=1)))
    )


@pytest.mark.slow
def test_clean_batches_raise_no_alarm_and_a_seeded_shift_raises_each(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append(), schema=Wide, quality=every_rule())
    load_days(bench, dataset, range(1, 31))
    assert [entry.warnings for entry in bench.ledger(dataset)] == [()] * 30
    shifted = load(bench, dataset, rows_of(31, 600, moved=1, nulls=0.6), day=31)
    said = {" ".join(warning.split()[:2]).replace(":", "") for warning in shifted.warnings}
    kinds = {f"{rule} {name}" for rule in ("NullRate", "Distribution") for name in ALL_KINDS}
    assert said == {"Volume 600", "Freshness at", "Freshness day", *kinds}


SETTLING, CLEAN, ROWS = 28, 100, 120
"""Days after which every rule speaks, days that are judged, and rows of each."""


def changed(row: Row, **changes: Any) -> Row:
    return row | {name: change(row[name]) for name, change in changes.items() if row[name] is not None}


SHIFTS: dict[str, tuple[tuple[str, str | None], Callable[[list[Row]], list[Row]]]] = {
    "a row twice": (("unique", "id"), lambda rows: [*rows, rows[0]]),
    "a label that is unknown": (("reference", "label"), lambda rows: [rows[0] | {"label": "z"}, *rows[1:]]),
    "half of the rows": (("volume", None), lambda rows: rows[: ROWS // 2]),
    "no amounts in a third": (("nulls", "amount"), lambda rows: [*({**row, "amount": None} for row in rows[::3]), *rows[1::3], *rows[2::3]]),
    "amounts are higher": (("distribution", "amount"), lambda rows: [changed(row, amount=lambda value: value + 5) for row in rows]),
    "other labels": (("distribution", "label"), lambda rows: [changed(row, label=lambda _: "c") for row in rows]),
    "the last hours are missing": (("freshness", "at"), lambda rows: [changed(row, at=lambda value: value - timedelta(hours=6)) for row in rows]),
}  # fmt: skip


@pytest.mark.long
def test_all_rule_kinds_at_once_raise_at_most_one_alarm_in_100_clean_batches_and_find_each_shift(
    bench: Any, make_dataset: Any
):
    """One dataset with all of them, 21 rules, day after day; then one thing is wrong at a time."""
    parent = make_dataset(Replace())
    bench.load(parent, [{"id": number, "label": label} for number, label in enumerate("abc")])
    rules = (Unique(("id",), otherwise="warn"), *every_rule().rules)
    known = Reference("label", to=f"{parent.name}.label", otherwise="warn")
    dataset = make_dataset(Append(), schema=Wide, quality=Quality(rules=rules, references=(known,)))
    for day in range(1, SETTLING + CLEAN + 1):
        load(bench, dataset, rows_of(day, ROWS), day=day)
    alarms = [warning for entry in bench.ledger(dataset) for warning in entry.warnings]
    assert len(alarms) <= 1, alarms
    for number, (name, (expected, shift)) in enumerate(SHIFTS.items()):
        day = SETTLING + CLEAN + 1 + number
        found = load(bench, dataset, shift(rows_of(day, ROWS)), day=day).findings
        assert expected in {(each.rule, each.facts.get("column")) for each in found}, name
        others = {"unique", "reference", "volume"} - {expected[0]}
        assert others.isdisjoint(each.rule for each in found), name


WEEKS = range(1, 9)
"""Windows of a week, all alike: after eight of them a rule speaks."""


def weekly(make_dataset: Any, *rules: Any, **facts: Any) -> Dataset:
    return make_dataset(Append(), quality=Quality(rules=rules), **facts)


def week(bench: Bench, dataset: Dataset, number: int, rows: int = 20, **facts: Any) -> LedgerEntry:
    made = [{"id": number * 1_000 + at, "label": "a", "amount": at} for at in range(rows)]
    return load(bench, dataset, made, day=1 + 7 * number, days=7, **facts)


def test_a_rule_that_fails_names_figure_expectation_and_next_step_and_loads_nothing(bench: Any, make_dataset: Any):
    dataset = weekly(make_dataset, Volume(otherwise="fail"))
    for number in WEEKS:
        week(bench, dataset, number)
    said = r"^Volume: 500 rows; 20 are usual \(6 to 62, 8 like batches\)\.$"
    with pytest.raises(DataQualityError, match=said) as caught:
        week(bench, dataset, 9, 500)
    assert "otherwise='warn'" in caught.value.hint
    assert (len(bench.ledger(dataset)), len(bench.rows(dataset))) == (8, 160)
    lenient = replace(dataset, quality=Quality(rules=(Volume(),)))
    assert week(bench, lenient, 9, 500).warnings == ("Volume: 500 rows; 20 are usual (6 to 62, 8 like batches).",)


def test_everything_that_fails_stands_in_one_message(bench: Any, make_dataset: Any):
    dataset = weekly(
        make_dataset,
        Unique(("label",), otherwise="fail"),
        Freshness("changed_at", timedelta(hours=1), otherwise="fail"),
        NullRate("amount", at_most=0.5),
    )
    row = {"id": 1, "label": "a", "amount": None, "changed_at": FIRST_DAY}
    with pytest.raises(
        DataQualityError, match=r"label must be unique.*Freshness changed_at: the newest value is .* 24\.0 hours before"
    ):
        load(bench, dataset, [row, row])


def test_nothing_is_said_of_the_first_batches(bench: Any, make_dataset: Any):
    dataset = weekly(make_dataset, Volume(), NullRate("amount"), Distribution("amount"))
    sizes = [20, 500, 1, 20, 90, 3, 20]
    assert [week(bench, dataset, number, rows).warnings for number, rows in enumerate(sizes)] == [()] * 7


def test_a_backfill_is_not_judged_and_is_no_part_of_what_is_usual(bench: Any, make_dataset: Any):
    dataset = weekly(make_dataset, Volume())
    for number in range(20, 28):
        week(bench, dataset, number)
    for number in range(1, 20):
        assert week(bench, dataset, number, 500).warnings == ()
    assert week(bench, dataset, 28).warnings == ()
    assert week(bench, dataset, 29, 500).warnings == ("Volume: 500 rows; 20 are usual (6 to 62, 9 like batches).",)


def test_what_was_undone_and_what_was_replaced_is_no_part_of_what_is_usual(bench: Any, make_dataset: Any):
    dataset = weekly(make_dataset, Volume())
    for number in range(1, 16):
        entry = week(bench, dataset, number, 500)
        if number < 6:
            bench.loader().undo(UndoRequest(dataset, entry.batch_id))
        else:
            week(bench, dataset, number, 21, generation=2)
    assert week(bench, dataset, 18, 500).warnings == ("Volume: 500 rows; 21 are usual (7 to 63, 10 like batches).",)


def test_windows_of_another_length_are_not_compared(bench: Any, make_dataset: Any):
    dataset = weekly(make_dataset, Volume())
    for number in range(1, 10):
        load(bench, dataset, [{"id": number}] * 500, day=1 + 31 * number, days=31)
    for number in range(100, 108):
        assert week(bench, dataset, number).warnings == ()
    (warning,) = week(bench, dataset, 108, 500).warnings
    assert warning.endswith("8 like batches).")


def test_files_are_compared_with_files_whatever_their_windows(bench: Any, make_dataset: Any):
    dataset = weekly(make_dataset, Volume())
    for day in range(1, 9):
        load(bench, dataset, [{"id": day}] * 20, day=3 * day, days=1 + day % 3, batch_id=f"file-{day:016x}-0123abcd")
    (warning,) = load(bench, dataset, [{"id": 9}] * 500, day=40, batch_id=f"file-{9:016x}-0123abcd").warnings
    assert warning == "Volume: 500 rows; 20 are usual (6 to 62, 8 like batches)."


def test_a_rebuild_of_an_older_batch_is_not_judged(bench: Any, make_dataset: Any):
    dataset = weekly(make_dataset, Volume(otherwise="fail"))
    for number in WEEKS:
        week(bench, dataset, number)
    assert week(bench, dataset, 3, 500, generation=2).inserted == 500


@pytest.mark.parametrize(
    ("reached", "said"),
    [
        (FIRST_DAY + timedelta(hours=23), None),
        (
            FIRST_DAY + timedelta(hours=12),
            "Freshness changed_at: the newest value is 2014-01-01 12:00:00+00:00, 12.0 hours before",
        ),
        (None, None),
    ],
)
def test_freshness_looks_at_the_newest_value_against_the_window_s_end(
    bench: Any, make_dataset: Any, reached: Any, said: str | None
):
    dataset = weekly(make_dataset, Freshness("changed_at", timedelta(hours=6)))
    rows = [{"id": 1, "changed_at": reached}, {"id": 2, "changed_at": reached and FIRST_DAY}]
    warnings = load(bench, dataset, rows).warnings
    assert (warnings == ()) if said is None else warnings[0].startswith(said)


def test_a_share_of_nulls_above_the_contract_s_own_limit_is_told_with_exact_counts(bench: Any, make_dataset: Any):
    dataset = weekly(make_dataset, NullRate("amount", at_most=0.25))
    rows = [{"id": number, "amount": None if number < 3 else 1} for number in range(8)]
    said = "NullRate amount: 3 of 8 rows are empty, 37.50%; at most 25.00% are allowed."
    assert load(bench, dataset, rows).warnings == (said,)
    assert load(bench, dataset, rows[1:], day=2).warnings == (
        "NullRate amount: 2 of 7 rows are empty, 28.57%; at most 25.00% are allowed.",
    )
    assert load(bench, dataset, rows[2:], day=3).warnings == ()


def test_repetitions_may_warn_and_personal_values_are_masked_in_every_message(bench: Any, make_dataset: Any):
    parent = make_dataset(Replace())
    bench.load(parent, [{"id": 1, "label": "a"}])
    quality = Quality(
        rules=(Unique(("id", "name"), otherwise="warn"),),
        references=(Reference("name", to=f"{parent.name}.label", otherwise="warn"),),
    )
    dataset = make_dataset(Append(), schema=Wide, quality=quality)
    entry = load(bench, dataset, [{"id": 1, "name": "Ada"}, {"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}])
    assert entry.warnings == (
        "id, name must be unique in a batch and repeats: 1/***.",
        f"name: 3 rows name {parent.name}.label that do not exist: ***.",
    )


def test_a_long_text_is_cut_in_a_warning_so_that_the_ledger_takes_it(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append(), quality=Quality(rules=(Unique(("label",), otherwise="warn"),)))
    rows = [{"id": number, "label": f"{number % 3}" + "ç" * 30_000} for number in range(6)]
    (warning,) = load(bench, dataset, rows).warnings
    assert warning.startswith(f"label must be unique in a batch and repeats: 0{'ç' * 199}…, 1ç")
    assert len(bench.rows(dataset)) == 6


def test_a_personal_key_that_is_refused_is_masked(bench: Any, make_dataset: Any):
    class Known(Wide):
        name: pd.StringDtype = pa.Field(description="Name", metadata={"pii": True})

    dataset = make_dataset(Upsert(key=("id", "name")), schema=Known)
    with pytest.raises(DataQualityError, match=r"Key id, name .*different values: 1/\*\*\*\."):
        bench.load(dataset, [{"id": 1, "name": "Ada", "amount": 1}, {"id": 1, "name": "Ada", "amount": 2}])


def test_a_profile_that_an_older_load_did_not_write_is_not_missed(bench: Any, make_dataset: Any):
    dataset = weekly(make_dataset, NullRate("amount"), Distribution("amount"))
    for number in WEEKS:
        bench.load(dataset, [{"id": number, "amount": 1}] * 60, day=1 + 7 * number, days=7)
    assert week(bench, dataset, 9, 60).warnings == ()
