"""The analyst of a laptop: a user of the warehouse in the group that the BI views are granted to."""

from __future__ import annotations

from collections.abc import Mapping

import redshift_connector

from local.dashboard import ANALYST, ANALYSTS
from local.parts import DATABASE_USER
from local.state import StateFolder


def admit(folder: StateFolder, client: Mapping[str, str]) -> None:
    """Make group and user where they are missing, as an administrator does on AWS.

    Args:
        folder: Has the passwords of the warehouse's owner and of the analyst, of letters and digits alone.
        client: What clients of the stack are told; `SSL_CERT_FILE` of it must be in this process's environment.
    """
    connection = redshift_connector.connect(
        host=client["ESTEIRA_WAREHOUSE_HOST"], port=int(client["ESTEIRA_WAREHOUSE_PORT"]), database=client["ESTEIRA_WAREHOUSE_DATABASE"],
        user=DATABASE_USER, password=folder.secret("warehouse-password").read_text(), sslmode="verify-full",
    )  # fmt: skip
    password = folder.secret(f"{ANALYST}-password").read_text()
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for catalogue, name, statement in (
                ("pg_group WHERE groname", ANALYSTS, f"CREATE GROUP {ANALYSTS}"),
                ("pg_user WHERE usename", ANALYST, f"CREATE USER {ANALYST} PASSWORD '{password}' IN GROUP {ANALYSTS}"),
            ):  # fmt: skip
                cursor.execute(f"SELECT COUNT(*) FROM {catalogue} = '{name}'")
                if cursor.fetchall()[0][0] == 0:
                    cursor.execute(statement)
    finally:
        connection.close()
