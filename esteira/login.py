"""How a process logs in to the warehouse: exactly one way. Checked for the settings and again for whatever a block holds."""

from __future__ import annotations

from esteira.errors import ConfigError


def check_login(secret: str | None, workgroup: str | None, cluster: str | None) -> None:
    """Refuse anything but one way to log in.

    Args:
        secret: Name of a secret with user and password.
        workgroup: Serverless workgroup, by IAM.
        cluster: Provisioned cluster, by IAM.

    Raises:
        ConfigError: None is named, or several are.
    """
    named = {"secret": secret, "workgroup": workgroup, "cluster": cluster}
    chosen = [name for name, value in named.items() if value]
    if len(chosen) != 1:
        raise ConfigError(
            f"The warehouse's login is {' and '.join(chosen) or 'missing'}; it must be exactly one of {', '.join(named)}.",
            hint="Set one of ESTEIRA_WAREHOUSE_SECRET, ESTEIRA_WAREHOUSE_WORKGROUP (Serverless, by IAM) and "
            "ESTEIRA_WAREHOUSE_CLUSTER (provisioned, by IAM), or the field of that name in the warehouse block.",
        )
