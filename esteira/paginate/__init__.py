"""How to get from one page of a portal to the next: pure values with the same three verbs, and no I/O.

`first` gives the state of the first page, `request` says what to ask for, `next` reads the answer and gives the state of the page
after it, or None at the end. A state is plain JSON: stored as a checkpoint, it resumes the walk in another process.

A portal that serves the same page for ever is an error here, never an end: an end would be a table with rows missing.
"""

from esteira.paginate.counted import Offset, PageNumber, SinglePage
from esteira.paginate.links import NextLink
from esteira.paginate.places import LATER, Place
from esteira.paginate.tokens import NextToken
from esteira.paginate.verbs import Header, PageReading, PageRequest, Paginator, Param, Params, State, Where

__all__ = [
    "LATER",
    "Header",
    "NextLink",
    "NextToken",
    "Offset",
    "PageNumber",
    "PageReading",
    "PageRequest",
    "Paginator",
    "Param",
    "Params",
    "Place",
    "SinglePage",
    "State",
    "Where",
]
