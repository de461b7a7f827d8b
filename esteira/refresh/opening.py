"""Makes the refresher that an asset asks for. Its secret is read here, so only in the step that uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from esteira.contract import PowerBiRefresh, QuickSightIngestion
from esteira.contract.refresher import STAGE, Refreshing
from esteira.refresh.power_bi import PowerBi
from esteira.refresh.progress import Refresher
from esteira.refresh.quicksight import Spice
from esteira.refresh.webhook import SignedPost
from esteira.vault import read_secret

ReadSecret = Callable[[str], Mapping[str, str]]


def open_refresher(wanted: Refreshing, stage: str, read: ReadSecret = read_secret) -> Refresher:
    """The refresher of an asset.

    Args:
        wanted: What the asset says.
        stage: For the names of secrets.
        read: Reads a secret's fields.

    Raises:
        AuthError, ConfigError, LakeUnavailable: A secret cannot be read, or a field is missing.
    """
    if isinstance(wanted, QuickSightIngestion):
        return Spice(wanted)
    name = wanted.secret.replace(STAGE, stage)
    if isinstance(wanted, PowerBiRefresh):
        return PowerBi(wanted, name, read)
    return SignedPost(wanted, name, read(name))
