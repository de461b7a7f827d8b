"""BI assets: what is due is refreshed, what runs at a tool is followed. A sweep, a load or a person starts it; it loads nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from esteira.catalogue.assets import find_asset
from esteira.contract import Asset
from esteira.errors import ConfigError
from esteira.refresh.outcome import Outcome
from esteira.settings import Settings, read_settings
from flows.ending import announced
from flows.moment import named_moment, run_moment
from tasks.refresh import assets_of, publish_refreshes, refresh_assets
from tasks.retrying import retry_policy
from tasks.tags import tag_run


def _run_name() -> str:
    parameters = runtime.flow_run.parameters
    as_of = named_moment()
    return f"refresh {parameters.get('asset') or 'what is due'} {as_of:%Y-%m-%d %H:%M}"


@flow(name="refresh", flow_run_name=_run_name, persist_result=False)
@announced
def refresh(
    asset: str | None = None, as_of: datetime | None = None, patience_minutes: float = 15, *, force: bool = False
) -> State[list[Outcome]]:
    """Refresh the BI assets that are due.

    Args:
        asset: Name of one asset; every one by default.
        as_of: The run's moment; by default the scheduled start.
        patience_minutes: How long what runs at a tool is followed; the next run goes on with it.
        force: Refresh it whatever is fresh, has failed or waits. The tool's daily limit stays.
    """
    settings = read_settings()
    moment = run_moment(as_of)
    tag_run(settings.stage)
    policy = retry_policy(settings)
    patience = timedelta(minutes=patience_minutes)
    outcomes = refresh_assets.with_options(**policy)(_chosen(settings, asset), moment, patience, is_forced=force)
    publish_refreshes(outcomes)
    wrong = [outcome.error for outcome in outcomes if outcome.error is not None]
    if wrong:
        return Failed(message=" ".join(error.paragraph() for error in wrong), data=outcomes)
    return Completed(message=sentence(outcomes), data=outcomes)


def _chosen(settings: Settings, name: str | None) -> list[Asset]:
    if name is None:
        return assets_of(settings)
    asset = find_asset(settings.datasets, name)
    if not asset.is_of(settings.stage):
        raise ConfigError(
            f"{name} is refreshed in {', '.join(asset.stages)}, and this is {settings.stage}.",
            dataset=name,
            hint="Ask there, or add the stage to its `stages`.",
        )
    return [asset]


def sentence(outcomes: list[Outcome]) -> str:
    """What a list of runs tells of it."""
    if not outcomes:
        return "There is no BI asset in this stage."
    return "; ".join(f"{each.asset.name}: {each.decision.why}" for each in outcomes) + "."
