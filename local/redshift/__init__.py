"""The local Redshift: PostgreSQL behind a gateway that speaks Redshift's wire dialect. See README.md for what differs."""

from local.redshift.server import Gateway, PortBusy

__all__ = ["Gateway", "PortBusy"]
