"""Loading settled batches of a dataset again, as new generations that are committed together."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from prefect import flow, runtime

from esteira.catalogue import find_dataset
from esteira.contract import Dataset
from esteira.errors import ConfigError, EsteiraError
from esteira.extraction.ahead import Extracted
from esteira.lake import Seal
from esteira.rebuild import Rebuild, Selection, require_askable
from esteira.settings import read_settings
from esteira.warehouse import LoadResult
from flows.afterwards import bring_up_to_date
from flows.batches import curated
from flows.ending import announced, failed
from flows.moment import in_utc, run_moment
from tasks.announce import announce_failure, announce_well
from tasks.assets import on_table
from tasks.extract import extract_batch
from tasks.publish import publish
from tasks.rebuild import find_raw, load_generations, plan_rebuilds, seal_again
from tasks.report import report_batch
from tasks.retrying import retry_policy
from tasks.tags import tag_run

Policy = dict[str, Any]


def _run_name() -> str:
    parameters = runtime.flow_run.parameters
    return f"{parameters['dataset']} again from {parameters['source']}"


@flow(name="rebuild", flow_run_name=_run_name, persist_result=False)
@announced
def rebuild(
    dataset: str,
    source: Literal["portal", "raw", "curated"],
    start: datetime | None = None,
    end: datetime | None = None,
    batches: list[str] | None = None,
    accept_loss: bool = False,  # noqa: FBT001, FBT002 - a flow's parameter is a field of the run form
) -> list[LoadResult]:
    """Load committed batches again; the new generation replaces the rows of the old one in one transaction.

    Args:
        dataset: Name of the contract.
        source: Where the rows come from: asked of the portal anew, curated again from raw, or loaded again as curated.
        start: Beginning of a range of windows; needs `end`.
        end: End of the range, exclusive.
        batches: Ids of batches instead of a range; also brings back a batch that was undone.
        accept_loss: Go on although earlier batches can no longer be read from the lake.
    """
    settings = read_settings()
    policy = retry_policy(settings)
    contract = find_dataset(settings.datasets, dataset)
    tag_run(settings.stage, contract)
    try:
        if source == "portal":
            require_askable(contract)
        planned = plan_rebuilds.with_options(**policy)(contract, _selection(start, end, batches))
        seals = [_curated(contract, each, source, policy) for each in planned]
        load, is_standing = on_table(load_generations, contract, policy), source == "curated"
        results = load(contract, planned, seals, accept_loss=accept_loss, is_standing=is_standing)
    except EsteiraError as exc:
        announce_failure(exc.located(dataset=dataset), contract, "rebuild")
        return failed(exc)  # type: ignore[no-any-return] # Prefect takes the state as the run's end
    moment = run_moment()
    for each, result in zip(planned, results, strict=True):
        publish(each.batch, result, report_batch(contract, each.batch.id, moment))
    announce_well(contract, "rebuild")
    bring_up_to_date(contract, moment, is_window=True)
    return results


def _selection(start: datetime | None, end: datetime | None, batches: list[str] | None) -> Selection:
    if (start is None) != (end is None) or (start is not None and batches):
        raise ConfigError("Give both ends of a range, or ids of batches.", hint="start and end go together.")
    return Selection(tuple(batches or ()), (in_utc(start), in_utc(end)) if start and end else None)


def _curated(dataset: Dataset, each: Rebuild, source: str, policy: Policy) -> Seal:
    if source == "curated":
        return seal_again.with_options(**policy)(each)
    if source == "raw":
        return curated(dataset, find_raw.with_options(**policy)(each), each.generation, None, policy)
    got = extract_batch.with_options(**policy)(dataset, each.batch, each.generation)
    assert isinstance(got, Extracted)  # noqa: S101 - a generation after the first is asked for without a condition
    return curated(dataset, got.raw, each.generation, got.ahead, policy)
