"""Peak memory of a process: of one that does a single load, and of a stack's gateway."""

from __future__ import annotations

import multiprocessing
import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import Any

from esteira.warehouse import Loader, LoadRequest, Warehouse
from local.stack import Stack


def loader_peak(warehouse: Warehouse, request: LoadRequest) -> int:
    """Peak memory of a new process that does nothing but this load."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_load_and_tell, args=(warehouse, request, sending))
    child.start()
    peak = int(receiving.recv())
    child.join()
    return peak


def _load_and_tell(warehouse: Warehouse, request: LoadRequest, sending: Any) -> None:
    Loader(warehouse).load(request)
    sending.send(high_water(os.getpid()))


def high_water(pid: int) -> int:
    """Highest resident memory in bytes since the last reset; macOS has no reset and tells the whole life's."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def gateway_pid(stack: Stack) -> int:
    """The process of a stack's gateway. Its launcher has the same arguments; the gateway is the larger of the two."""
    mark = str(Path(stack.state).resolve())
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            text = command.read_text()
            if "local.redshift\0" in text and mark in text:
                found.append(int(command.parent.name))
    return max(found, key=high_water)
