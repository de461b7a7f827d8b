"""Automations by name: read first, then update or create, because Prefect itself makes a second one of the same name.

An automation that ops switched off in the UI stays off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from deployments.registered import SavedBlock
from deployments.things import Change, Facts, settle

PREFIX = "esteira: "
"""Begins the names of ours; no other is ever touched."""
FAILURE_AUTOMATION = f"{PREFIX}a batch failed"
SLACK_BLOCK = "esteira-slack"
SUBJECT = "{{ event.payload.dataset }} failed: {{ event.payload.error }}"
BODY = """*{{ event.payload.dataset }}* {{ event.payload.batch }} failed with {{ event.payload.error }}.
{{ event.payload.message }}
*Next step:* {{ event.payload.next_step }}{{ event.payload.patch }}
Owner: {{ event.payload.owner }} | Run: {{ event.payload.run }} | Runbook: {{ event.payload.runbook }}"""
_COMPARED = {"name", "description", "trigger", "actions"}


class Applied:
    """An automation on a server.

    Args:
        client: Of the server.
        name: The automation's; begins with the prefix of ours.
        make: Makes it when it is needed: its actions name a block by id, which a dry run may not find.
    """

    kind = "automation"

    def __init__(self, client: SyncPrefectClient, name: str, make: Callable[[], AutomationCore]) -> None:
        self._client, self._make = client, make
        self.name = name

    def wanted(self) -> Facts:
        """What it waits for and what it does."""
        return _facts(self._make())

    def found(self) -> Facts | None:
        """The same of the server's."""
        found = self._read()
        return _facts(found) if found else None

    def write(self) -> None:
        """Create it, or update the one of its name."""
        found, wanted = self._read(), self._make()
        if found is None:
            self._client.create_automation(wanted)
            return
        wanted.enabled = found.enabled
        self._client.update_automation(found.id, wanted)

    def _read(self) -> Automation | None:
        found = self._client.read_automations_by_name(self.name)
        return found[0] if found else None


def apply_automations(client: SyncPrefectClient, slack_url: str, *, is_dry: bool) -> list[Change]:
    """All automations and the block they post through; those of ours that no version wants any longer are removed."""
    block = SavedBlock(SLACK_BLOCK, _slack_block(slack_url))
    wanted = [Applied(client, FAILURE_AUTOMATION, lambda: _failure_automation(_block_id(client)))]
    changes = [settle(block, is_dry=is_dry)]
    changes += [settle(each, is_dry=is_dry) for each in wanted]
    return changes + _prune(client, {each.name for each in wanted}, is_dry=is_dry)


def apply_failure_automation(slack_url: str) -> str:
    """Post each `esteira.batch.failed` event to Slack; idempotent.

    Args:
        slack_url: An incoming webhook, or the local Slack catcher.

    Returns:
        `created`, `updated` or `unchanged`.
    """
    with get_client(sync_client=True) as client:
        found = {each.name: each.verb for each in apply_automations(client, slack_url, is_dry=False)}
    return found[FAILURE_AUTOMATION]


def remove_automation(name: str) -> bool:
    """Delete an automation by name; whether there was one."""
    with get_client(sync_client=True) as client:
        found = client.read_automations_by_name(name)
        for each in found:
            client.delete_automation(each.id)
    return bool(found)


def _prune(client: SyncPrefectClient, kept: set[str], *, is_dry: bool) -> list[Change]:
    surplus = [each for each in client.read_automations() if each.name.startswith(PREFIX) and each.name not in kept]
    for each in surplus if not is_dry else ():
        client.delete_automation(each.id)
    return [Change("automation", each.name, "removed", "no longer wanted") for each in surplus]


def _slack_block(slack_url: str) -> CustomWebhookNotificationBlock:
    return CustomWebhookNotificationBlock(
        name=SLACK_BLOCK, url=slack_url, method="POST", json_data={"text": "{{subject}}\n{{body}}"}
    )


def _block_id(client: SyncPrefectClient) -> Any:
    """None only in a dry run on a server that has no such block yet."""
    slug = CustomWebhookNotificationBlock.get_block_type_slug()
    try:
        return client.read_block_document_by_name(SLACK_BLOCK, slug).id
    except ObjectNotFound:
        return None


def _failure_automation(block_id: Any) -> AutomationCore:
    return AutomationCore(
        name=FAILURE_AUTOMATION,
        description="Tells Slack what failed and what to do next.",
        trigger=EventTrigger(
            expect={"esteira.batch.failed"},
            match={"prefect.resource.id": "esteira.dataset.*"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[SendNotification(block_document_id=block_id, subject=SUBJECT, body=BODY)],
    )


def _facts(automation: AutomationCore) -> Facts:
    facts: Facts = automation.model_dump(mode="json", include=_COMPARED)
    facts["trigger"].pop("id", None)
    return facts
