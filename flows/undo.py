"""Taking one bad batch out of its table."""

from __future__ import annotations

from prefect import flow, runtime

from esteira.catalogue import find_dataset
from esteira.errors import EsteiraError
from esteira.settings import read_settings
from esteira.warehouse import LoadResult
from flows.afterwards import bring_up_to_date
from flows.ending import announced, failed
from flows.moment import run_moment
from tasks.announce import announce_failure, announce_well
from tasks.assets import on_table
from tasks.rebuild import undo_batch
from tasks.report import report_batch
from tasks.retrying import retry_policy
from tasks.tags import tag_run


def _run_name() -> str:
    parameters = runtime.flow_run.parameters
    return f"undo {parameters['dataset']} {parameters['batch']}"


@flow(name="undo", flow_run_name=_run_name, persist_result=False)
@announced
def undo(dataset: str, batch: str, reason: str = "", accept_loss: bool = False) -> LoadResult:  # noqa: FBT001, FBT002 - fields of the run form
    """Take a committed batch out as if it had never been loaded; earlier versions of its rows come back.

    Args:
        dataset: Name of the contract.
        batch: Id of the batch.
        reason: Why; it stands in the ledger.
        accept_loss: Go on although earlier batches can no longer be read from the lake.
    """
    settings = read_settings()
    contract = find_dataset(settings.datasets, dataset)
    tag_run(settings.stage, contract)
    try:
        policy = retry_policy(settings)
        result = on_table(undo_batch, contract, policy)(contract, batch, reason, accept_loss=accept_loss)
    except EsteiraError as exc:
        announce_failure(exc.located(dataset=dataset, batch=batch), contract, "undo")
        return failed(exc)  # type: ignore[no-any-return] # Prefect takes the state as the run's end
    announce_well(contract, "undo")
    moment = run_moment()
    report_batch(contract, batch, moment)
    bring_up_to_date(contract, moment)
    return result
