"""From records as received to rows that satisfy the contract, and the ones that do not with their reasons.

`decode` reads JSON records into the contract's Arrow types, `validate` applies transform and row rules. No I/O.
"""

from esteira.quality.decode import Decoded, decode
from esteira.quality.validate import Curated, curate_decoded, curate_records

__all__ = ["Curated", "Decoded", "curate_decoded", "curate_records", "decode"]
