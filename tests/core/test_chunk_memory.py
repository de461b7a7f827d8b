"""What a batch keeps in memory ends when it is of no more use, however long the batch is."""

import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator

import msgspec
import pytest

from esteira import allocator, curation
from esteira.curation import Curation
from esteira.lake import Lake, Layout, TableParts
from tests.core.small import keys

WAIT_SECONDS = 20


class Pages(list[msgspec.Raw]):
    """Records whose end can be seen."""


def records(key: int) -> Pages:
    return Pages([msgspec.Raw(b'{"id": %d}' % key)])


@pytest.fixture
def curating(lake: Lake) -> Iterator[Curation]:
    contract = keys()
    found = Curation(contract, Layout(contract.name, "b"), lake)
    yield found
    found.abort()


def test_pages_that_were_judged_do_not_wait_for_the_writer(monkeypatch: pytest.MonkeyPatch, lake: Lake):
    monkeypatch.setattr(curation, "WAITING_CHUNKS", 1)
    may_write = threading.Event()
    monkeypatch.setattr(TableParts, "write", lambda *_: may_write.wait(WAIT_SECONDS))
    contract = keys()
    found = Curation(contract, Layout(contract.name, "b"), lake)
    try:
        found.add(records(1))
        found.add(waiting := records(2))
        gone = weakref.ref(waiting)
        del waiting
        until = time.monotonic() + WAIT_SECONDS / 2
        while gone() is not None and time.monotonic() < until:
            time.sleep(0.01)
        assert gone() is None
    finally:
        may_write.set()
        found.abort()


def test_a_long_batch_leaves_less_behind_and_gives_it_back_after_each_chunk(
    monkeypatch: pytest.MonkeyPatch, curating: Curation
):
    done: list[str] = []

    class Pool:
        def release_unused(self) -> None:
            done.append("given back")

    monkeypatch.setattr(curation, "RELEASE_AFTER_CHUNKS", 2)
    monkeypatch.setattr(curation, "map_blocks", lambda *, is_long: done.append("long" if is_long else "as before"))
    monkeypatch.setattr("pyarrow.default_memory_pool", Pool)
    for key in range(4):
        curating.add(records(key))
    curating.gathered()
    assert done == ["long", "given back", "given back", "as before"]


def test_a_short_batch_changes_nothing(monkeypatch: pytest.MonkeyPatch, curating: Curation):
    monkeypatch.setattr(curation, "map_blocks", lambda **_: pytest.fail("it is short"))
    curating.add(records(1))
    curating.gathered()


@pytest.mark.parametrize(
    ("told", "long", "usual"),
    [
        (None, 2 << 20, 4 << 20),
        ("4194304", 2 << 20, 4 << 20),
        ("1000000", 1_000_000, 1_000_000),
        ("much", 2 << 20, 4 << 20),
    ],
)
def test_a_long_batch_maps_smaller_blocks_and_never_larger_ones_than_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, told: str | None, long: int, usual: int
):
    said: list[int] = []
    monkeypatch.setattr(allocator, "_set", lambda _, value: said.append(value))
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    if told is not None:
        monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", told)
    allocator.map_blocks(is_long=True)
    allocator.map_blocks(is_long=False)
    assert said == [long, usual]


def test_readers_of_workbooks_are_loaded_for_files_only():
    code = "import sys, esteira.curate, esteira.quarantine; print('esteira.spreadsheet.reading' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "False"
