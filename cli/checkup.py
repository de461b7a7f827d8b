"""The questions of `esteira doctor` about the places that a run reaches: each is a method that returns what it found, or raises the error that a run would end with.

Those about this machine are in `cli/machine_checkup.py`, those about dropped files in `cli/inbox_checkup.py`.
"""

from __future__ import annotations

import json
import os
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING

from cli.environment import require_prefect
from cli.first_request import asked_of, first_call, is_askable, portal_of
from cli.inbox_checkup import InboxCheckup
from esteira.catalogue import active, find_dataset, load_catalogue
from esteira.errors import ConfigError
from esteira.settings import contracts_folder, read_settings

if TYPE_CHECKING:
    from esteira.contract import Dataset
    from esteira.lake import Lake
    from esteira.portal import Portal
    from esteira.warehouse import Warehouse

MAX_SKEW_SECONDS = 60.0
"""AWS refuses signatures that are 15 minutes off; windows and tokens suffer earlier. A clock that is synchronised is within one."""
PORTAL_ATTEMPTS = 2
"""A person waits: a run would try longer."""


class Checkup:
    """Opens each place once.

    Args:
        names: Datasets whose portals are asked; none means all of the contracts' portals, each by one of its datasets.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._portals: dict[str, Portal] = {}
        self._dates: dict[str, datetime | None] = {}

    @cached_property
    def drops(self) -> InboxCheckup:
        """The questions about the inbox."""
        return InboxCheckup(lambda: self._lake)

    def portals(self) -> list[str]:
        """The portals to ask; none when the contracts cannot be read, which a check of its own says."""
        try:
            return list(self._datasets())
        except ConfigError:
            return []

    def settings(self) -> str:
        """The `ESTEIRA_*` variables."""
        found = read_settings()
        return (
            f"stage {found.stage}, bucket {found.lake_bucket}, warehouse {found.warehouse_host}:{found.warehouse_port}"
        )

    def contracts(self) -> str:
        """Every contract can be read."""
        found = load_catalogue(contracts_folder())
        for name in self._names:
            find_dataset(contracts_folder(), name)
        return f"{len(found)} in {contracts_folder()}"

    def prefect(self) -> str:
        """The server answers, and client and server are of one version."""
        import prefect

        require_prefect()
        with urllib.request.urlopen(f"{os.environ['PREFECT_API_URL']}/admin/version", timeout=30) as answer:  # noqa: S310 - the operator's own setting
            server = str(json.load(answer))
        client = prefect.__version__
        if server.split(".")[:2] != client.split(".")[:2]:
            raise ConfigError(
                f"The Prefect server is {server}, this client {client}.",
                hint="Install the same minor version on both sides; the server first.",
            )
        return f"server {server}, client {client}"

    def alerts(self) -> str:
        """Whom messages reach, and which datasets are silenced."""
        from blocks import incidents, variables
        from blocks.incidents import CHANNELS

        owners = variables.read(CHANNELS)
        if owners is None:
            return "no alerts are applied: set ESTEIRA_SLACK_URL and run `esteira deploy`"
        quiet = "; ".join(f"{each.dataset} is {each}" for each in incidents.silences(datetime.now(UTC)))
        return (
            f"the default channel{''.join(f', {owner}' for owner in sorted(owners))}; {quiet or 'nothing is silenced'}"
        )

    def lake_block(self) -> str:
        """The block of the lake names the bucket of the settings."""
        wanted = os.environ.get("ESTEIRA_LAKE_BUCKET")
        if wanted and self._lake.bucket != wanted:
            raise ConfigError(
                f"The lake block names bucket {self._lake.bucket}, ESTEIRA_LAKE_BUCKET says {wanted}.",
                hint="Register the blocks again (`esteira stack up` on a laptop), or correct the setting.",
            )
        return f"bucket {self._lake.bucket}"

    def identity(self) -> str:
        """Who AWS says we are."""
        from esteira.aws import aws_identity

        return aws_identity()

    def zone(self, zone: str) -> str:
        """List, read and write in a zone."""
        from esteira.lake.probe import probe_prefix

        probe_prefix(self._lake, zone)
        return "list, get and put are allowed"

    def s3_clock(self) -> str:
        """Our clock against S3's."""
        from esteira.lake.probe import server_time

        return _skew("S3", server_time(self._lake, "raw"))

    def warehouse_block(self) -> str:
        """The block of the warehouse, and its secret if it names one."""
        return self._warehouse.config.where

    def warehouse_login(self) -> str:
        """A session."""
        from esteira.warehouse.probe import probe_login

        return probe_login(self._warehouse)

    def warehouse_grants(self) -> str:
        """Schemas may be used and made."""
        from esteira.warehouse.probe import probe_grants

        return probe_grants(self._warehouse)

    def copy_role(self) -> str:
        """COPY may read the curated zone."""
        from esteira.warehouse.probe import probe_copy_role

        probe_copy_role(self._warehouse, self._lake.bucket)
        return f"{self._warehouse.config.copy_role_arn} may be assumed and reads curated/"

    def portal_block(self, name: str) -> str:
        """The block of a portal."""
        from blocks import load_portal

        return str(load_portal(name).base_url)

    def portal(self, name: str) -> str:
        """It answers, and takes our token: the first request of one of its datasets."""
        from blocks import open_portal

        portal = open_portal(name)
        portal.config = replace(portal.config, max_attempts=PORTAL_ATTEMPTS)
        dataset = self._datasets()[name]
        if dataset.source.parent:
            return f"not asked: {dataset.name} needs a row of {dataset.source.parent.dataset}; try `esteira preview`"
        first = first_call(dataset)
        if first is None:
            return f"not asked: {dataset.name} would download a whole file; try `esteira preview {dataset.name}`"
        answer = portal.ask(first, method=asked_of(dataset).method)
        self._dates[name] = parsedate_to_datetime(answer.headers["date"]) if "date" in answer.headers else None
        return f"answered {answer.status} to the first request of {dataset.name}"

    def portal_clock(self, name: str) -> str:
        """Our clock against the portal's."""
        return _skew(f"portal {name}", self._dates.get(name))

    def takes_drops(self) -> bool:
        """Whether people drop files for one of the datasets; not when the contracts cannot be read, which a check of its own says."""
        from esteira.reception.routing import takes_files

        try:
            return any(takes_files(dataset) for dataset in self._chosen())
        except ConfigError:
            return False

    def _chosen(self) -> list[Dataset]:
        catalogue = load_catalogue(contracts_folder())
        return [find_dataset(contracts_folder(), name) for name in self._names] or active(catalogue)

    def _datasets(self) -> dict[str, Dataset]:
        """For each portal one dataset to ask for: one that can be asked for alone, if there is one."""
        found: dict[str, Dataset] = {}
        for dataset in sorted(self._chosen(), key=is_askable):
            portal = portal_of(dataset)
            found |= {portal: dataset} if portal else {}
        return found

    @cached_property
    def _lake(self) -> Lake:
        from blocks import open_lake

        return open_lake()

    @cached_property
    def _warehouse(self) -> Warehouse:
        from blocks import open_warehouse

        return open_warehouse()


def _skew(whose: str, told: datetime | None) -> str:
    if told is None:
        return f"{whose} sends no Date header, so nothing is known"
    seconds = (datetime.now(UTC) - told).total_seconds()
    if abs(seconds) > MAX_SKEW_SECONDS:
        raise ConfigError(
            f"Our clock and that of {whose} differ by {abs(seconds):,.0f} s; ours is {'ahead' if seconds > 0 else 'behind'}.",
            hint="Synchronise this machine's clock (chrony, systemd-timesyncd); if it is right, tell the other side's owner.",
        )
    return f"within {max(abs(seconds), 1):.0f} s"
