"""Refreshing BI assets: the step, what people are told of it, the artifact, and asking for a run behind a load. Nothing of it fails a load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from prefect import get_run_logger, runtime, task
from prefect.artifacts import create_table_artifact

from blocks import open_warehouse
from blocks.incidents import Incident
from blocks.runs import Wanted, start
from esteira.alerts.message import Notice
from esteira.catalogue import load_catalogue
from esteira.catalogue.assets import has_assets, load_assets
from esteira.contract import Asset
from esteira.contract.refresher import Refreshing
from esteira.errors import RefreshFailed
from esteira.refresh import Refresher, open_refresher
from esteira.refresh.outcome import Outcome
from esteira.refresh.run import Terms, look, run_assets
from esteira.settings import Settings, read_settings
from tasks.announce import announce_recovery
from tasks.notices import beside_the_work, notify, with_links
from tasks.retrying import is_transient
from tasks.run import run_name

FAILED = "esteira.asset.failed"
"""A BI tool did not refresh an asset: the rows are loaded, and people see what was shown before. Told once an incident.

Payload: code, state, needs.
"""
ARTIFACT = "bi-assets"
DEPLOYMENT = "refresh/refresh"
SECTION = "refreshfailed"


def assets_of(settings: Settings, names: Iterable[str] | None = None) -> list[Asset]:
    """The assets of this stage, or those of these names."""
    known = load_assets(settings.datasets)
    chosen = known.values() if names is None else [known[name] for name in names if name in known]
    return [asset for asset in chosen if asset.is_of(settings.stage)]


def terms_of(
    settings: Settings, as_of: datetime, patience: timedelta = timedelta(0), *, is_forced: bool = False
) -> Terms:
    """What all assets of a run have in common."""

    def opened(wanted: Refreshing) -> Refresher:
        return open_refresher(wanted, settings.stage)

    return Terms(load_catalogue(settings.datasets), as_of, opened, run_name() or "by hand", patience, is_forced)


@task(task_run_name="refresh what is due", retry_condition_fn=is_transient, persist_result=False)
def refresh_assets(
    assets: list[Asset], as_of: datetime, patience: timedelta, *, is_forced: bool = False
) -> list[Outcome]:
    """Refresh what is due, and follow it for a while; an asset that fails does not stop the others."""
    outcomes = run_assets(open_warehouse(), assets, terms_of(read_settings(), as_of, patience, is_forced=is_forced))
    for outcome in outcomes:
        get_run_logger().info("%s: %s: %s", outcome.asset.name, outcome.decision.verdict, outcome.decision.why)
    return outcomes


def publish_refreshes(outcomes: Sequence[Outcome]) -> None:
    """The artifact with the state of all assets, and what people are told; a warning when that fails."""
    for outcome in outcomes:
        with beside_the_work(f"the refresh of {outcome.asset.name}"):
            _announce(outcome)
    with beside_the_work("the state of the BI assets"):
        rows = [row(outcome) for outcome in outcomes]
        create_table_artifact(rows, key=ARTIFACT, description="BI assets: what they show, and why no newer batches")


def row(outcome: Outcome) -> dict[str, str]:
    """Its line, for the artifact and the terminal."""
    good, limit = outcome.last_good, outcome.asset.limit
    shows = ", ".join(f"{name} {each.batch}" for name, each in good.shows.items()) if good else ""
    return {
        "asset": outcome.asset.name, "state": outcome.decision.verdict, "why": outcome.decision.why,
        "refreshed": f"{good.ended_at or good.started_at:%Y-%m-%d %H:%MZ}" if good else "never", "shows": shows,
        "used of 24 h": f"{outcome.used} of {limit}" if limit else str(outcome.used),
    }  # fmt: skip


def ask_for_refreshes(datasets: Sequence[str], as_of: datetime) -> None:
    """Behind a load: ask the pool for a run for each asset that is due by it. The sweep finds what this misses, so nothing here is an error.

    At a terminal nobody is asked: whoever sits there says `esteira refresh`.
    """
    try:
        settings = read_settings()
        if not runtime.deployment.id or not has_assets(settings.datasets):
            return
        assets = [asset for asset in assets_of(settings) if set(asset.needs) & set(datasets)]
        for outcome in look(open_warehouse(), assets, terms_of(settings, as_of)) if assets else ():
            if outcome.decision.verdict == "start":
                start(_wanted(outcome))
    except Exception as exc:  # noqa: BLE001 - the rows are in, and the sweep comes
        text = "No refresh of a BI asset is asked for (%s: %s); the next sweep does it"
        get_run_logger().warning(text, type(exc).__name__, exc)


def _wanted(outcome: Outcome) -> Wanted:
    """One run for the same batches, whichever load asks first."""
    name = outcome.asset.name
    batches = " ".join(f"{each}:{shown.changed}" for each, shown in sorted(outcome.decision.shows.items()))
    return Wanted(DEPLOYMENT, name, f"refresh {name} {batches}", {"asset": name}, is_once=True)


def _announce(outcome: Outcome) -> None:
    asset, error = outcome.asset, outcome.error
    if error is None:
        if outcome.attempt is not None and outcome.attempt.state == "done":
            announce_recovery(asset.name, asset.owner, ["refresh"])
        return
    code = error.code if isinstance(error, RefreshFailed) else type(error).__name__
    what = f"{type(asset.refresher).__name__} says {code or 'no reason'}. The data are loaded; people see what was shown before."
    notice = Notice(
        f"{asset.name} is not refreshed: {code or type(error).__name__}", asset.name, what=what, owner=asset.owner, about="BI asset",
        cause="The BI tool could not read the warehouse, refused the request, or its login has expired.",
        next_step=f"`esteira refresh {asset.name} --dry-run` has the tool's own words and says when it is tried again. {error.hint}",
    )  # fmt: skip
    incident = Incident("refresh", asset.name, what="its refresh failed")
    facts = {"code": code, "state": outcome.attempt.state if outcome.attempt else "", "needs": list(asset.needs)}
    notify(FAILED, with_links(notice, SECTION), incident, **facts)
