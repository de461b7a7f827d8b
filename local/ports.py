"""Which port each part of the laptop stack listens on, and whether it is free. 127.0.0.1 only."""

import os
import socket
from dataclasses import dataclass, fields, replace

HOST = "127.0.0.1"
VARIABLE_PREFIX = "ESTEIRA_PORT_"
"""With `PORTAL`, `AWS`, `WAREHOUSE`, `PREFECT`, `SLACK` or `REPORTS` behind it: the port of that part of the laptop stack; 0 takes a free one."""


class PortError(ValueError):
    """A variable that should move a part to another port is no port number."""


@dataclass(frozen=True)
class Ports:
    """One port per part; 0 picks a free one."""

    portal: int = 8461
    aws: int = 8466
    warehouse: int = 5439
    prefect: int = 4200
    slack: int = 8467
    reports: int = 8468
    dashboard: int = 8469

    @classmethod
    def from_environment(cls) -> "Ports":
        """The defaults, each replaced by ESTEIRA_PORT_<PART> when that is set.

        Raises:
            PortError: a variable is not a port number.
        """
        return cls(**{field.name: _from_variable(field.name, int(str(field.default))) for field in fields(cls)})

    @classmethod
    def free(cls) -> "Ports":
        """All parts on free ports: for tests, which run beside a developer's own stack."""
        return cls(**{field.name: 0 for field in fields(cls)})

    def resolved(self) -> "Ports":
        """The same ports with every 0 replaced by a port that is free now."""
        chosen = free_ports(sum(getattr(self, field.name) == 0 for field in fields(self)))
        return replace(self, **{f.name: chosen.pop() for f in fields(self) if getattr(self, f.name) == 0})


def variable(part: str) -> str:
    """The environment variable that moves a part to another port."""
    return VARIABLE_PREFIX + part.upper()


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As every server does: a connection of an earlier run in TIME_WAIT does not make the port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _from_variable(part: str, default: int) -> int:
    text = os.environ.get(variable(part), "")
    if not text:
        return default
    if not text.isdigit() or int(text) > 65_535:
        raise PortError(f"{variable(part)}={text!r} is not a port number between 0 and 65535.")
    return int(text)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on just now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
