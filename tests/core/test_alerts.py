"""The words of a message, and when there is one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from esteira.alerts.message import Links, Notice, cause_of, subject_of, text_of, without_values
from esteira.alerts.refusals import Refusals
from esteira.alerts.silence import Silence, require_end, span
from esteira.alerts.trend import Counts, counts_of, is_slow, usual_seconds
from esteira.contract import ApiSource, Append, Dataset
from esteira.errors import ConfigError, DataQualityError
from esteira.redaction import register_secret
from esteira.warehouse import LedgerEntry

NOW = datetime(2014, 1, 2, 6, tzinfo=UTC)
BATCH = "2014-01-01T0000Z-abcdef12"
NOTICE = Notice(
    f"flights {BATCH} failed: DataQualityError", "flights", BATCH, what="12 of 100 rows break their rules (12.00%; the limit is 1.00%).",
    cause=cause_of(DataQualityError("m")), next_step="Look at the quarantined rows.", owner="bi-team",
    counts=Counts(extracted=100, quarantined=12, good_batch="2013-12-31T0000Z-abcdef12", good_extracted=80),
    links=Links("https://prefect/runs/flow-run/1", "https://pages/flights", "https://docs/operations/runbook.html#dataqualityerror"),
)  # fmt: skip
TEXT = """*Dataset:* flights | *Batch:* 2014-01-01T0000Z-abcdef12
12 of 100 rows break their rules (12.00%; the limit is 1.00%).
*Likely cause:* Too many rows failed their rules, or a whole-batch rule failed.
*Next step:* Look at the quarantined rows.
*Rows:* 100 extracted, 12 quarantined; 80 in the last good batch 2013-12-31T0000Z-abcdef12 (+20, +25.0%).
*Run:* https://prefect/runs/flow-run/1
*Report:* https://pages/flights
*Runbook:* https://docs/operations/runbook.html#dataqualityerror
*Owner:* bi-team"""


def entry(number: int, **facts: Any) -> LedgerEntry:
    return LedgerEntry(f"batch-{number}", NOW - timedelta(days=number), NOW - timedelta(days=number - 1), **facts)


def test_a_message_says_what_where_why_what_to_do_how_much_and_whom_to_ask():
    assert text_of(NOTICE) == TEXT
    assert text_of(NOTICE) == text_of(NOTICE)
    assert subject_of(NOTICE) == f"flights {BATCH} failed: DataQualityError"


def test_what_is_not_known_is_left_out():
    assert text_of(Notice("s", "flights")) == "*Dataset:* flights\n*Owner:* nobody is named in the contract"


def test_a_message_about_a_bi_asset_does_not_call_it_a_dataset():
    assert text_of(Notice("s", "sales", owner="bi-team", about="BI asset")) == "*BI asset:* sales\n*Owner:* bi-team"


def test_no_secret_and_no_call_to_everybody_is_in_a_message():
    register_secret("s3cr3t-token")
    text = text_of(
        replace(NOTICE, what="<!channel> the portal said s3cr3t-token", patch="+    <@U1> carrier: str  # <new>")
    )
    assert "s3cr3t-token" not in text
    assert "<!" not in text
    assert "<@" not in text
    assert "# <new>" in text


class Person(pa.DataFrameModel):
    """Somebody."""

    cpf: pd.StringDtype = pa.Field(nullable=True, description="c", metadata={"pii": True})
    city: pd.StringDtype = pa.Field(nullable=True, description="c")


@pytest.mark.parametrize(
    ("sentence", "is_shown"),
    [
        ("cpf = '529.982.247-25' breaks cpf", False),
        (
            "The batch failed 10 times. The last time: DataQualityError: * = 'Ana, 529.982.247-25' breaks known_person",
            False,
        ),
        ("Column cpf, row 7: the text 529.982.247-25 has 14 bytes", False),
        ("city = 'Recife' breaks isin", True),
        ("Page 3 has no records.", True),
    ],
)
def test_no_value_of_a_personal_column_is_in_a_message(sentence: str, *, is_shown: bool):
    dataset = Dataset("people", ApiSource(portal="p", path="/p"), Person, Append())
    told = without_values(sentence, dataset)
    assert "529" not in told
    assert (told == sentence) is is_shown
    assert without_values("city is wrong", None) == "city is wrong"


def test_a_long_sentence_is_cut_and_a_long_patch_is_left_out():
    text = text_of(replace(NOTICE, what="x" * 5_000, patch="+\n" * 2_000))
    assert len(text) < 3_500
    assert "too long to be shown here" in text


def test_an_error_that_is_none_of_ours_has_a_likely_cause_too():
    assert cause_of(KeyError("x")).startswith("A defect of Esteira")


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        (Counts(), "none yet; nothing was loaded before."),
        (Counts(extracted=5), "5 extracted; nothing was loaded before."),
        (Counts(good_batch="b", good_extracted=1_000), "none yet; 1,000 in the last good batch b."),
        (
            Counts(extracted=900, good_batch="b", good_extracted=1_000),
            "900 extracted; 1,000 in the last good batch b (-100, -10.0%).",
        ),
        (Counts(extracted=9, good_batch="b", good_extracted=0), "9 extracted; 0 in the last good batch b (+9)."),
    ],
)
def test_rows_are_told_beside_those_of_the_last_good_batch(counts: Counts, sentence: str):
    assert counts.sentence() == sentence


def test_the_last_good_batch_is_the_newest_that_was_loaded():
    entries = [entry(1, state="given_up"), entry(2, extracted=7), entry(3, extracted=5)]
    assert counts_of(entries, extracted=9).difference == 2
    assert counts_of([entries[0]], extracted=9).difference is None


def test_a_batch_is_slow_beside_the_median_of_enough_others_and_never_below_a_minute():
    entries = [entry(number, seconds=seconds) for number, seconds in enumerate((100.0, 90.0, 110.0, 4_000.0, 95.0))]
    assert usual_seconds(entries) == 100.0
    assert usual_seconds([*entries[:4], entry(5), entry(6, seconds=1.0, state="given_up")]) is None
    assert is_slow(301.0, 100.0)
    assert not is_slow(299.0, 100.0)
    assert not is_slow(59.0, 1.0)


def test_refused_rows_are_told_by_rule_in_words_from_half_of_the_limit_on():
    reasons = {
        "cpf: cpf": 1,
        "age: in_range(0, 120)": 4,
        "day: type": 2,
        "*: ends_after_start": 3,
        "name: not_nullable": 5,
        "x: odd": 1,
    }
    found = Refusals(6, 1_000, 0.01, reasons)
    assert (found.is_near, found.is_over) == (True, False)
    assert found.rules() == (
        "name must not be missing (5)",
        "age must lie between 0, 120 (4)",
        "the row breaks ends_after_start (3)",
        "day must be of the contract's type (2)",
        "cpf must be a CPF with the right check digits (1)",
    )
    assert found.sentence() == "6 of 1,000 rows are in quarantine (0.60%; the limit is 1.00%)."
    assert not Refusals(4, 1_000, 0.01, {}).is_near
    assert not Refusals(0, 0, 0.0, {}).is_near
    assert Refusals(11, 1_000, 0.01, {}).is_over


def test_a_silence_ends_by_itself_and_says_who_why_and_until_when():
    silence = Silence("flights", NOW + timedelta(hours=2), "the portal moves", "ana@laptop")
    assert str(silence) == "silenced until 2014-01-02 08:00Z by ana@laptop: the portal moves"
    assert Silence.of(silence.facts()) == silence
    assert not silence.is_over(NOW)
    assert silence.is_over(NOW + timedelta(hours=2))


@pytest.mark.parametrize(
    ("text", "expected"), [("90m", timedelta(minutes=90)), ("2h", timedelta(hours=2)), ("3d", timedelta(days=3))]
)
def test_a_span_is_minutes_hours_or_days(text: str, expected: timedelta):
    assert span(text) == expected


@pytest.mark.parametrize("text", ["", "0h", "2", "2w", "-1h", "1h30m"])
def test_another_span_is_refused_with_the_ways_to_say_it(text: str):
    with pytest.raises(ConfigError, match="no span of time") as raised:
        span(text)
    assert "90m, 2h or 3d" in raised.value.hint


@pytest.mark.parametrize("until", [NOW, NOW + timedelta(days=31)])
def test_a_silence_that_is_past_or_far_too_long_is_refused(until: datetime):
    with pytest.raises(ConfigError):
        require_end(until, NOW)
