"""Runs that take the same generation number of a batch at once: nothing is lost or doubled, and the one that loses says so."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from esteira import rebuild
from esteira.contract import Append, Quality
from esteira.curate import curate
from esteira.erasure import Places, Request, erase, read_key
from esteira.errors import SealConflict
from esteira.lake.sweep import SweptLake
from esteira.quarantine import replay
from esteira.quarantine import run as replaying
from esteira.rebuild import Selection, curated_again, plan_rebuild, raw_seal
from esteira.warehouse import LoadRequest
from tests.warehouse.conftest import FIRST_DAY, Item
from tests.warehouse.folding import Load, Thing
from tests.warehouse.test_erasing import ERASED, KEPT, dated, extracted
from tests.warehouse.test_fold import MODES
from tests.warehouse.test_replay import Mill, labels, thing

pytestmark = [pytest.mark.stack]
BOTH_SECONDS = 20


@pytest.fixture
def mill(bench: Any, make_dataset: Any) -> Mill:
    """A batch with a row in the table and two refused ones, which pass today."""
    write, incremental = MODES["append"]
    made = Mill(bench, make_dataset(write, schema=Thing, incremental=incremental))
    made.load("first", Load(1, 1, (thing(1, "ç"), thing(2, "a"), thing(3, "ç"))))
    made.level = 2
    return made


def from_raw(mill: Mill) -> Any:
    """As `esteira ingest --from raw` does it."""
    lake = mill.bench.lake
    (planned,) = plan_rebuild(mill.dataset, mill.bench.ledger(mill.dataset), Selection(("first",)), lake)
    seal = curate(mill.dataset, raw_seal(planned, lake), lake=lake, generation=planned.generation)
    return _loaded(mill, planned, seal)


def from_curated(mill: Mill) -> Any:
    """As `esteira ingest --from curated` does it."""
    lake = mill.bench.lake
    (planned,) = plan_rebuild(mill.dataset, mill.bench.ledger(mill.dataset), Selection(("first",)), lake)
    return _loaded(mill, planned, curated_again(planned, lake))


def _loaded(mill: Mill, planned: rebuild.Rebuild, seal: Any) -> Any:
    request = LoadRequest(mill.dataset, planned.batch, seal, mill.bench.lake.put_manifest(seal))
    (result,) = mill.bench.loader().rebuild([request])
    assert (result.is_new, result.entry.seal_hash) == (True, seal.hash)
    return result


def replayed(mill: Mill) -> Any:
    """As `esteira quarantine --replay` does it."""
    return mill.replay("first")


RUNS: dict[str, Callable[[Mill], Any]] = {"raw": from_raw, "curated": from_curated, "replay": replayed}


def refused(run: Callable[[Mill], Any], mill: Mill) -> SealConflict | None:
    """What a run that lost was told."""
    try:
        run(mill)
    except SealConflict as exc:
        return exc
    return None


def together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both runs know their number before either goes on."""
    both, local, real = threading.Barrier(2), threading.local(), rebuild.next_generation

    def numbered(*facts: Any) -> int:
        number = real(*facts)
        if not getattr(local, "is_numbered", False):
            local.is_numbered = True
            both.wait(BOTH_SECONDS)
        return number

    monkeypatch.setattr(rebuild, "next_generation", numbered)
    monkeypatch.setattr(replay, "next_generation", numbered)


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("pair", [("replay", "raw"), ("replay", "curated"), ("raw", "curated")], ids="-".join)
def test_two_runs_with_one_number_load_once_and_the_loser_says_so(
    mill: Mill, pair: tuple[str, str], turn: int, monkeypatch: pytest.MonkeyPatch
):
    order = pair[:: 1 if turn % 2 else -1]
    with monkeypatch.context() as patch:
        together(patch)
        with ThreadPoolExecutor(2) as both:
            said = dict(zip(order, both.map(lambda name: refused(RUNS[name], mill), order), strict=True))
    losers = [name for name, error in said.items() if error]
    assert len(losers) == 1 or ("replay" in pair and not losers)  # a replay takes another number by itself
    assert all("the same command again" in error.hint for error in said.values() if error)
    assert mill.compared() == ()
    assert set(labels(mill)) <= {(1, "ç"), (2, "a"), (3, "ç")}
    for name in losers:
        RUNS[name](mill)
    assert sorted(labels(mill)) == [(1, "ç"), (2, "a"), (3, "ç")]
    assert mill.compared() == ()


@pytest.mark.parametrize("run", [from_raw, from_curated], ids=["raw", "curated"])
def test_a_rebuild_does_not_take_the_seal_of_a_replay_for_its_own(
    mill: Mill, run: Any, monkeypatch: pytest.MonkeyPatch
):
    (planned,) = replay.plan(mill.dataset, mill.bench.ledger(mill.dataset), mill.bench.lake)
    sealed, _ = replay.seal(mill.dataset, planned, mill.bench.lake)
    assert sealed is not None
    monkeypatch.setattr(rebuild, "next_generation", lambda *_: sealed.generation)
    with pytest.raises(SealConflict, match="Generation 2 of this batch was sealed by a replay meanwhile"):
        run(mill)
    assert labels(mill) == [(2, "a")]


def test_a_rebuild_that_was_overtaken_before_its_commit_loads_nothing_and_says_so(mill: Mill):
    lake = mill.bench.lake
    (planned,) = plan_rebuild(mill.dataset, mill.bench.ledger(mill.dataset), Selection(("first",)), lake)
    seal = curated_again(planned, lake)
    assert mill.replay("first").loaded.entry.generation == 3
    with pytest.raises(SealConflict, match="Generation 3 was committed while this run made generation 2"):
        _loaded(mill, planned, seal)
    assert len(labels(mill)) == 3
    assert mill.compared() == ()


def test_a_rebuild_whose_own_generation_was_replaced_since_is_settled(mill: Mill):
    """The answer to its COMMIT was lost, and when it asks again another run has gone on from it."""
    lake = mill.bench.lake
    (planned,) = plan_rebuild(mill.dataset, mill.bench.ledger(mill.dataset), Selection(("first",)), lake)
    seal = curated_again(planned, lake)
    _loaded(mill, planned, seal)
    mill.replay("first")
    request = LoadRequest(mill.dataset, planned.batch, seal, lake.put_manifest(seal))
    (result,) = mill.bench.loader().rebuild([request])
    assert (result.is_new, result.entry.generation) == (False, 3)


class Loader:
    """Commits an erasure after something else was done."""

    def __init__(self, bench: Any, before: Callable[[], Any]) -> None:
        self._bench, self._before = bench, before

    def rebuild(self, *given: Any, **facts: Any) -> Any:
        self._before()
        return self._bench.loader().rebuild(*given, **facts)


class Strict(Item):
    """Things, of which the contract once refused some."""

    amount: pd.Int64Dtype = pa.Field(nullable=True, ge=1, description="How many")


def test_an_erasure_that_a_replay_overtook_deletes_nothing_and_the_same_command_erases_all(
    bench: Any, make_dataset: Any, stack: Any
):
    today = make_dataset(Append(), quality=Quality(max_quarantine_ratio=1.0))
    strict = replace(today, schema=Strict)
    rows = [dated(ERASED) | {"amount": 0}, dated(ERASED, "b"), dated(KEPT), dated(3) | {"amount": 0}]
    bench.loader().load(extracted(bench, strict, rows))
    swept = SweptLake.under(bench.lake.bucket, stack.env["ESTEIRA_UPKEEP_PROFILE"])
    request = Request(today, read_key(today, [f"id={ERASED}"]), "lgpd-17", "0", FIRST_DAY)
    batch = "2014-01-01-0123abcd"
    other = replaying.Places(bench.lake, bench.warehouse, bench.loader())
    hurried = Loader(bench, lambda: replaying.perform(replaying.Request(today), batch, other))
    before = {version.key for version in swept.versions(today.name)}
    with pytest.raises(SealConflict, match="was committed while this run made"):
        erase(request, Places(bench.lake, swept, bench.warehouse, hurried))
    assert before <= {version.key for version in swept.versions(today.name)}
    erase(request, Places(bench.lake, swept, bench.warehouse, bench.loader()))
    assert bench.rows(today, "id, label, amount") == [(KEPT, "a", 1), (3, "a", 0)]
    assert erase(request, Places(bench.lake, swept, bench.warehouse, bench.loader())).rows == {}
