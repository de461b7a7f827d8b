"""Where the warehouse is and how to log in: plain values, checked when they are made. No connection is opened here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from esteira.errors import ConfigError
from esteira.login import check_login

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,126}")
"""https://docs.aws.amazon.com/redshift/latest/dg/r_names.html, without what needs quoting."""


@dataclass(frozen=True, slots=True)
class WarehouseConfig:
    """Where the warehouse is; names its secret, does not hold it. The login is exactly one of `secret`, `workgroup` and `cluster`.

    Attributes:
        host, port, database: The endpoint.
        secret: Name of the secret with `username` and `password`.
        copy_role_arn: Role that COPY reads the lake with.
        schema: Schema of the datasets' tables.
        statement_timeout_seconds: Bound of one statement, waiting for locks included.
        reader_group: Database group that may read the tables, `esteira.batch` and what `bi_group` may, or None.
        bi_group: Database group that may read the views of `bi` and nothing else, or None.
        workgroup: Redshift Serverless: log in by IAM to this workgroup.
        cluster: Provisioned Redshift: log in by IAM to this cluster.
        lock_wait_seconds: Wait for a dataset's lock after which its holder is looked at; also how long an orphan of ours must be idle.
        ddl_wait_seconds: Bound of one statement that shapes tables, before the load's transaction.

    Raises:
        ConfigError: None or several logins; or a name that becomes part of SQL is no plain identifier, or the role holds a quote.
    """

    host: str
    port: int
    database: str
    secret: str | None
    copy_role_arn: str
    schema: str = "dw"
    statement_timeout_seconds: int = 900
    reader_group: str | None = None
    workgroup: str | None = None
    cluster: str | None = None
    lock_wait_seconds: float = 60
    ddl_wait_seconds: float = 60
    bi_group: str | None = None

    def __post_init__(self) -> None:
        check_login(self.secret, self.workgroup, self.cluster)
        named = {"schema": self.schema, "reader group": self.reader_group, "BI group": self.bi_group}
        for what, name in named.items():
            if name is not None and not _IDENTIFIER.fullmatch(name):
                raise ConfigError(
                    f"The warehouse's {what} {name!r} is not of the form {_IDENTIFIER.pattern}.",
                    hint=f"Correct the {what} in the warehouse block or its ESTEIRA_ setting.",
                )
        if "'" in self.copy_role_arn:
            raise ConfigError(f"The COPY role {self.copy_role_arn!r} is no ARN.", hint="Correct ESTEIRA_COPY_ROLE_ARN.")

    @property
    def is_iam(self) -> bool:
        """Whether the login is the process' own AWS role, and no password exists."""
        return self.secret is None

    @property
    def bi_groups(self) -> tuple[str, ...]:
        """The groups that may read `bi`."""
        return tuple(group for group in (self.reader_group, self.bi_group) if group)

    @property
    def where(self) -> str:
        """The endpoint, for messages."""
        return f"{self.host}:{self.port}/{self.database}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Read from the secret inside the step that needs them."""

    user: str
    password: str = field(repr=False)
