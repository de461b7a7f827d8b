"""What the reader group may see: the datasets' tables, the ledgers' view and the profiles', and nothing more. Idempotent, outside the load's transaction."""

from __future__ import annotations

import re
from collections.abc import Iterator

from esteira.errors import ConfigError
from esteira.warehouse.connection import Session
from esteira.warehouse.ledger_tables import VIEW_SCHEMA
from esteira.warehouse.statements import table_name

VIEWS = ("batch", "profile")


def ensure_grants(session: Session, schema: str, table: str, group: str) -> None:
    """Let a group read a table, `esteira.batch` and `esteira.profile`; a grant that stands is not given again.

    Raises:
        ConfigError: There is no such group.
    """
    if not session.count("SELECT COUNT(*) FROM pg_group WHERE groname = %s", (group,)):
        raise ConfigError(
            f"The warehouse has no group {group}, which ESTEIRA_READER_GROUP names.",
            hint=f'Run CREATE GROUP "{group}" as an administrator, or leave the setting out.',
        )
    session.run(f'CREATE SCHEMA IF NOT EXISTS "{VIEW_SCHEMA}"')
    for statement in missing_grants(session, schema, table, group):
        session.run(statement)


def missing_grants(session: Session, schema: str, table: str, group: str) -> list[str]:
    """The grants that do not stand yet, for what exists.

    A view is dropped and made again whenever a dataset joins it. The default privilege gives it to the group in that moment.
    https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_DEFAULT_PRIVILEGES.html
    """
    held = dict(_held(session, schema, table))
    wanted = {
        schema: ("U", f'GRANT USAGE ON SCHEMA "{schema}"'),
        f"{schema}.{table}": ("r", f"GRANT SELECT ON {table_name(schema, table)}"),
        VIEW_SCHEMA: ("U", f'GRANT USAGE ON SCHEMA "{VIEW_SCHEMA}"'),
        **{f"{VIEW_SCHEMA}.{view}": ("r", f"GRANT SELECT ON {table_name(VIEW_SCHEMA, view)}") for view in VIEWS},
        f"{VIEW_SCHEMA}.*": ("r", f'ALTER DEFAULT PRIVILEGES IN SCHEMA "{VIEW_SCHEMA}" GRANT SELECT ON TABLES'),
    }
    return [
        f'{statement} TO GROUP "{group}"'
        for place, (letter, statement) in wanted.items()
        if place in held and letter not in _letters(held[place], group)
    ]


def _held(session: Session, schema: str, table: str) -> Iterator[tuple[str, str]]:
    """Place to its access list, as the catalogue writes it; a default privilege is a place of its schema."""
    schemas = "SELECT nspname, array_to_string(nspacl, '|') FROM pg_namespace WHERE nspname IN (%s, %s)"
    relations = (
        "SELECT n.nspname, c.relname, array_to_string(c.relacl, '|') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE (n.nspname = %s AND c.relname = %s) OR (n.nspname = %s AND c.relname IN (%s, %s))"
    )
    defaults = (
        "SELECT n.nspname, array_to_string(d.defaclacl, '|') FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace "
        "WHERE n.nspname = %s AND d.defaclobjtype = 'r'"
    )
    for name, access in session.rows(schemas, (schema, VIEW_SCHEMA)):
        yield str(name), str(access or "")
    for owner, name, access in session.rows(relations, (schema, table, VIEW_SCHEMA, *VIEWS)):
        yield f"{owner}.{name}", str(access or "")
    yield f"{VIEW_SCHEMA}.*", "|".join(str(access) for _, access in session.rows(defaults, (VIEW_SCHEMA,)))


def _letters(access: str, group: str) -> str:
    """The privileges of a group in an access list such as `owner=arwdRxt/owner|group readers=r/owner`."""
    found = re.findall(rf'(?:^|\|)"?(?:group )?"?{group}"?=([a-zA-Z*]*)/', access)
    return "".join(found)
