"""A portal: base URL, auth and limits."""

from typing import Literal

from prefect.blocks.core import Block
from pydantic import Field

from esteira.auth import ApiKey, Bearer
from esteira.portal import Portal, PortalConfig
from esteira.vault import read_secret


class PortalBlock(Block):
    """A token-protected HTTP API."""

    _block_type_name = "Esteira portal"
    _block_type_slug = "esteira-portal"

    base_url: str = Field(description="Contracts' paths are below it.")
    secret_name: str | None = Field(default=None, description="Secrets Manager name of the secret with the token.")
    auth: Literal["none", "bearer", "api_key"] = Field(default="bearer", description="How the token is sent.")
    auth_field: str = Field(default="token", description="Field of the secret that holds the token.")
    key_name: str = Field(default="X-Api-Key", description="api_key: name of the header, parameter or cookie.")
    key_place: Literal["header", "query", "cookie"] = Field(default="header", description="api_key: where it goes.")
    key_prefix: str = Field(default="", description="api_key: text before the value, such as 'Token '.")
    allowed_hosts: list[str] = Field(default_factory=list, description="Further hosts that links may lead to.")
    allow_private_hosts: bool = Field(default=False, description="Whether the portal may stand in a private network.")
    requests_per_second: float | None = Field(default=None, description="Rate budget of one run.")
    max_concurrent_requests: int = Field(default=1, ge=1, description="Requests at once, for paginators that can tell.")

    def config(self) -> PortalConfig:
        """The plain configuration that the core takes."""
        return PortalConfig(
            name=self._block_document_name or "portal",
            base_url=self.base_url,
            secret=self.secret_name,
            auth=self._auth(),
            allowed_hosts=tuple(self.allowed_hosts),
            allow_private_hosts=self.allow_private_hosts,
            requests_per_second=self.requests_per_second,
            max_concurrent_requests=self.max_concurrent_requests,
        )

    def open(self) -> Portal:
        """The portal; reads the secret now."""
        return Portal(self.config(), read_secret(self.secret_name) if self.secret_name else {})

    def _auth(self) -> tuple[Bearer | ApiKey, ...]:
        if self.auth == "bearer":
            return (Bearer(field=self.auth_field),)
        if self.auth == "api_key":
            return (ApiKey(name=self.key_name, place=self.key_place, prefix=self.key_prefix, field=self.auth_field),)
        return ()
