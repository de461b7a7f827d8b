"""Where messages are posted: a block for each channel, and which owners have one, for the runs to read."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from prefect.blocks.core import Block
from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound
from pydantic import SecretStr

from blocks import variables
from blocks.incidents import CHANNELS
from deployments.registered import SavedBlock
from deployments.things import Facts
from esteira.errors import ConfigError

SLACK_BLOCK, SECOND_BLOCK = "esteira-slack", "esteira-second"
_SLACK = re.compile(r"https://hooks\.slack(-gov)?\.com/services/")


class Channel(SavedBlock):
    """A channel that we write ourselves.

    Args:
        name: Of the block.
        url: An incoming webhook.
    """

    def __init__(self, name: str, url: str) -> None:
        self._saved_as, self._kind = name, _block_of(name, url)
        super().__init__(name, self._kind)

    def block_id(self, client: SyncPrefectClient) -> UUID | None:
        """None only in a dry run on a server that has no such block yet."""
        try:
            return client.read_block_document_by_name(self._saved_as, self._kind.get_block_type_slug()).id
        except ObjectNotFound:
            return None


class Routes:
    """Which owners have a channel of their own, as the runs read it."""

    kind = "variable"
    name = CHANNELS

    def __init__(self, channels: dict[str, str]) -> None:
        self._channels = channels

    def wanted(self) -> Facts:
        """Owners and the names of their blocks; no address."""
        return dict(self._channels)

    def found(self) -> Facts | None:
        """The same of the server's."""
        found: Facts | None = variables.read(CHANNELS)
        return found

    def write(self) -> None:
        """Make it, or write over it."""
        variables.put(CHANNELS, self._channels)


def owners_block_id(client: SyncPrefectClient, owner: str, block: str) -> UUID:
    """The block that posts to an owner's channel.

    Raises:
        ConfigError: There is none of this name.
    """
    slug, _, name = block.partition("/")
    try:
        return client.read_block_document_by_name(name, slug).id
    except ObjectNotFound as exc:
        raise ConfigError(
            f"ESTEIRA_CHANNELS sends {owner} to block {block}, which does not exist.",
            hint="Make the block in the Prefect UI, for instance of type Slack Webhook, and name it as `slack-webhook/NAME`.",
        ) from exc


def _block_of(name: str, url: str) -> Block:
    """Slack's own block where it is Slack, for the server then hears that a message failed; any other address as a plain webhook.

    Its address lets whoever has it write, so it stands among the secrets, which the server shows to nobody.
    """
    if _SLACK.match(url):
        return SlackWebhook(url=SecretStr(url))
    given: dict[str, Any] = {"secrets": {"url": url}, "json_data": {"text": "{{subject}}\n{{body}}"}}
    return CustomWebhookNotificationBlock(name=name, url="{{url}}", method="POST", **given)
