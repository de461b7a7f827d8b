"""Where alerts go and how long they wait, from the environment of whoever applies them; the runs need none of it."""

from __future__ import annotations

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from esteira.errors import ConfigError

_WHERE = "docs/operations/alerts.md lists the variables."


class Alerting(BaseSettings):
    """Channels and waits.

    Attributes:
        slack_url: The default channel: an incoming webhook. Without one no alert is applied.
        second_url: Where it is told that a message was not delivered; better another service than Slack.
        channels: Owners that have a channel of their own, and the block that posts there, as `slack-webhook/finance`.
        docs_url: Where the documentation is served.
        alert_late_seconds: How long a run may be late before that is an incident.
        alert_pending_seconds: How long a run may be pending before that is an incident.
        alert_silent_seconds: After the last heartbeat, which comes every 180 s at most.
        alert_delivery_seconds: In which a message must have been taken by its channel.
    """

    model_config = SettingsConfigDict(env_prefix="ESTEIRA_", frozen=True, extra="ignore")

    slack_url: str | None = None
    second_url: str | None = None
    channels: dict[str, str] = {}
    docs_url: str | None = None
    alert_late_seconds: int = Field(default=600, ge=10)
    alert_pending_seconds: int = Field(default=1_800, ge=10)
    alert_silent_seconds: int = Field(default=540, ge=10)
    alert_delivery_seconds: int = Field(default=30, ge=10)

    def runbook(self, section: str) -> str:
        """Where a person reads more."""
        page = f"{self.docs_url.rstrip('/')}/operations/runbook.html" if self.docs_url else "docs/operations/runbook.md"
        return f"{page}#{section}"


def read_alerting() -> Alerting:
    """What the environment says.

    Raises:
        ConfigError: Names each variable that is wrong.
    """
    try:
        return Alerting()
    except ValidationError as exc:
        wrong = "; ".join(f"ESTEIRA_{str(error['loc'][0]).upper()}: {error['msg']}" for error in exc.errors())
        raise ConfigError(f"The alerts are not described rightly: {wrong}.", hint=_WHERE) from exc
    except SettingsError as exc:
        raise ConfigError(f"The alerts are not described rightly: {exc}: it must be JSON.", hint=_WHERE) from exc
