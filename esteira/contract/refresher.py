"""How a BI tool is told to read again: where it is, which of its things, how often a day it takes that. It names secrets and holds none."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from esteira.contract.choices import require_choice
from esteira.errors import ConfigError

STAGE = "{stage}"
"""Stands for the stage's name in the name of a secret, so that dev and prod have secrets of their own."""
SPICE_DAILY = {"enterprise": 32, "standard": 8}
"""In 24 hours, of one dataset: https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CreateIngestion.html"""
POWER_BI_DAILY = {"shared": 8, "premium": None}
"""https://learn.microsoft.com/rest/api/power-bi/datasets/refresh-dataset-in-group: premium is limited by what the capacity can do."""
_ARN = re.compile(r"arn:aws[a-z-]*:quicksight:([a-z0-9-]+):(\d{12}):dataset/([\w-]+)")
_SECRET = re.compile(r"[A-Za-z0-9/_+=.@{}-]{1,400}")


@dataclass(frozen=True, slots=True)
class QuickSightIngestion:
    """Reads a SPICE dataset of QuickSight again; logs in as the run's own role.

    Args:
        dataset_arn: `arn:aws:quicksight:<region>:<account>:dataset/<id>`.
        edition: Of the account, for its daily limit.
        is_incremental: Read only what the dataset's own look-back window covers, where it has one.

    Raises:
        ConfigError: It is no ARN of a dataset, or no edition.
    """

    dataset_arn: str
    _: KW_ONLY
    edition: Literal["enterprise", "standard"] = "enterprise"
    is_incremental: bool = False

    def __post_init__(self) -> None:
        if not _ARN.fullmatch(self.dataset_arn):
            raise ConfigError(
                f"dataset_arn={self.dataset_arn!r} is no ARN of a QuickSight dataset.",
                hint="It is arn:aws:quicksight:<region>:<account>:dataset/<id>; `aws quicksight list-data-sets` shows it.",
            )
        require_choice("edition", self.edition, tuple(SPICE_DAILY))

    @property
    def place(self) -> tuple[str, str, str]:
        """Region, account and id."""
        found = _ARN.fullmatch(self.dataset_arn)
        assert found  # noqa: S101 - checked when it was made
        return found[1], found[2], found[3]

    @property
    def limit(self) -> int | None:
        """Refreshes in 24 hours."""
        return SPICE_DAILY[self.edition]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerBiRefresh:
    """Refreshes a semantic model of Power BI as a service principal.

    Args:
        workspace, model: Ids, as its address shows them: `.../groups/<workspace>/datasets/<model>`.
        tenant: Id of the Entra tenant that the principal belongs to.
        secret: Name of the secret with `client_id` and `client_secret`; `{stage}` in it is the stage's name.
        capacity: `shared` (Pro): 8 a day, and a refresh can be neither cancelled nor followed by its own address; `premium` (also per user, Fabric and
            Embedded): enhanced refresh.
        api_url, login_url: Others in national clouds, https://learn.microsoft.com/power-bi/developer/embedded/embed-sample-for-customers-national-clouds
        allow_private_hosts: Whether these may be addresses of the own network.

    Raises:
        ConfigError: An id, a name or an address is none.
    """

    workspace: str
    model: str
    tenant: str
    secret: str
    capacity: Literal["shared", "premium"] = "shared"
    api_url: str = "https://api.powerbi.com"
    login_url: str = "https://login.microsoftonline.com"
    allow_private_hosts: bool = False

    def __post_init__(self) -> None:
        for name in ("workspace", "model", "tenant"):
            _require_id(name, getattr(self, name))
        _require_secret(self.secret)
        require_choice("capacity", self.capacity, tuple(POWER_BI_DAILY))
        for name in ("api_url", "login_url"):
            _require_url(name, getattr(self, name), is_private=self.allow_private_hosts)

    @property
    def limit(self) -> int | None:
        """Refreshes in 24 hours; None where the capacity alone limits them."""
        return POWER_BI_DAILY[self.capacity]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Tells anything that takes a signed POST; docs/bi/connect.md says what it sends and what a receiver checks and answers.

    Args:
        url: Where to.
        secret: Name of the secret whose field `key` signs; `{stage}` in it is the stage's name.
        limit: Refreshes in 24 hours; None for no limit.
        allow_private_hosts: Whether it may be an address of the own network.

    Raises:
        ConfigError: The address or the name is none, or the limit is not positive.
    """

    url: str
    _: KW_ONLY
    secret: str
    limit: int | None = None
    allow_private_hosts: bool = False

    def __post_init__(self) -> None:
        _require_secret(self.secret)
        _require_url("url", self.url, is_private=self.allow_private_hosts)
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"limit={self.limit}: a tool that takes no refresh needs none.")


Refreshing: TypeAlias = QuickSightIngestion | PowerBiRefresh | Webhook


def _require_id(name: str, value: str) -> None:
    try:
        UUID(value)
    except ValueError:
        raise ConfigError(
            f"{name}={value!r} is no id.",
            hint="Copy it from the address in the Power BI service; it has 36 characters.",
        ) from None


def _require_secret(name: str) -> None:
    if not _SECRET.fullmatch(name) or set(re.findall(r"\{[^}]*\}?|\}", name)) - {STAGE}:
        raise ConfigError(
            f"secret={name!r} is no name of a secret.",
            hint="Name it as Secrets Manager does, such as esteira/{stage}/powerbi; only {stage} is filled in.",
        )


def _require_url(name: str, url: str, *, is_private: bool) -> None:
    schemes = {"https", "http"} if is_private else {"https"}
    try:
        parts = urlsplit(url)
        is_one = bool(parts.hostname) and parts.scheme in schemes and "@" not in parts.netloc
    except ValueError:
        is_one = False
    if not is_one:
        raise ConfigError(
            f"{name} is no https address.",
            hint="Without user and password; what must stay secret belongs into the secret.",
        )
