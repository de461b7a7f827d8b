"""Calls of Redshift's functions that PostgreSQL spells otherwise: which tokens of a statement to replace by what."""

from __future__ import annotations

from collections.abc import Sequence

from local.redshift.lexer import Token, matching, split_commas
from local.redshift.plans import quote_text

DATE_FUNCTIONS = {"DATEADD", "DATEDIFF", "DATE_ADD", "DATE_DIFF"}


def replacements(tokens: Sequence[Token]) -> dict[int, str]:
    """Token number → new text, for date parts (DATEADD(day, …) → DATEADD('day', …)) and LISTAGG."""
    found: dict[int, str] = {}
    for at in range(len(tokens) - 2):
        if tokens[at].kind != "word" or tokens[at + 1].text != "(" or (at and tokens[at - 1].text == "."):
            continue
        if tokens[at].word in DATE_FUNCTIONS and tokens[at + 2].kind in {"word", "quoted"}:
            found[at + 2] = quote_text(tokens[at + 2].name)
        elif tokens[at].word == "LISTAGG":
            found |= _listagg(tokens, at)
    return found


def _listagg(tokens: Sequence[Token], at: int) -> dict[int, str]:
    """LISTAGG(x [, d]) [WITHIN GROUP (ORDER BY y)] → string_agg(x, d ORDER BY y).

    https://docs.aws.amazon.com/redshift/latest/dg/r_LISTAGG.html
    """
    end = matching(tokens, at + 1)
    delimiter = "" if len(split_commas(tokens[at + 2 : end])) > 1 else ", ''"
    found = {at: "string_agg"}
    if [token.word for token in tokens[end + 1 : end + 4]] == ["WITHIN", "GROUP", "("]:
        found |= {end: f"{delimiter} ", end + 1: "", end + 2: "", end + 3: ""}
    elif delimiter:
        found[end] = f"{delimiter})"
    return found
