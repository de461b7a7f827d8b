"""Automations by name: read first, then update or create, because Prefect itself makes a second one of the same name.

An automation that ops switched off in the UI stays off.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore

from blocks.incidents import DEFAULT_CHANNEL
from deployments.alerting import Alerting, read_alerting
from deployments.alerts import (
    PREFIX,
    Alert,
    dataset_alerts,
    failed_alert,
    run_alerts,
    undelivered_alert,
    unwatched_alerts,
    zombie_alert,
)
from deployments.channels import SECOND_BLOCK, SLACK_BLOCK, Channel, Routes, owners_block_id
from deployments.things import Change, Facts, settle
from esteira.catalogue import active, load_catalogue

_SETS = {"after", "expect", "for_each"}
_COMPARED = {"name", "description", "trigger", "actions"}


class Applied:
    """An automation on a server.

    Args:
        client: Of the server.
        alert: What it waits for and says.
        actions: What it does.
    """

    kind = "automation"

    def __init__(self, client: SyncPrefectClient, alert: Alert, actions: list[ActionTypes]) -> None:
        self._client, self._alert, self._actions = client, alert, actions
        self.name = alert.name

    def wanted(self) -> Facts:
        """What it waits for and what it does."""
        return _facts(self._core())

    def found(self) -> Facts | None:
        """The same of the server's."""
        found = self._read()
        return _facts(found) if found else None

    def write(self) -> None:
        """Create it, or update the one of its name."""
        found, wanted = self._read(), self._core()
        if found is None:
            self._client.create_automation(wanted)
            return
        wanted.enabled = found.enabled
        self._client.update_automation(found.id, wanted)

    def _core(self) -> AutomationCore:
        alert = self._alert
        return AutomationCore(
            name=alert.name, description=alert.description, trigger=alert.trigger, actions=self._actions
        )

    def _read(self) -> Automation | None:
        found = self._client.read_automations_by_name(self.name)
        return found[0] if found else None


def apply_automations(client: SyncPrefectClient, alerting: Alerting, folder: Path, *, is_dry: bool) -> Iterator[Change]:
    """All automations and the blocks they post through; those of ours that no version wants any longer are removed.

    Args:
        client: Of the server.
        alerting: Channels and waits.
        folder: Of the contracts.
        is_dry: Only compare.
    """
    if not alerting.slack_url:
        yield Change("automation", f"{PREFIX}*", "left out", "ESTEIRA_SLACK_URL is not set; what is there stays")
        return
    first = Channel(SLACK_BLOCK, alerting.slack_url)
    second = Channel(SECOND_BLOCK, alerting.second_url) if alerting.second_url else None
    for thing in (first, *((second,) if second else ()), Routes(alerting.channels)):
        yield settle(thing, is_dry=is_dry)
    wanted = _wanted(client, alerting, folder, (first, second))
    for each in wanted:
        yield settle(each, is_dry=is_dry)
    yield from _prune(client, {each.name for each in wanted}, is_dry=is_dry)


def apply_here(folder: Path) -> dict[str, str]:
    """Apply them to the server of this process, as at the start of a laptop's stack.

    Returns:
        `created`, `updated`, `unchanged` or `removed` by name.
    """
    with get_client(sync_client=True) as client:
        return {each.name: each.verb for each in apply_automations(client, read_alerting(), folder, is_dry=False)}


def _wanted(
    client: SyncPrefectClient, alerting: Alerting, folder: Path, channels: tuple[Channel, Channel | None]
) -> list[Applied]:
    first, second = channels
    datasets, default = active(load_catalogue(folder)), first.block_id(client)
    runs = [
        Applied(client, alert, _sends(alert, default))
        for alert in (*run_alerts(alerting, datasets), *unwatched_alerts(alerting, datasets))
    ]
    told = [Applied(client, alert, _sends(alert, default)) for alert in dataset_alerts(DEFAULT_CHANNEL)]
    for owner, block in sorted(alerting.channels.items()):
        found = owners_block_id(client, owner, block)
        told += [Applied(client, alert, _sends(alert, found)) for alert in dataset_alerts(owner, f" → {owner}")]
    blocks = [channel.block_id(client) for channel in (second, first) if channel]
    undelivered = undelivered_alert(alerting, _switched_off(client))
    refused = failed_alert(alerting, [each.name for each in runs])
    return [
        *told,
        *runs,
        Applied(client, zombie_alert(alerting), _crashes()),
        Applied(client, refused, _sends(refused, blocks[0])),
        *([Applied(client, undelivered, _sends(undelivered, *blocks))] if undelivered else []),
    ]


def _switched_off(client: SyncPrefectClient) -> list[str]:
    return [each.name for each in client.read_automations() if each.name.startswith(PREFIX) and not each.enabled]


def _sends(alert: Alert, *blocks: UUID | None) -> list[ActionTypes]:
    given: list[dict[str, Any]] = [{"block_document_id": block} for block in blocks]
    return [SendNotification(**each, subject=alert.subject, body=alert.body) for each in given]


def _crashes() -> list[ActionTypes]:
    message = "No sign of life for a while: its container or process is gone. Marked by an automation."
    return [ChangeFlowRunState(state=StateType.CRASHED, message=message)]


def _prune(client: SyncPrefectClient, kept: set[str], *, is_dry: bool) -> list[Change]:
    surplus = [each for each in client.read_automations() if each.name.startswith(PREFIX) and each.name not in kept]
    for each in surplus if not is_dry else ():
        client.delete_automation(each.id)
    return [Change("automation", each.name, "removed", "no longer wanted") for each in surplus]


def _facts(automation: AutomationCore) -> Facts:
    """In one order, for the server keeps sets in none."""
    facts: Facts = automation.model_dump(mode="json", include=_COMPARED)
    facts["trigger"] = {
        key: sorted(value) if key in _SETS else value for key, value in facts["trigger"].items() if key != "id"
    }
    return facts
