"""The block of the warehouse: its endpoint and how to log in."""

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
    secret_name: str | None = Field(
        default=None, description="Login by password: Secrets Manager name of a secret with `username` and `password`."
    )
    workgroup: str | None = Field(default=None, description="Login by IAM instead: name of the Serverless workgroup.")
    cluster: str | None = Field(
        default=None, description="Login by IAM instead: identifier of the provisioned cluster."
    )
    copy_role_arn: str = Field(description="IAM role that COPY reads the lake with.")
    schema_name: str = Field(default="dw", description="Schema of the datasets' tables.")
    reader_group: str | None = Field(
        default=None, description="Database group that may read the tables and the ledger's view."
    )
    bi_group: str | None = Field(
        default=None, description="Database group that may read the views of `bi` and nothing else."
    )
    lock_wait_seconds: float = Field(
        default=60, description="Wait for a dataset's lock before its holder is looked at."
    )
    ddl_wait_seconds: float = Field(default=60, description="Bound of one statement that shapes tables.")

    def open(self) -> Warehouse:
        """The warehouse; reads the secret now, if the login is one.

        Raises:
            ConfigError: None or several logins, or the secret lacks a field.
        """
        config = WarehouseConfig(
            self.host, self.port, self.database, self.secret_name, self.copy_role_arn, self.schema_name,
            reader_group=self.reader_group, bi_group=self.bi_group, workgroup=self.workgroup, cluster=self.cluster,
            lock_wait_seconds=self.lock_wait_seconds, ddl_wait_seconds=self.ddl_wait_seconds,
        )  # fmt: skip
        return Warehouse(config, self._credentials())

    def _credentials(self) -> Credentials | None:
        if self.secret_name is None:
            return None
        fields = read_secret(self.secret_name)
        if not {"username", "password"} <= fields.keys():
            raise ConfigError(f"Secret {self.secret_name} has no username or no password.", hint="Store both fields.")
        return Credentials(fields["username"], fields["password"])
