"""What a rule demands, in both languages of the pages."""

from __future__ import annotations

from esteira import demands
from esteira.report.bilingual import Text
from esteira.report.foreign import quoted
from esteira.report.words import say

_OF_EVERY_COLUMN = frozenset({"type", "not_nullable", "not_null"})
"""What validation asks before any rule of the contract."""


def demand(rule: str) -> Text | None:
    """What a value must be; None where the rule's own name is all that is known."""
    if rule in _OF_EVERY_COLUMN:
        return say(f"must_{rule}")
    pt, en = demands.standard(rule, "pt"), demands.standard(rule, "en")
    if pt is not None and en is not None:
        return say("must_be", what=Text(pt, en))
    pt, en = demands.demand(rule, "pt", quoted), demands.demand(rule, "en", quoted)
    return None if pt is None or en is None else Text(pt, en)
