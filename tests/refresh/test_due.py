"""When an asset is refreshed, and why not: the decision alone, rows and moments in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from esteira.catalogue.assets import find_asset, has_assets, load_assets
from esteira.contract import ApiSource, Asset, Dataset, PowerBiRefresh, Quality, QuickSightIngestion, Replace, Webhook
from esteira.contract.cron import Cron
from esteira.errors import ConfigError
from esteira.refresh.due import LEASE, Decision, Situation, decide, retry_wait
from esteira.warehouse.refreshes import Attempt, News, Shown

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOOK = Webhook("https://bi.example/hook", secret="esteira/{stage}/hook")
ID = "6f1c8a52-0000-4000-8000-000000000000"
BI = {"workspace": ID, "model": ID, "tenant": ID, "secret": "esteira/{stage}/powerbi"}


class Row(pa.DataFrameModel):
    """A row."""

    id: pd.Int64Dtype = pa.Field(description="Number")


def dataset(name: str, **options: Any) -> Dataset:
    return Dataset(name=name, source=ApiSource(portal="p", path="/x"), schema=Row, write=Replace(), **options)


DATASETS = {
    "flights": dataset("flights", quality=Quality(freshness=26 * HOUR)),
    "airlines": dataset("airlines"),
    "holidays": dataset("holidays", cadence="monthly"),
}


def asset(**options: Any) -> Asset:
    return Asset("dashboard", **({"needs": ("flights", "airlines"), "refresher": HOOK} | options))


def news(name: str, number: int | None, *, changed: int | None = None, hours: float = 1) -> News:
    if number is None:
        return News(name)
    changed = number if changed is None else changed
    return News(name, Shown(number, changed, f"b{changed}"), {changed: NOW - hours * HOUR}, NOW - hours * HOUR)


def attempt(state: Any = "done", hours: float = 24.5, shows: tuple[int, int] = (1, 1), **facts: Any) -> Attempt:
    at = NOW - hours * HOUR
    shown = {
        name: Shown(number, number, f"b{number}") for name, number in zip(("flights", "airlines"), shows, strict=True)
    }
    return Attempt(
        "dashboard", f"a{hours}", shown, "Webhook", state, started_at=at, touched_at=at, ended_at=at, **facts
    )


def decided(
    flights: int | None = 2,
    airlines: int | None = 2,
    *attempts: Attempt,
    of: Asset | None = None,
    forced: bool = False,
    **each: Any,
) -> Decision:
    found = {
        "flights": news("flights", flights, **each.get("flights_facts", {})),
        "airlines": news("airlines", airlines, **each.get("airlines_facts", {})),
    }
    if of and "holidays" in of.needs:
        found["holidays"] = news("holidays", 1, hours=500)
    return decide(of or asset(), Situation(DATASETS, found, attempts, each.get("as_of", NOW), NOW, forced))


def test_what_was_never_refreshed_is_due_when_all_is_loaded():
    assert decided(1, None).why == "airlines is not loaded yet"
    assert decided(1, 1).verdict == "start"


def test_it_waits_until_each_dataset_has_something_newer_than_the_last_good_refresh_saw():
    found = decided(2, 1, attempt())
    assert (found.verdict, found.why) == ("waits", "airlines has nothing newer yet")
    assert decided(2, 2, attempt()).verdict == "start"


def test_an_unchanged_snapshot_counts_as_newer_and_alone_is_nothing_to_show():
    assert decided(2, 2, attempt(), airlines_facts={"changed": 1}).verdict == "start"
    assert decided(2, 2, attempt(), airlines_facts={"changed": 1}, flights_facts={"changed": 1}).verdict == "current"


def test_the_same_batches_are_shown_once():
    found = decided(1, 1, attempt())
    assert (found.verdict, found.why) == ("current", "shows the newest batches since 2026-11-25 11:30Z")


def test_a_dataset_that_is_stale_by_its_contract_keeps_it_waiting():
    found = decided(2, 2, attempt(hours=50), flights_facts={"hours": 27})
    assert (found.verdict, found.why) == ("waits", "flights is stale: loaded up to 2026-11-25 09:00Z")


def test_a_slower_dataset_is_not_waited_for():
    monthly = asset(needs=("flights", "holidays"))
    last = Attempt(
        "dashboard",
        "a",
        {"flights": Shown(1, 1, "b1"), "holidays": Shown(1, 1, "b1")},
        "Webhook",
        "done",
        started_at=NOW - 25 * HOUR,
    )
    assert decided(2, 2, last, of=monthly).verdict == "start"


def test_after_its_span_the_others_are_waited_for_no_longer():
    one = asset(within=2 * HOUR)
    assert decided(2, 1, attempt(), of=one, flights_facts={"hours": 1.9}).verdict == "waits"
    assert decided(2, 1, attempt(), of=one, flights_facts={"hours": 2.1}).verdict == "start"


def test_one_with_a_schedule_comes_at_its_moments_fresh_or_not():
    one = asset(schedule="0 11 * * *")
    assert decided(2, 1, attempt(), of=one, flights_facts={"hours": 90}).verdict == "start"
    found = decided(2, 2, attempt(hours=0.5), of=one)
    assert (found.verdict, found.why) == ("waits", "its schedule, next at 2026-11-27 11:00Z")
    assert decided(1, 1, attempt(), of=one).verdict == "current"


def test_the_daily_limit_counts_what_began_in_24_hours_and_reached_the_tool():
    done = [attempt(hours=each) for each in (1, 5, 23.5)]
    refused = attempt("refused", 0.5, shows=(9, 9))
    found = decided(2, 2, *done, of=asset(daily=3))
    assert (found.verdict, found.why) == (
        "waits",
        "3 of 3 refreshes of 24 hours are used; there is room at 2026-11-26 12:30Z",
    )
    assert "room at 2026-11-27 07:00Z" in decided(2, 2, *done, of=asset(daily=2)).why  # the limit was lowered meanwhile
    assert decided(2, 2, refused, *done[:2], attempt(hours=24.1), of=asset(daily=3)).verdict == "start"
    assert decided(2, 2, *done, of=asset(daily=3), forced=True).verdict == "waits"


def test_a_failure_is_tried_again_later_and_later_and_so_often():
    first = attempt("failed", 0.1, (2, 2), reason="no connection", retry_at=NOW + HOUR / 4)
    found = decided(2, 2, first, attempt())
    assert (found.verdict, found.why) == ("waits", "no connection; tried again from 2026-11-26 12:15Z on")
    past = attempt("failed", 1, (2, 2), reason="no connection", retry_at=NOW)
    assert decided(2, 2, past, attempt()).verdict == "start"
    found = decided(2, 2, past, past, past, attempt())
    assert (found.verdict, found.why) == ("failed", "3 times for these batches: no connection")
    assert decided(3, 3, past, past, past, attempt()).verdict == "start"
    assert decided(2, 2, past, past, past, attempt(), forced=True).verdict == "start"
    assert [retry_wait(number) / HOUR for number in (1, 2, 3)] == [0.25, 1, 4]


def test_what_runs_is_followed_by_one_run_at_a_time():
    held = attempt("running", 0.01, holder="x", run="refresh 1")
    assert decided(3, 3, held).verdict == "elsewhere"
    left = attempt("running", LEASE / HOUR + 0.01, holder="x")
    assert decided(3, 3, left).attempt == left
    assert decided(3, 3, attempt("running", 0.01)).verdict == "follow"


def test_what_got_no_answer_is_asked_for_again_after_its_wait():
    waiting = attempt("starting", 0.1, reason="silent", retry_at=NOW + HOUR / 4)
    assert decided(3, 3, waiting).why == "silent; asked again from 12:15Z on"
    assert decided(3, 3, attempt("starting", 0.5, retry_at=NOW)).verdict == "follow"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"needs": ()}, "names no dataset"), ({"needs": ("a", "a")}, "twice"), ({"needs": "flights"}, "tuple"), ({"refresher": "x"}, "refresher"),
        ({"schedule": "every day"}, "5 fields"), ({"schedule": "0 7 31 2 *"}, "no day"), ({"schedule": "0 7 * * mon"}, "'mon'"),
        ({"schedule": "0 25 * * *"}, "between 0 and 23"), ({"schedule": "0 7 * * *", "timezone": "Brazil/Paulista"}, "time zone"),
        ({"daily": 0}, "daily=0"), ({"daily": 9, "refresher": PowerBiRefresh(**BI)}, "between 1 and 8"), ({"tries": 0}, "tries"),
        ({"timeout": timedelta(days=2)}, "timeout"), ({"within": -HOUR}, "negative"), ({"stages": "prod"}, "tuple"),
    ],
)  # fmt: skip
def test_an_asset_that_cannot_be_says_which_argument_and_of_which_asset(options: dict[str, Any], word: str):
    with pytest.raises(ConfigError, match=word) as raised:
        asset(**options)
    assert raised.value.dataset == "dashboard"
    assert raised.value.hint


@pytest.mark.parametrize(
    "make",
    [
        lambda: Asset("Dash board", needs=("a",), refresher=HOOK), lambda: QuickSightIngestion("arn:aws:quicksight:us-east-1:1:dataset/x"),
        lambda: QuickSightIngestion("arn:aws:quicksight:us-east-1:111122223333:dataset/x", edition="pro"),
        lambda: PowerBiRefresh(**BI | {"model": "flights"}), lambda: PowerBiRefresh(**BI, capacity="pro"), lambda: PowerBiRefresh(**BI, api_url="http://x"),
        lambda: PowerBiRefresh(**BI | {"secret": "esteira/{prod}/x"}), lambda: Webhook("http://bi.example/x", secret="s"),
        lambda: Webhook("https://user:word@bi.example/x", secret="s"), lambda: Webhook("https://bi.example", secret="a b"),
        lambda: Webhook("https://bi.example", secret="s", limit=0),
    ],
)  # fmt: skip
def test_a_refresher_that_cannot_be_is_refused_where_it_is_written(make: Any):
    with pytest.raises(ConfigError):
        make()


def test_the_tools_limit_holds_unless_the_asset_has_a_lower_one():
    assert asset(refresher=PowerBiRefresh(**BI)).limit == 8
    assert asset(refresher=PowerBiRefresh(**BI), daily=4).limit == 4
    assert asset(refresher=PowerBiRefresh(**BI, capacity="premium")).limit is None
    assert QuickSightIngestion("arn:aws:quicksight:us-east-1:111122223333:dataset/x", edition="standard").limit == 8


@pytest.mark.parametrize(
    ("text", "zone", "before", "after"),
    [
        ("0 7 * * 1-5", "UTC", "2026-11-26T07:00", "2026-11-27T07:00"), ("0 7 * * 1-5", "America/Sao_Paulo", "2026-11-26T10:00", "2026-11-27T10:00"),
        ("*/20 * * * *", "UTC", "2026-11-26T12:00", "2026-11-26T12:20"), ("30 6,18 1 * *", "UTC", "2026-11-01T18:30", "2026-12-01T06:30"),
        ("0 0 1 * 0", "UTC", "2026-11-22T00:00", "2026-11-29T00:00"), ("0 0 29 2 *", "UTC", "2024-02-29T00:00", "2028-02-29T00:00"),
        ("5/30 12 * * 7", "UTC", "2026-11-22T12:35", "2026-11-29T12:05"),
    ],
)  # fmt: skip
def test_a_schedule_has_the_moments_that_cron_gives_it(text: str, zone: str, before: str, after: str):
    cron = Cron(text, zone)
    assert cron.before(NOW) == datetime.fromisoformat(before).replace(tzinfo=UTC)
    assert cron.after(NOW) == datetime.fromisoformat(after).replace(tzinfo=UTC)


CONTRACT = '''"""Rows."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, Replace


class Row(pa.DataFrameModel):
    """A row."""

    id: pd.Int64Dtype = pa.Field(description="Number")


DATASET = Dataset(name="flights", source=ApiSource(portal="p", path="/x"), schema=Row, write=Replace(), retired={retired})
'''
ASSET = '''"""A dashboard."""

from esteira.contract import Asset, Webhook

ASSET = Asset("{name}", needs=("{needs}",), refresher=Webhook("https://bi.example/hook", secret="esteira/{{stage}}/hook"))
'''


@pytest.mark.parametrize(
    ("name", "needs", "retired", "word"),
    [("dashboard", "other", False, "is no contract"), ("dashboard", "flights", True, "is retired"), ("another", "flights", False, "does not define"), ("flights", "flights", False, "name of a dataset")],
)  # fmt: skip
def test_a_file_that_is_no_asset_of_these_contracts_is_named(
    tmp_path: Any, name: str, needs: str, *, retired: bool, word: str
):
    (tmp_path / "assets").mkdir()
    (tmp_path / "flights.py").write_text(CONTRACT.format(retired=retired))
    file = "flights" if name == "flights" else "dashboard"
    (tmp_path / "assets" / f"{file}.py").write_text(ASSET.format(name=name, needs=needs))
    with pytest.raises(ConfigError, match=word):
        load_assets(tmp_path)


def test_assets_are_found_by_their_files_and_a_wrong_name_lists_them(tmp_path: Any):
    assert not has_assets(tmp_path)
    assert load_assets(tmp_path) == {}
    folder = tmp_path / "with"
    (folder / "assets").mkdir(parents=True)
    (folder / "flights.py").write_text(CONTRACT.format(retired=False))
    (folder / "assets" / "dashboard.py").write_text(ASSET.format(name="dashboard", needs="flights"))
    assert find_asset(folder, "dashboard").needs == ("flights",)
    with pytest.raises(ConfigError, match="has dashboard"):
        find_asset(folder, "board")
    (folder / "assets" / "broken.py").write_text("1 / 0")
    load_assets.cache_clear()
    with pytest.raises(ConfigError, match=r"broken.py cannot be read"):
        load_assets(folder)
