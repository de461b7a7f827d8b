"""Once a week: the lake is swept, tables are vacuumed and analysed, everything is compared. A dry run unless told to apply."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from esteira.catalogue import find_dataset, load_catalogue
from esteira.contract import Dataset
from esteira.errors import DataQualityError, EsteiraError
from esteira.lake.sweep import Upload
from esteira.reconcile import Reconciliation
from esteira.settings import Settings, read_settings
from esteira.upkeep import ExportPolicy, SweepPlan, SweepPolicy
from esteira.warehouse.health import TableCare
from flows.ending import announced
from flows.moment import named_moment, run_moment
from tasks.announce import announce_failure, announce_well
from tasks.retrying import retry_policy
from tasks.tags import tag_run
from tasks.upkeep import (
    UpkeepRequest,
    abort_uploads,
    care_for_table,
    publish_upkeep,
    reconcile_dataset,
    sweep_lake,
)

RESTORABLE = "Deleted objects stay restorable for 30 days, as old versions."
"""`expire-old-versions` in infra/lake.yaml."""


@dataclass(frozen=True, slots=True)
class DatasetUpkeep:
    """What was found of one dataset, and done; a step that failed, and those after it, have nothing."""

    dataset: str
    sweep: SweepPlan | None = None
    table: TableCare | None = None
    reconciliation: Reconciliation | None = None
    error: EsteiraError | None = None

    @property
    def is_well(self) -> bool:
        """Whether every step ran and everything agrees."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class MaintenanceReport:
    """One run. Without `is_applied` nothing was changed."""

    as_of: datetime
    is_applied: bool
    datasets: tuple[DatasetUpkeep, ...]
    uploads: tuple[Upload, ...]
    error: EsteiraError | None = None


def _run_name() -> str:
    parameters = runtime.flow_run.parameters
    as_of = named_moment()
    return f"maintenance {as_of:%Y-%m-%d}" + ("" if parameters.get("apply") else " dry run")


@flow(name="maintenance", flow_run_name=_run_name, persist_result=False)
@announced
def maintenance(
    datasets: list[str] | None = None,
    as_of: datetime | None = None,
    older_than_days: int | None = None,
    *,
    apply: bool = False,
    superseded: bool = False,
) -> State[MaintenanceReport]:
    """Sweep the lake, look after the tables, compare everything.

    Args:
        datasets: Names of contracts; every dataset by default.
        as_of: The run's moment; by default the scheduled start.
        older_than_days: Age below which nothing leaves the lake; by default the setting's 7 days.
        apply: Do it. Otherwise the run only tells what it would do.
        superseded: Also remove parts that only a replaced generation names. Undo and audits can then not go back to it.
    """
    settings = read_settings()
    moment = run_moment(as_of)
    age = timedelta(days=max(older_than_days or settings.upkeep_min_age_days, 1))
    request = UpkeepRequest(
        moment,
        SweepPolicy(
            min_age=age,
            page_age=timedelta(days=settings.report_days),
            exports=ExportPolicy(timedelta(days=settings.export_days), settings.export_versions, age),
            with_superseded=superseded,
        ),
        settings.upkeep_profile,
        is_applied=apply,
    )
    tag_run(settings.stage)
    options = retry_policy(settings)
    found = tuple(_look_after(contract, request, options) for contract in _chosen(settings, datasets))
    uploads, error = _abort_uploads(request, options)
    report = MaintenanceReport(moment, apply, found, uploads, error)
    publish_upkeep(summary(report), f"{'Done' if apply else 'Dry run: nothing was changed'}. {RESTORABLE}")
    return _state(report)


def _chosen(settings: Settings, names: list[str] | None) -> list[Dataset]:
    return [find_dataset(settings.datasets, name) for name in names or load_catalogue(settings.datasets)]


def _look_after(dataset: Dataset, request: UpkeepRequest, options: dict[str, Any]) -> DatasetUpkeep:
    """A dataset that fails does not stop the others; tables are vacuumed one at a time, as Redshift wants it."""
    done: dict[str, Any] = {}
    try:
        done["sweep"] = sweep_lake.with_options(**options)(dataset.name, request)
        done["table"] = care_for_table.with_options(**options)(dataset.name, request)
        done["reconciliation"] = reconcile_dataset.with_options(**options)(dataset.name)
        _require_agreement(done["reconciliation"])
    except EsteiraError as exc:
        announce_failure(exc.located(dataset=dataset.name), dataset, "upkeep")
        done["error"] = exc
    else:
        announce_well(dataset, "upkeep")
    return DatasetUpkeep(dataset.name, **done)


def _require_agreement(found: Reconciliation) -> None:
    if not found.agrees:
        raise DataQualityError(
            f"Source, lake, ledger and table do not agree: {' '.join(found.differences[:3])}",
            hint=f"`esteira reconcile {found.dataset}` lists every difference. Find out what changed before anything is loaded.",
        )


def _abort_uploads(request: UpkeepRequest, options: dict[str, Any]) -> tuple[tuple[Upload, ...], EsteiraError | None]:
    try:
        return tuple(abort_uploads.with_options(**options)(request)), None
    except EsteiraError as exc:
        return (), exc


def summary(report: MaintenanceReport) -> list[dict[str, Any]]:
    """One row for each dataset: what left, or would leave, the lake, what the table needed, and whether all agrees."""
    return [_row(each) for each in report.datasets]


def _row(each: DatasetUpkeep) -> dict[str, Any]:
    reasons = each.sweep.reasons if each.sweep else {}
    health = each.table.health if each.table else None
    return {
        "dataset": each.dataset,
        "orphans": reasons.get("orphan", 0),
        "abandoned": reasons.get("abandoned", 0),
        "superseded": reasons.get("superseded", 0),
        "refused": reasons.get("refused", 0),
        "pages": reasons.get("page", 0),
        "exports": reasons.get("export", 0),
        "MB": each.sweep.size_bytes / 1e6 if each.sweep else None,
        "ghosts %": health.ghost_percent if health else None,
        "unsorted %": health.unsorted_percent if health else None,
        "stats off %": health.stats_off_percent if health else None,
        "care": "; ".join(each.table.statements) if each.table else "",
        "agrees": each.reconciliation.agrees if each.reconciliation else None,
        "error": each.error.message if each.error else "",
    }


def _state(report: MaintenanceReport) -> State[MaintenanceReport]:
    bad = [each.dataset for each in report.datasets if not each.is_well]
    if report.error:
        bad.append("unfinished uploads")
    if bad:
        return Failed(message=f"Not well: {', '.join(bad)}.", data=report)
    removed = sum(len(each.sweep.removals) for each in report.datasets if each.sweep)
    verb = "removed" if report.is_applied else "would be removed"
    return Completed(message=f"{removed} objects {verb}; {len(report.datasets)} datasets agree.", data=report)
