"""The Redshift endpoint."""

from prefect.blocks.core import Block
from pydantic import Field

from esteira.errors import ConfigError
from esteira.vault import read_secret
from esteira.warehouse import Credentials, Warehouse, WarehouseConfig

WAREHOUSE_BLOCK = "esteira-warehouse"
"""The one warehouse of a stage."""


class WarehouseBlock(Block):
    """An Amazon Redshift database and the role that COPY reads the lake with."""

    _block_type_name = "Esteira warehouse"
    _block_type_slug = "esteira-warehouse"

    host: str = Field(description="Endpoint; its certificate is verified against this name.")
    port: int = Field(default=5439, description="Port")
    database: str = Field(default="dev", description="Database name")
    secret_name: str = Field(description="Secrets Manager name of a secret with `username` and `password`.")
    copy_role_arn: str = Field(description="IAM role that COPY reads the lake with.")
    schema_name: str = Field(default="dw", description="Schema of the datasets' tables.")

    def open(self) -> Warehouse:
        """The warehouse; reads the secret now.

        Raises:
            ConfigError: The secret lacks a field.
        """
        fields = read_secret(self.secret_name)
        if not {"username", "password"} <= fields.keys():
            raise ConfigError(f"Secret {self.secret_name} has no username or no password.", hint="Store both fields.")
        config = WarehouseConfig(
            self.host, self.port, self.database, self.secret_name, self.copy_role_arn, self.schema_name
        )
        return Warehouse(config, Credentials(fields["username"], fields["password"]))
