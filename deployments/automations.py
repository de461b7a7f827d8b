"""Automations by name: read first, then update or create, because Prefect itself makes a second one of the same name."""

from __future__ import annotations

from typing import Any

from prefect.automations import Automation
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture

FAILURE_AUTOMATION = "esteira: a batch failed"
SLACK_BLOCK = "esteira-slack"
SUBJECT = "{{ event.payload.dataset }} failed: {{ event.payload.error }}"
BODY = """*{{ event.payload.dataset }}* {{ event.payload.batch }} failed with {{ event.payload.error }}.
{{ event.payload.message }}
*Next step:* {{ event.payload.next_step }}{{ event.payload.patch }}
Owner: {{ event.payload.owner }} | Run: {{ event.payload.run }} | Runbook: {{ event.payload.runbook }}"""


def apply_failure_automation(slack_url: str) -> str:
    """Post each `esteira.batch.failed` event to Slack; idempotent.

    Args:
        slack_url: An incoming webhook, or the local Slack catcher.

    Returns:
        `created`, `updated` or `unchanged`.
    """
    block = CustomWebhookNotificationBlock(
        name=SLACK_BLOCK, url=slack_url, method="POST", json_data={"text": "{{subject}}\n{{body}}"}
    )
    block_id = block.save(SLACK_BLOCK, overwrite=True)
    wanted = _failure_automation(block_id)
    found = _find(FAILURE_AUTOMATION)
    if found is None:
        wanted.create()
        return "created"
    if _facts(found) == _facts(wanted):
        return "unchanged"
    wanted.id = found.id
    wanted.update()
    return "updated"


def remove_automation(name: str) -> bool:
    """Delete an automation by name; whether there was one."""
    found = _find(name)
    if found is None:
        return False
    found.delete()
    return True


def _failure_automation(block_id: Any) -> Automation:
    return Automation(
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


def _find(name: str) -> Automation | None:
    try:
        found = Automation.read(name=name)
    except ValueError:
        return None
    return found if isinstance(found, Automation) else None


def _facts(automation: Automation) -> dict[str, Any]:
    facts: dict[str, Any] = automation.model_dump(mode="json", include={"name", "description", "trigger", "actions"})
    facts["trigger"].pop("id", None)
    return facts
