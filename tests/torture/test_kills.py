"""The writes of the commit protocol, struck in every way: the same command again ends as if nothing had happened.

The first load of a dataset makes every write there is: parts, checkpoints, seals, manifest, schemas, tables, comments, ledger,
lock, COPY, INSERT, COMMIT. `make test-long` strikes at each of them and at each of a later load's, in every write mode; `make torture`
goes on with random strikes on several days and racing loaders.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.torture.director import KINDS
from tests.torture.loader import WRITE_MODES
from tests.torture.rounds import LEVELS
from tests.torture.trial import Lab, Plan, Strike, Verdict, lab

pytestmark = [pytest.mark.fault(54), pytest.mark.timeout(600)]
FIRST_LOAD = Plan("Append", 1, ())
LATER_MODES = [mode for mode in WRITE_MODES if mode != "Append"]
NEVER = Strike(10_000)
AFTER = ("kill after", "lost")
"""Killed before a write is killed after the one before it, where all are struck."""
_TEMPORARY = re.compile(r"CREATE TEMP |(?:DROP TABLE IF EXISTS|DELETE FROM|INSERT INTO) esteira_")
_COMMENT_OF_A_COLUMN = re.compile(r'COMMENT ON COLUMN (?!.*"id")')


@pytest.fixture(scope="session", params=LEVELS)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("torture"), request.param) as opened:
        opened.run(FIRST_LOAD)  # the schemas that only the very first load makes
        yield opened


def is_durable(write: str) -> bool:
    """Temporary tables end with the session; one column's comment stands for all."""
    return not _TEMPORARY.match(write) and not _COMMENT_OF_A_COLUMN.match(write)


def is_decisive(write: str) -> bool:
    """What freezes, loads or commits."""
    return "SEAL" in write or write == "commit" or write.startswith("COPY")


def knows_levels(write: str) -> bool:
    """What S3 is told is the same in each isolation level: it is struck in the default one only."""
    return not write.startswith("PUT")


def strike_each(bench: Lab, plan: Plan, kind: str, wanted: Callable[[str], bool]) -> dict[str, Verdict]:
    """Strike the plan's last batch at each wanted write, a trial each; in another than the default level only in the warehouse. Returns the trials that did not end as they should."""
    writes = bench.run(replace(plan, strikes=(NEVER,))).writes
    is_default = bench.isolation == LEVELS[0]
    batches = [
        at for at, write in enumerate(writes) if write.startswith("PUT") and "/raw/" in write and "part-00001" in write
    ]
    points = [
        at + 1
        for at in range(batches[-1], len(writes))
        if wanted(writes[at]) and (is_default or knows_levels(writes[at]))
    ]
    assert len(points) > (3 if is_default else 1), writes
    trials = {f"{at} {writes[at - 1]}": bench.run(replace(plan, strikes=(Strike(at, kind),))) for at in points}
    return {name: verdict for name, verdict in trials.items() if not verdict.is_good or not verdict.landed[kind]}


@pytest.mark.parametrize("kind", AFTER)
def test_a_load_that_is_struck_where_it_seals_copies_or_commits_ends_as_an_undisturbed_one(bench: Lab, kind: str):
    assert not strike_each(bench, FIRST_LOAD, kind, is_decisive)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_first_load_that_is_struck_at_any_durable_write_ends_as_an_undisturbed_one(bench: Lab, kind: str):
    assert not strike_each(bench, FIRST_LOAD, kind, is_durable)


@pytest.mark.long
@pytest.mark.parametrize("mode", LATER_MODES)
@pytest.mark.parametrize("kind", AFTER)
def test_a_later_load_of_each_mode_that_is_struck_in_the_warehouse_ends_as_an_undisturbed_one(
    bench: Lab, mode: str, kind: str
):
    """The second day updates, repeats and adds."""
    plan = Plan(mode, 2, ())
    assert not strike_each(bench, plan, kind, lambda write: is_durable(write) and knows_levels(write))


@pytest.mark.fault(51)
@pytest.mark.parametrize("mode", ["Append", "Scd2"])
def test_two_loaders_at_once_load_every_batch_once(bench: Lab, mode: str):
    verdict = bench.run(Plan(mode, 2, (Strike(), Strike()), is_race=True))
    assert verdict.is_good, verdict


@pytest.mark.fault(56)
def test_a_zombie_that_is_struck_at_its_commit_while_another_loads_changes_nothing(bench: Lab):
    writes = bench.run(replace(FIRST_LOAD, strikes=(NEVER,))).writes
    commit = len(writes) - writes[::-1].index("commit")
    verdict = bench.run(replace(FIRST_LOAD, strikes=(Strike(commit, "lost"), Strike()), is_race=True))
    assert verdict.is_good, verdict


@pytest.mark.parametrize("sabotage", ["no lock", "no ledger check", "no seal"])
def test_the_same_trial_fails_on_a_build_with_a_part_of_the_protocol_taken_out(bench: Lab, sabotage: str):
    verdict = bench.run(replace(FIRST_LOAD, strikes=(Strike(), Strike()), is_race=True, sabotage=sabotage))
    # In the stricter level Redshift itself refuses the second load, with 1023, and its next try finds the ledger row.
    is_saved = sabotage == "no lock" and bench.isolation == "serializable"
    assert verdict.is_good == is_saved, verdict
    assert is_saved or verdict.doubled or verdict.mismatches, verdict
