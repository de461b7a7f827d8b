"""A range of source time that a person wants loaded: what of it is missing, and how it is cut. Pure; who loads it is the flow's business."""

from esteira.backfill.chunk import read_chunk
from esteira.backfill.gaps import left_out
from esteira.backfill.plan import Asked, Backfill, Planned, in_order, plan_backfill, refuse_overlap

__all__ = ["Asked", "Backfill", "Planned", "in_order", "left_out", "plan_backfill", "read_chunk", "refuse_overlap"]
