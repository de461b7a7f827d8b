"""The steps between fork and exec of a PostgreSQL program: give up root, keep two capabilities, die with the parent.

Run as a program of its own, `python -I -S privileges.py PARENT BINARY ARG…`, because these steps are not safe in the fork
of a threaded Python. Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

NOBODY_ID = 65534
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 28, 47, 2
"""Of linux/prctl.h."""
SECBIT_NO_SETUID_FIXUP = 1 << 2
"""Of linux/securebits.h."""
CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapabilityData(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def _leave_root(libc: ctypes.CDLL, paths: list[str]) -> None:
    # initdb asks access(2), which ignores the capabilities of anyone but root unless this bit is set. A container that
    # withholds CAP_SETPCAP refuses it; then only paths that nobody may reach anyway will do.
    libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(NOBODY_ID)
    os.setuid(NOBODY_ID)
    if not _keep_capabilities(libc):
        _check_reachable(paths)


def _keep_capabilities(libc: ctypes.CDLL) -> bool:
    """Keep the right to reach files below /root: the venv and the data folder often lie there. Nothing else."""
    mask = 1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH
    header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
    data = (_CapabilityData * 2)(_CapabilityData(mask, mask, mask), _CapabilityData(0, 0, 0))
    if libc.capset(ctypes.byref(header), data) != 0:
        return False
    kept = (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)
    return not any(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) for capability in kept)


def _check_reachable(paths: list[str]) -> None:
    for path in paths:
        if not os.access(path, os.R_OK | os.X_OK):
            sys.exit(
                f"PostgreSQL may not run as root, so it runs as the user nobody, who cannot reach {path}; and this "
                "container withholds CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH. Run the stack as a normal user, move the "
                "folder and the virtual environment out of root's home, or add the two capabilities (--cap-add).",
            )


def execute(parent: int, program: str, arguments: list[str]) -> None:
    """Become `program`, without root and bound to the life of `parent`."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        folder = arguments[arguments.index("-D") + 1]
        try:
            _leave_root(libc, [program, folder])
        except PermissionError as exc:
            sys.exit(
                f"PostgreSQL may not run as root, and this container may not switch user ({exc}): run as a normal user"
            )
    if sys.platform == "linux":
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)  # after setuid, which clears it
        if os.getppid() != parent:
            sys.exit("the gateway is gone")
    os.umask(0o077)
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    execute(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
