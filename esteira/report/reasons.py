"""What a rule demands, in words of both languages; names of rules are pandera's own, those of `esteira.quality` and of the standards."""

from __future__ import annotations

import re

from esteira.report.bilingual import Text
from esteira.report.foreign import quoted
from esteira.report.words import say
from esteira.standards import STANDARDS

_CALL = re.compile(r"(?P<name>\w+)(?:\((?P<given>.*)\))?", re.DOTALL)
_WORDED = frozenset({
    "greater_than", "greater_than_or_equal_to", "less_than", "less_than_or_equal_to", "equal_to", "not_equal_to", "in_range", "isin", "notin",
    "str_matches", "str_contains", "str_startswith", "str_endswith", "str_length", "max_bytes", "json", "type", "not_nullable", "not_null",
})  # fmt: skip


def demand(rule: str) -> Text | None:
    """What a value must be; None where the rule's own name is all that is known."""
    found = _CALL.fullmatch(rule)
    name = found["name"] if found else ""
    if name in STANDARDS:
        words = STANDARDS[name].words
        return say("must_be", what=Text(words["pt"], words["en"]))
    if found is None or name not in _WORDED:
        return None
    return say(f"must_{name}", given=quoted((found["given"] or "").strip("[]")))
