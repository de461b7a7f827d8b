"""Erasing a person: their rows out of the table, and out of every object of the lake that held them (decision 7).

`key` says which rows are meant, `standing` what counts of each batch now, `search` finds the rows, `rewrite` makes raw parts without them,
`purge` deletes what held them, and `erase` puts the steps in an order that is safe to die in at any point.
"""

from esteira.erasure.erase import Places, Report, Request, erase, plan
from esteira.erasure.key import Key, read_key

__all__ = ["Key", "Places", "Report", "Request", "erase", "plan", "read_key"]
