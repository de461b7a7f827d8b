"""What the columns of a batch hold: counts, extremes, means, distinct values, quantiles and the most frequent values.

Made while the batch is curated, chunk by chunk, from the Arrow columns that are at hand. Two sketches see every value and stay small: the
smallest hashes of *values* tell how many are distinct, and the rows with the smallest hashes of their *positions* are a uniform sample, from
which quantiles and frequent values come. Both are pure functions of the rows, so a batch has one profile, however it is cut.

Owns the numbers and their JSON. Where they are stored is the lake's and the warehouse's business.
"""

from esteira.profile.column import ColumnProfile
from esteira.profile.distinct import DISTINCT_EXACT
from esteira.profile.profiler import Profiler
from esteira.profile.sample import SAMPLE_ROWS
from esteira.profile.stored import profile_of, profile_parts, store

__all__ = ["DISTINCT_EXACT", "SAMPLE_ROWS", "ColumnProfile", "Profiler", "profile_of", "profile_parts", "store"]
