"""The questions of `esteira doctor` about the inbox: whether people may drop files, and a run may take them or give them back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from esteira.catalogue import load_catalogue
from esteira.settings import contracts_folder, read_settings

if TYPE_CHECKING:
    from esteira.lake import Lake


class InboxCheckup:
    """Asked only where a contract takes drops.

    Args:
        lake: Opens the lake.
    """

    def __init__(self, lake: Callable[[], Lake]) -> None:
        self._lake = lake

    def inbox(self) -> str:
        """What was dropped can be listed, read and taken out, and the bucket keeps versions."""
        from esteira.lake.probe import probe_inbox, probe_versioning

        probe_versioning(self._lake())
        waiting = probe_inbox(self._lake())
        return f"list, get and delete of a version are allowed, the bucket keeps versions; {waiting or 'nothing'} waits"

    def rejected(self) -> str:
        """What cannot be taken can be given back."""
        from esteira.lake.inbox import REJECTED
        from esteira.lake.probe import probe_put

        probe_put(self._lake(), REJECTED.rstrip("/"))
        return "put is allowed"

    def drop(self) -> str:
        """People may drop, where this machine knows how they do."""
        from esteira.lake.inbox import INBOX, DropZone
        from esteira.lake.probe import probe_put

        profile = read_settings().drop_profile
        if profile is None:
            return "not asked: ESTEIRA_DROP_PROFILE is not set; people drop under the role esteira-<stage>-drop"
        probe_put(DropZone.under(self._lake().bucket, profile).bucket, INBOX.rstrip("/"))
        return f"profile {profile} may put files"

    def drop_contracts(self) -> str:
        """Whose files could lie in the wrong folder without anybody's notice."""
        from esteira.reception.overlap import overlaps
        from esteira.reception.routing import takes_files

        takers = [each for each in load_catalogue(contracts_folder()).values() if takes_files(each)]
        pairs = overlaps(takers)
        if not pairs:
            return f"{len(takers)} datasets take drops, and no name fits two of them"
        shown = "; ".join(f"{one} and {other}" for one, other in pairs[:3])
        more = f" and {len(pairs) - 3} more pairs" if len(pairs) > 3 else ""
        return f"{len(takers)} datasets take drops; a name may fit {shown}{more}: dropped in the other's folder such a file is tried there"
