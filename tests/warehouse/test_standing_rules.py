"""Rules that are set to fail keep batches out of the table: they do not stop what is done with batches that are in it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from esteira.contract import Append, Freshness, NullRate, Quality, Reference, Unique, Upsert, Volume
from esteira.erasure import Places, Request, erase, read_key
from esteira.errors import DataQualityError
from esteira.lake.sweep import SweptLake
from esteira.rebuild import Selection, curated_again, plan_rebuild
from esteira.warehouse import LoadRequest, UndoRequest
from tests.warehouse.conftest import FIRST_DAY, Item
from tests.warehouse.folding import Load, Thing
from tests.warehouse.test_erasing import ERASED, KEPT, dated, extracted, readable
from tests.warehouse.test_fold import MODES
from tests.warehouse.test_replay import Mill, labels, thing

pytestmark = [pytest.mark.stack]
REPEATS = "team must be unique in a batch and repeats: a."
ORPHANS = "label: nowhere.label is not in the warehouse yet."
EMPTY = "NullRate label: 1 of 3 rows are empty, 33.33%; at most 10.00% are allowed."


def strict(*rules: Any) -> Quality:
    """Today's contract: what does not hold for these batches is set to fail."""
    late = Freshness("changed_at", timedelta(minutes=1), otherwise="fail")
    empty = NullRate("label", at_most=0.1, otherwise="fail")
    nowhere = Reference("label", to="nowhere.label", otherwise="fail")
    return Quality(max_quarantine_ratio=1.0, rules=(late, empty, *rules), references=(nowhere,))


@pytest.fixture
def mill(bench: Any, make_dataset: Any) -> Mill:
    """A batch with two rows in the table and a refused one that passes today."""
    write, incremental = MODES["append"]
    made = Mill(bench, make_dataset(write, schema=Thing, incremental=incremental))
    made.load("first", Load(1, 1, (thing(1, None), thing(2, "a"), thing(3, "ç"))))
    made.level = 2
    return made


def curated_once_more(mill: Mill) -> Any:
    """As `esteira ingest --from curated` does it."""
    lake = mill.bench.lake
    (rebuild,) = plan_rebuild(mill.dataset, mill.bench.ledger(mill.dataset), Selection(("first",)), lake)
    seal = curated_again(rebuild, lake)
    request = LoadRequest(mill.dataset, rebuild.batch, seal, lake.put_manifest(seal), is_standing=True)
    return mill.bench.loader().rebuild([request])[0]


def test_a_replay_is_loaded_though_rules_about_the_batch_are_set_to_fail_by_now(mill: Mill):
    mill.quality = strict()
    entry = mill.replay("first").loaded.entry
    assert (entry.generation, entry.curated) == (2, 3)
    assert [found.rule for found in entry.findings] == ["no_target", "freshness", "most_nulls"]
    assert [entry.warnings[0], entry.warnings[2]] == [ORPHANS, EMPTY]
    assert sorted(labels(mill)) == [(1, None), (2, "a"), (3, "ç")]
    assert mill.compared() == ()


def test_a_replay_that_would_bring_a_repetition_is_stopped_and_keeps_its_rows_in_quarantine(mill: Mill):
    mill.quality = strict(Unique(("team",), otherwise="fail"))
    with pytest.raises(DataQualityError) as caught:
        mill.replay("first")
    assert caught.value.message == REPEATS
    assert caught.value.hint.startswith("Nothing was loaded; generation 1 stays in the table.")
    assert sorted(labels(mill)) == [(1, None), (2, "a")]
    mill.quality = strict(Unique(("team",), otherwise="warn"))
    assert mill.replay("first").tally.passed == 1


def test_a_replay_of_a_batch_that_repeated_when_it_was_loaded_is_not_stopped_by_it(mill: Mill):
    mill.quality = strict(Unique(("team",), otherwise="warn"))
    curated_once_more(mill)
    mill.quality = strict(Unique(("team",), otherwise="fail"))
    assert REPEATS in mill.replay("first").loaded.entry.warnings
    assert len(labels(mill)) == 3


def test_a_rebuild_from_curated_brings_the_rows_that_stand_and_no_rule_stops_it(mill: Mill):
    mill.quality = strict(Unique(("team",), otherwise="fail"))
    result = curated_once_more(mill)
    assert (result.entry.generation, len(result.entry.findings)) == (2, 4)
    assert sorted(labels(mill)) == [(1, None), (2, "a")]


def test_a_rebuild_from_raw_is_judged_as_a_new_batch_and_says_which_generation_stays(mill: Mill):
    mill.quality = strict()
    with pytest.raises(DataQualityError, match=r"NullRate label: 1 of 3 rows are empty") as caught:
        mill.again("first")
    assert "generation 1 stays in the table" in caught.value.hint
    assert "otherwise='warn'" in caught.value.hint
    assert sorted(labels(mill)) == [(1, None), (2, "a")]


def test_a_batch_that_was_taken_out_is_judged_when_curated_brings_it_back(mill: Mill):
    mill.bench.loader().undo(UndoRequest(mill.dataset, "first", "wrong"))
    mill.quality = strict()
    with pytest.raises(DataQualityError, match="NullRate label"):
        curated_once_more(mill)
    assert mill.table() == []


class Strict(Item):
    """Things, of which today's contract refuses most."""

    amount: pd.Int64Dtype = pa.Field(ge=1, description="How many")


@pytest.mark.parametrize("write", [Append(), Upsert(key="id")], ids=["append", "upsert"])
def test_no_rule_of_the_contract_stops_an_erasure(bench: Any, make_dataset: Any, stack: Any, write: Any):
    """Neither those of the batch as a whole, nor the limit of refused rows, which today's contract is far above."""
    dataset = make_dataset(write)
    refused = dated(3, "a") | {"amount": 0}
    bench.loader().load(extracted(bench, dataset, [dated(ERASED), dated(KEPT), refused]))
    rules = (Unique(("label",), otherwise="fail"), Freshness("changed_at", timedelta(minutes=1), otherwise="fail"))
    orphans = (Reference("label", to="nowhere.label", otherwise="fail"),)
    quality = Quality(
        max_quarantine_ratio=0.0, min_rows=3, rules=(*rules, Volume(otherwise="fail")), references=orphans
    )
    today = replace(dataset, schema=Strict, quality=quality)
    swept = SweptLake.under(bench.lake.bucket, stack.env["ESTEIRA_UPKEEP_PROFILE"])
    request = Request(today, read_key(today, [f"id={ERASED}"]), "lgpd-17", "0", FIRST_DAY)
    report = erase(request, Places(bench.lake, swept, bench.warehouse, bench.loader()))
    assert sum(report.rows.values()) == 1
    assert bench.rows(today, "id, label, amount") == [(KEPT, "a", 1)]
    (entry,) = bench.ledger(today)
    assert (entry.generation, entry.extracted, entry.quarantined) == (2, 2, 1)
    said = "1 of 2 rows break their rules (50.00%; the limit is 0.00%): amount: greater_than_or_equal_to(1) (1)."
    assert entry.warnings[:2] == (said, ORPHANS)
    assert len(readable(swept, today.name)) == 3
