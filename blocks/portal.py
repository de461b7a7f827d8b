"""A portal: base URL, auth, TLS and limits."""

from prefect.blocks.core import Block
from pydantic import BaseModel, ConfigDict, Field, field_validator

from blocks.auth import AnyScheme
from blocks.limits import PrefectLimits
from esteira import http
from esteira.http.config import MIB
from esteira.portal import Portal, PortalConfig
from esteira.vault import read_secret

_AS_THEY_ARE = (
    "base_url", "allow_private_hosts", "ca_bundle", "client_certificate", "proxy", "proxy_secret", "timezone", "contact",
    "connect_timeout_seconds", "read_timeout_seconds", "total_timeout_seconds", "max_response_bytes", "max_attempts",
    "backoff_base_seconds", "backoff_cap_seconds", "retry_after_cap_seconds", "max_payload_attempts", "max_concurrent_requests",
)  # fmt: skip
"""Fields that the core takes under the same name."""


_OPTIONAL = (
    "secret_name", "ca_bundle", "client_certificate", "proxy", "proxy_secret", "rate_limit", "concurrency_limit", "contact",
)  # fmt: skip


class Rate(BaseModel):
    """So many requests in so many seconds, at some hours of the day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: int = Field(ge=1, description="How many.")
    per_seconds: float = Field(default=1, gt=0, description="In how many seconds.")
    from_hour: int = Field(default=0, ge=0, le=23, description="From this hour of the portal's clock.")
    to_hour: int = Field(default=24, ge=1, le=24, description="Up to this hour; 22 to 6 goes over midnight.")

    def rate(self) -> http.Rate:
        """The core's rate."""
        return http.Rate(**self.model_dump())


class PortalBlock(Block):
    """A token-protected HTTP API."""

    _block_type_name = "Esteira portal"
    _block_type_slug = "esteira-portal"

    base_url: str = Field(description="Contracts' paths are below it.")
    secret_name: str | None = Field(default=None, description="Secrets Manager name of the secret with the fields that `auth` names.")  # fmt: skip
    auth: list[AnyScheme] = Field(
        default_factory=list,
        description='How a request proves who asks, a list such as [{"type": "bearer"}]; all are applied.',
    )
    allowed_hosts: list[str] = Field(default_factory=list, description="Further hosts that links may lead to.")
    allow_private_hosts: bool = Field(default=False, description="Whether the portal may stand in a private network.")
    ca_bundle: str | None = Field(default=None, description="PEM file of the authorities to trust instead of the public ones.")  # fmt: skip
    client_certificate: str | None = Field(default=None, description="Secret with `certificate` and `key` in PEM, and `passphrase` if the key has one.")  # fmt: skip
    proxy: str | None = Field(default=None, description="http(s)://host:port that everything goes through.")
    proxy_secret: str | None = Field(default=None, description="Secret with the proxy's `username` and `password`.")
    rates: list[Rate] = Field(
        default_factory=list,
        description='Rate budget, a list such as [{"requests": 400, "per_seconds": 60}]; all hold at their hours.',
    )
    timezone: str = Field(default="UTC", description="The portal's, for the hours of the rates.")
    rate_limit: str | None = Field(default=None, description="Prefix of the Prefect limits by which runs share the rates.")  # fmt: skip
    concurrency_limit: str | None = Field(default=None, description="Prefect limit of the requests under way in all runs.")  # fmt: skip
    max_concurrent_requests: int = Field(default=1, ge=1, description="Requests at once in one run, for paginators that can tell.")  # fmt: skip
    connect_timeout_seconds: float = Field(default=10, gt=0, description="Limit of opening a connection.")
    read_timeout_seconds: float = Field(default=60, gt=0, description="Limit of a silence.")
    total_timeout_seconds: float = Field(default=300, gt=0, description="Limit of one try, first byte to last.")
    max_response_bytes: int = Field(default=256 * MIB, ge=1, description="Limit of an answer after inflation.")
    max_attempts: int = Field(default=6, ge=1, description="Tries of one request, the first included.")
    backoff_base_seconds: float = Field(default=0.5, gt=0, description="Full jitter between 0 and this, doubled at each retry.")  # fmt: skip
    backoff_cap_seconds: float = Field(default=30, gt=0, description="The longest of those waits.")
    retry_after_cap_seconds: float = Field(default=120, gt=0, description="The longest wait that a Retry-After is obeyed for.")  # fmt: skip
    max_payload_attempts: int = Field(default=3, ge=1, description="Tries of a page whose body is no JSON.")
    contact: str | None = Field(default=None, description="Whom the portal's owner may ask: an address or a URL in the User-Agent.")  # fmt: skip

    @field_validator(*_OPTIONAL, mode="before")
    @classmethod
    def _nothing(cls, value: str | None) -> str | None:
        """A field that a person left empty in the UI's form is not set."""
        return value or None

    def config(self, dataset: str | None = None) -> PortalConfig:
        """The plain configuration that the core takes.

        Args:
            dataset: Whose rows are read, for the User-Agent.
        """
        return PortalConfig(
            name=self._block_document_name or "portal",
            dataset=dataset,
            secret=self.secret_name,
            auth=tuple(scheme.scheme() for scheme in self.auth),
            allowed_hosts=tuple(self.allowed_hosts),
            rates=tuple(rate.rate() for rate in self.rates),
            **{name: getattr(self, name) for name in _AS_THEY_ARE},
        )

    def open(self, dataset: str | None = None) -> Portal:
        """The portal; reads its secrets now."""
        values = read_secret(self.secret_name) if self.secret_name else {}
        return Portal(self.config(dataset), values, read_secret=read_secret, shared=self.limits())

    def limits(self) -> PrefectLimits:
        """The limits that runs share through the Prefect server."""
        rates = [rate.rate() for rate in self.rates]
        return PrefectLimits(self.rate_limit, self.concurrency_limit, rates, self.max_concurrent_requests)
