"""The lock files: hashes without addresses, and whole, since they are installed without resolving again (ADR 5)."""

import re
from collections import deque
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conventions.sources import ROOT, report

LOCKS = ("requirements.lock", "requirements-dev.lock")
PEERS = tuple(sorted(f"bench/peers/{path.name}" for path in (ROOT / "bench/peers").glob("requirements-*.lock")))
ADDRESS = re.compile(r"https?://|file:|--(?:extra-)?index-url|--find-links", re.IGNORECASE)
DEVELOPMENT = "esteira[local,dev,docs]"


@pytest.mark.parametrize("name", [*LOCKS, *PEERS])
def test_a_lock_names_files_by_hash_and_not_by_address(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert sum("--hash=sha256:" in line for line in lines) > 100, (
        f"Fix: {name} has no hashes; run 'make lock' (a peer of the benchmark: 'make bench-lock')."
    )
    report(
        [f"{name}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if ADDRESS.search(line)],
        "run 'make lock'.",
    )


def test_both_locks_agree() -> None:
    runtime, development = (set(_pins(name).items()) for name in LOCKS)
    assert len(runtime) > 50
    assert runtime <= development, f"Fix: run 'make lock'; only the runtime lock pins {sorted(runtime - development)}."


@pytest.mark.parametrize(("name", "root"), [(LOCKS[0], "esteira"), (LOCKS[1], DEVELOPMENT)])
def test_a_lock_holds_all_that_its_packages_need(name: str, root: str) -> None:
    pins = _pins(name)
    needed = list(_needed(Requirement(root)))
    assert len(needed) > 50, "Hardly any requirement was found: this rule looked at nothing."
    missing = {
        f"{name}: {one}"
        for one in needed
        if not one.specifier.contains(pins.get(canonicalize_name(one.name), "0"), prereleases=True)
        or canonicalize_name(one.name) not in pins
    }
    report(sorted(missing), "run 'make lock'; nothing is resolved when a lock is installed.")


def _needed(root: Requirement) -> Iterator[Requirement]:
    """Every requirement below `root` that holds on this machine, by what the installed packages say of themselves."""
    waiting, seen = deque([root]), set[str]()
    while waiting:
        parent = waiting.popleft()
        if str(parent) in seen:
            continue
        seen.add(str(parent))
        for text in _requires(parent.name):
            child = Requirement(text)
            if _holds(child, parent.extras):
                yield child
                waiting.append(child)


def _requires(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:  # the caller has already yielded it: the lock is asked, not this machine
        return []


def _holds(child: Requirement, extras: set[str]) -> bool:
    marker = child.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return {
        canonicalize_name(m.group(1)): m.group(2) for m in re.finditer(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)
    }
