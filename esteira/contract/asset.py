"""`Asset`: something in a BI tool that shows datasets, and when it is refreshed."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Any, get_args

from esteira.contract.cron import Cron
from esteira.contract.dataset import NAME
from esteira.contract.refresher import Refreshing
from esteira.errors import ConfigError

MAX_TIMEOUT = timedelta(hours=24)
"""Power BI ends a refresh after a day at the latest: https://learn.microsoft.com/power-bi/connect-data/asynchronous-refresh"""


@dataclass(frozen=True, slots=True)
class Asset:
    """A dashboard, a model, a SPICE dataset.

    It is refreshed when all that it shows is fresh: each dataset is loaded and not older than its contract allows, and each with the shortest
    cadence among them has been loaded anew since the last good refresh. Once for the same batches, however often anybody asks.

    Args:
        name: File name = name in the ledger, in messages and on the command line.
        needs: The datasets that it shows.
        refresher: How its tool is told.
        schedule: A cron text: it is refreshed at these moments, fresh or not, if anything has changed since the last time; None for when all is fresh.
        timezone: Of the schedule.
        within: After the first change the datasets that have none are waited for so long, and no longer.
        daily: Refreshes in 24 hours at most; None for the tool's own limit.
        tries: Attempts for the same batches.
        timeout: What runs at the tool for longer is cancelled, where the tool can, and has failed.
        stages: Where it is refreshed; empty for every stage.
        owner: Who hears when it fails.

    Raises:
        ConfigError: A value is not possible; names it.
    """

    name: str
    _: KW_ONLY
    needs: tuple[str, ...]
    refresher: Refreshing
    schedule: str | None = None
    timezone: str = "UTC"
    within: timedelta = timedelta(days=1)
    daily: int | None = None
    tries: int = 3
    timeout: timedelta = timedelta(hours=3)
    stages: tuple[str, ...] = ()
    owner: str = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ConfigError(
                f"Asset name {self.name!r} is not of the form {NAME.pattern}.",
                hint="Use lower-case letters, digits and underscores.",
            )
        try:
            self._check()
        except ConfigError as exc:
            raise exc.located(dataset=self.name) from exc.__cause__

    @property
    def limit(self) -> int | None:
        """Refreshes in 24 hours: its own, or its tool's."""
        return self.daily or self.refresher.limit

    @property
    def cron(self) -> Cron | None:
        """Its schedule, parsed; None where it has none."""
        return Cron(self.schedule, self.timezone) if self.schedule else None

    def is_of(self, stage: str) -> bool:
        """Whether it is refreshed in a stage."""
        return not self.stages or stage in self.stages

    def _check(self) -> None:
        for argument in ("needs", "stages"):
            given: Any = getattr(self, argument)  # a text would pass as a tuple of letters
            if not isinstance(given, tuple) or any(not NAME.fullmatch(str(each)) for each in given):
                raise ConfigError(
                    f"{argument}={given!r} is no tuple of names.", hint=f'Write {argument}=("one",) with its comma.'
                )
        if not self.needs or len(set(self.needs)) != len(self.needs):
            raise ConfigError(
                f"needs={self.needs!r} names no dataset, or one twice.", hint="Name each dataset that it shows, once."
            )
        if not isinstance(self.refresher, get_args(Refreshing)):
            raise ConfigError(
                f"refresher={self.refresher!r} is none.", hint="Use QuickSightIngestion, PowerBiRefresh or Webhook."
            )
        if self.schedule is not None:
            Cron(self.schedule, self.timezone)
        self._check_numbers()

    def _check_numbers(self) -> None:
        most = self.refresher.limit
        if self.daily is not None and not 1 <= self.daily <= (most or self.daily):
            raise ConfigError(
                f"daily={self.daily} is not between 1 and {most or 'any number'}, the tool's own limit.",
                hint="Leave it out for the tool's own.",
            )
        if self.tries < 1:
            raise ConfigError(f"tries={self.tries} would never refresh it.")
        if not timedelta(0) < self.timeout <= MAX_TIMEOUT:
            raise ConfigError(f"timeout={self.timeout} is not between 0 and {MAX_TIMEOUT}.")
        if self.within < timedelta(0):
            raise ConfigError(f"within={self.within} is negative.")
