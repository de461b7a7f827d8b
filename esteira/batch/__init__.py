"""Windows, batch ids, and what to run next. Takes `as_of` and what the ledger says; never reads a clock and does no I/O."""

from esteira.batch.cut import Stop, cut, plan_range, range_of, windows_of
from esteira.batch.due import Due, Known, due_up_to, plan, plan_due
from esteira.batch.identity import Batch, batch_of, is_snapshot, parse, plain, short
from esteira.batch.window import Window, slot

__all__ = [
    "Batch", "Due", "Known", "Stop", "Window", "batch_of", "cut", "due_up_to", "is_snapshot", "parse", "plain", "plan", "plan_due", "plan_range", "range_of",
    "short", "slot", "windows_of",
]  # fmt: skip
