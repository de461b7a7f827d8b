"""The block of the lake: its bucket."""

from prefect.blocks.core import Block
from pydantic import Field

from esteira.lake import Lake
from esteira.lake.sweep import SweptLake

LAKE_BLOCK = "esteira-lake"
"""The one lake of a stage."""


class LakeBlock(Block):
    """The S3 bucket that holds raw, curated and quarantine."""

    _block_type_name = "Esteira lake"
    _block_type_slug = "esteira-lake"

    bucket: str = Field(description="Bucket name; the task role decides what may be done in it.")

    def open(self) -> Lake:
        """The lake, under the credentials of the process."""
        return Lake(self.bucket)

    def open_swept(self, profile: str | None) -> SweptLake:
        """The lake under the role that may delete; without a profile the process's own credentials must be that role's."""
        return SweptLake.under(self.bucket, profile)
