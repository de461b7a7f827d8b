"""What may leave the lake, of what age and why. Pure; `esteira.lake.sweep` lists and deletes.

`plan` decides about batches and puts the rest together: `exports` knows versions of exported files, `refused` what dropped files left behind.
"""

from esteira.upkeep.exports import ExportPolicy
from esteira.upkeep.plan import SweepPlan, SweepPolicy, exports_to_remove, old_pages, plan_sweep, stale_uploads
from esteira.upkeep.sealed import named_keys

__all__ = [
    "ExportPolicy", "SweepPlan", "SweepPolicy", "exports_to_remove", "named_keys", "old_pages", "plan_sweep", "stale_uploads",
]  # fmt: skip
