"""Rules about whole batches as a contract states them: what can find nothing is refused."""

from datetime import timedelta
from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pytest

from esteira.contract import Distribution, Freshness, NullRate, Quality, Reference, Timestamp, Unique, Volume
from esteira.errors import ConfigError
from tests.core.small import dataset


class Person(pandera.DataFrameModel):
    """Persons."""

    id: pd.Int64Dtype = pandera.Field(description="Key")
    name: pd.StringDtype = pandera.Field(nullable=True, description="Name", metadata={"pii": True})
    extra: pd.StringDtype = pandera.Field(nullable=True, description="Whatever", metadata={"type": "super"})
    seen_at: Timestamp = pandera.Field(nullable=True, description="Seen")


ALL = (
    Volume(), NullRate("text"), NullRate("text", at_most=0), Distribution("small"), Freshness("at", timedelta(hours=6)),
    Freshness("day", timedelta(days=1)), Unique(("id", "text"), otherwise="warn"),
)  # fmt: skip


def test_a_contract_may_state_every_rule():
    assert dataset(quality=Quality(rules=ALL)).quality.rules == ALL


def test_rules_may_be_given_as_any_sequence():
    assert Quality(rules=list(ALL)).rules == ALL  # type: ignore[arg-type] # what an author may write


@pytest.mark.parametrize(
    "rule", [NullRate("nope"), Distribution("nope"), Freshness("nope", timedelta(1)), Unique(("id", "nope"))]
)
def test_a_rule_about_a_column_that_is_not_there_is_refused(rule: Any):
    with pytest.raises(ConfigError, match=r"quality\.rules names nope, which the schema does not have"):
        dataset(quality=Quality(rules=(rule,)))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (NullRate("id"), "the column takes no nulls"),
        (Distribution("name"), "the column is personal"),
        (Distribution("extra"), "is nested"),
        (Unique(("extra",)), "is nested"),
        (Freshness("id", timedelta(hours=1)), "is neither a moment nor a day"),
    ],
)
def test_a_rule_about_a_column_of_the_wrong_kind_is_refused(rule: Any, said: str):
    with pytest.raises(ConfigError, match=said):
        dataset(schema=Person, quality=Quality(rules=(rule,)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Volume(change=0), lambda: Volume(change=-1), lambda: NullRate("a", change=0), lambda: NullRate("a", at_most=1.5),
        lambda: NullRate("a", at_most=-0.1), lambda: Distribution("a", index=0), lambda: Distribution("a", index=float("nan")),
        lambda: Freshness("a", timedelta(0)), lambda: Unique(()), lambda: Unique("id"), lambda: Volume(otherwise="ignore"),
        lambda: NullRate("a", otherwise="skip"), lambda: Distribution("a", otherwise=""), lambda: Freshness("a", timedelta(1), otherwise="x"),
        lambda: Unique(("a",), otherwise="x"), lambda: Quality(rules=(Reference("a", to="b.c"),)), lambda: Quality(rules=("volume",)),
    ],
)  # fmt: skip
def test_a_rule_that_means_nothing_is_refused(make: Any):
    with pytest.raises(ConfigError):
        make()


def test_rules_change_no_batch_id():
    assert dataset(quality=Quality(rules=ALL)).source.definition_hash == dataset().source.definition_hash
