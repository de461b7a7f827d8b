"""Refused rows: reading them with their reasons and places, showing them without personal data, and loading those that pass now.

`read` finds the batches that have some and gathers them by rule, `places` says where a row stands at the source, `sentences` says a reason in
words, `masking` decides what may be shown, and `replay` makes the generation with the rows that pass now (decision 12). SQL stays in `warehouse`.
"""

from esteira.quarantine.masking import Mask
from esteira.quarantine.read import gather, holdings, refused_rows
from esteira.quarantine.refused import Holding, Kept, Place, Reason, Refused, RuleCount

__all__ = ["Holding", "Kept", "Mask", "Place", "Reason", "Refused", "RuleCount", "gather", "holdings", "refused_rows"]
