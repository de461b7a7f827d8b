"""May this login do in the warehouse what a load does there? Everything is asked in a session that leaves nothing behind."""

from __future__ import annotations

import re
from contextlib import suppress

from esteira.contract.titles import LANGUAGES
from esteira.errors import AuthError, ConfigError, LakeUnavailable, LoadError
from esteira.warehouse.bi.definitions import schema_of
from esteira.warehouse.connection import Session, Warehouse
from esteira.warehouse.graves import GRAVE_SCHEMA
from esteira.warehouse.ledger_tables import LEDGER_SCHEMA, VIEW_SCHEMA
from esteira.warehouse.profiles import PROFILE_SCHEMA
from esteira.warehouse.statements import LOCK_SCHEMA

PROBE_TABLE = "esteira_doctor_probe"
PROBE_SECONDS = 30
_SCHEMAS = "SELECT COUNT(*) FROM pg_namespace WHERE nspname = %s"
_MAKES_SCHEMAS = "has_database_privilege(current_database(), 'CREATE')"
_ABSENT = re.compile(r"NoSuchKey|specified (?:key|S3 prefix) .*does not exist", re.IGNORECASE)
_ASSUME = re.compile(r"not authorized to assume|assume IAM Role", re.IGNORECASE)
_DENIED = re.compile(r"Access ?Denied|Status 403", re.IGNORECASE)


def probe_login(warehouse: Warehouse) -> str:
    """Log in; returns the user, the database and the version.

    Raises:
        AuthError, ConfigError, WarehouseBusy: See `Warehouse.session`.
    """
    with warehouse.patient(PROBE_SECONDS).session("esteira doctor") as session:
        user, database, version = session.rows("SELECT current_user, current_database(), version()")[0]
    found = re.search(r"Redshift [\d.]+", str(version))
    return f"{user} on {database}{f', {found[0]}' if found else ''}"


def probe_grants(warehouse: Warehouse) -> str:
    """Check that schemas can be used and made; returns which stand.

    https://docs.aws.amazon.com/redshift/latest/dg/r_HAS_SCHEMA_PRIVILEGE.html

    Raises:
        AuthError: It names each grant that is missing, as a statement.
    """
    ours = (LEDGER_SCHEMA, LOCK_SCHEMA, GRAVE_SCHEMA, PROFILE_SCHEMA, VIEW_SCHEMA)
    wanted = (warehouse.config.schema, *ours, *(schema_of(language) for language in LANGUAGES))
    with warehouse.patient(PROBE_SECONDS).session("esteira doctor") as session:
        user = str(session.rows("SELECT current_user")[0][0])
        standing = [name for name in wanted if session.count(_SCHEMAS, (name,))]
        missing = [statement for name in standing for statement in _missing(session, name, user)]
        if len(standing) < len(wanted) and not _holds(session, _MAKES_SCHEMAS):
            database = session.rows("SELECT current_database()")[0][0]
            missing.append(f'GRANT CREATE ON DATABASE "{database}" TO "{user}"')
    if missing:
        raise AuthError(
            f"The user {user} lacks {len(missing)} grant(s) in the warehouse.", hint=f"Run: {'; '.join(missing)}."
        )
    return f"schemas {', '.join(standing) or '(none yet)'}; those that are missing can be made" if len(standing) < len(wanted) else f"schemas {', '.join(standing)}"  # fmt: skip


def probe_copy_role(warehouse: Warehouse, bucket: str) -> None:
    """Let COPY look for a manifest that is not there, under its role: "absent" is the good answer.

    Raises:
        AuthError: The role may not be assumed, or may not read the curated zone.
        ConfigError: There is no such bucket.
        LakeUnavailable: COPY failed for another reason.
    """
    role = warehouse.config.copy_role_arn
    manifest = f"s3://{bucket}/curated/_esteira-doctor/absent.manifest"
    with warehouse.patient(PROBE_SECONDS).session("esteira doctor") as session:
        text = _answer(session, f"COPY {PROBE_TABLE} FROM '{manifest}' IAM_ROLE '{role}' FORMAT AS PARQUET MANIFEST")
    if _ASSUME.search(text):
        raise AuthError(
            f"The warehouse may not assume {role}.",
            hint="Attach the role to the cluster or workgroup, and let its trust policy name redshift.amazonaws.com.",
        )
    if _DENIED.search(text):
        raise AuthError(
            f"{role} may not read s3://{bucket}/curated/.",
            hint=f"Grant it s3:GetObject on arn:aws:s3:::{bucket}/curated/* and s3:ListBucket on the bucket (infra/access.yaml).",
        )
    if "NoSuchBucket" in text:
        raise ConfigError(
            f"COPY finds no bucket {bucket}.", hint="Set ESTEIRA_LAKE_BUCKET to the bucket of this stage."
        )
    if not _ABSENT.search(text):
        raise LakeUnavailable(f"COPY under {role} could not be tried: {text or 'it found an object that is not ours'}.")


def _answer(session: Session, statement: str) -> str:
    """The refusal of a statement, in a transaction that is rolled back."""
    refusal = ""
    with suppress(_RolledBack), session.transaction():
        session.run(f"CREATE TEMP TABLE {PROBE_TABLE} (probe INTEGER)")
        try:
            session.run(statement)
        except LoadError as exc:
            refusal = exc.message
        raise _RolledBack
    return refusal


class _RolledBack(Exception):
    """Leaves a transaction without committing it."""


def _missing(session: Session, schema: str, user: str) -> list[str]:
    return [
        f'GRANT {privilege} ON SCHEMA "{schema}" TO "{user}"'
        for privilege in ("USAGE", "CREATE")
        if not _holds(session, f"has_schema_privilege('{schema}', '{privilege}')")
    ]


def _holds(session: Session, function: str) -> bool:
    return bool(session.count(f"SELECT CASE WHEN {function} THEN 1 ELSE 0 END"))
