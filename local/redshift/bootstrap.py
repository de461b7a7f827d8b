"""What a fresh or an older data folder needs before clients come: users, the database, Redshift's functions and system views."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from local.postgres import SUPERUSER
from local.redshift.backend import Backend
from local.redshift.dialect import REDSHIFT_SETTINGS
from local.redshift.errors import GatewayError
from local.redshift.plans import quote_name, quote_text

Isolation = Literal["snapshot", "serializable"]
POSTGRES_ISOLATION: dict[Isolation, str] = {"snapshot": "repeatable read", "serializable": "serializable"}
FOLDER = Path(__file__).parent
INVALID_TABLE_DEFINITION = "42P16"


def prepare(path: str, users: Iterable[str], database: str, isolation: Isolation | None) -> None:
    """Bring the server at socket `path` up to this gateway; idempotent."""
    with contextlib.closing(Backend(path, {"user": SUPERUSER, "database": "postgres"})) as admin:
        for user in users:
            _create_user(admin, user)
        _create_database(admin, database, isolation)
        for user in users:
            admin.run(f"GRANT CREATE, TEMPORARY ON DATABASE {quote_name(database)} TO {quote_name(user)}")
    with contextlib.closing(Backend(path, {"user": SUPERUSER, "database": database})) as admin:
        admin.run((FOLDER / "bootstrap.sql").read_text())
        _make_system_views(admin)
        for user in users:
            admin.run(f"GRANT CREATE ON SCHEMA public TO {quote_name(user)}")


def _create_user(admin: Backend, user: str) -> None:
    if user == SUPERUSER:
        raise ValueError(f"the user name {SUPERUSER} is taken by the local PostgreSQL's superuser: choose another")
    if not admin.run(f"SELECT FROM pg_roles WHERE rolname = {quote_text(user)}").rows:
        admin.run(f"CREATE ROLE {quote_name(user)} LOGIN CREATEROLE")


def _create_database(admin: Backend, database: str, isolation: Isolation | None) -> None:
    if not admin.run(f"SELECT FROM pg_database WHERE datname = {quote_text(database)}").rows:
        admin.run(f"CREATE DATABASE {quote_name(database)}")
    for setting in REDSHIFT_SETTINGS:
        admin.run(f"ALTER DATABASE {quote_name(database)} SET esteira.{setting} = ''")
    # The gateway checks passwords in Redshift's way, by MD5, also those of users that SQL has made.
    admin.run(f"ALTER DATABASE {quote_name(database)} SET password_encryption = 'md5'")
    admin.run(f"ALTER DATABASE {quote_name(database)} SET md5_password_warnings = off")
    if isolation is not None:
        level = quote_text(POSTGRES_ISOLATION[isolation])
        admin.run(f"ALTER DATABASE {quote_name(database)} SET default_transaction_isolation = {level}")


def _make_system_views(admin: Backend) -> None:
    views = (FOLDER / "catalog.sql").read_text()
    try:
        admin.run(views)
    except GatewayError as error:
        if (
            error.sqlstate != INVALID_TABLE_DEFINITION
        ):  # not a data folder whose views have the columns of an older gateway
            raise
        names = ", ".join(re.findall(r"VIEW (pg_catalog\.\w+)", views))
        admin.run(f"SET allow_system_table_mods = on; DROP VIEW IF EXISTS {names} CASCADE; {views}")
