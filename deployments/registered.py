"""Blocks on the server: the types that this version knows, and the stage's own, from its settings."""

from __future__ import annotations

from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound

from blocks import LakeBlock, PortalBlock, WarehouseBlock
from deployments.things import Facts

BLOCK_TYPES: tuple[type[Block], ...] = (PortalBlock, LakeBlock, WarehouseBlock)


class BlockType:
    """A kind of block, so that people can make one in the UI."""

    kind = "block type"

    def __init__(self, client: SyncPrefectClient, block: type[Block]) -> None:
        self._client, self._block = client, block
        self.name = block.get_block_type_slug()

    def wanted(self) -> Facts:
        """Its fields, by their checksum."""
        return {"fields": self._block._calculate_schema_checksum()}  # noqa: SLF001 - Prefect's own look-up has no public name

    def found(self) -> Facts | None:
        """The newest fields that the server has; an older version of the type counts as one that differs."""
        try:
            self._client.read_block_type_by_slug(self.name)
        except ObjectNotFound:
            return None
        try:
            schema = self._client.read_block_schema_by_checksum(self.wanted()["fields"])
        except ObjectNotFound:
            return {}
        return {"fields": schema.checksum}

    def write(self) -> None:
        """Register it."""
        self._block.register_type_and_schema()


class SavedBlock:
    """A block under a name. Its details name fields, never their values."""

    kind = "block"

    def __init__(self, name: str, block: Block) -> None:
        self._name, self._block = name, block
        self.name = f"{block.get_block_type_slug()}/{name}"

    def wanted(self) -> Facts:
        """Its fields; secrets compare by value and print as stars."""
        return _fields(self._block)

    def found(self) -> Facts | None:
        """The same of what is saved."""
        try:
            saved = type(self._block).load(self._name)
        except ValueError:
            return None
        except RuntimeError:  # saved by a version with other fields
            return {}
        return _fields(saved) if isinstance(saved, Block) else None

    def write(self) -> None:
        """Save it over what is there."""
        self._block.save(self._name, overwrite=True)


def _fields(block: Block) -> Facts:
    """Without what Prefect notes of where it was saved."""
    return {name: value for name, value in block.model_dump().items() if not name.startswith("_")}
