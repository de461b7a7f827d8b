"""UNLOAD's text → a plan. Parquet under a role; every other form is refused by name.

https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html
"""

from __future__ import annotations

from local.redshift.errors import GatewayError, Refused
from local.redshift.lexer import Statement, Token, split, top_level_words
from local.redshift.plans import Unload

UNLOAD_WHY = "the local Redshift unloads FORMAT PARQUET under an IAM_ROLE only"


def read_unload(statement: Statement) -> tuple[Statement, Unload]:
    """Read an UNLOAD statement; return its query, still as Redshift's, beside the plan that lacks it.

    Raises:
        Refused: Another format, credential or option than the ones emulated.
    """
    tokens = statement.tokens
    shape = [token.kind if token.kind == "string" else token.word for token in tokens[1:6]]
    if shape != ["(", "string", ")", "TO", "string"]:
        raise GatewayError("syntax error in UNLOAD", sqlstate="42601")
    target = _text(tokens[5])
    if not target.startswith("s3://"):
        raise Refused(f"UNLOAD TO {target.split(':')[0]}", UNLOAD_WHY)
    (role, switches), partitions = _options(_without_partitions(tokens[6:])), _partitions(tokens[6:])
    if not role:
        raise Refused("UNLOAD without IAM_ROLE", "session keys must not be in the SQL text")
    if "PARQUET" not in switches:
        raise Refused("UNLOAD without FORMAT PARQUET", UNLOAD_WHY)
    return _query(_text(tokens[2])), Unload("", target, role, frozenset(switches), partitions)


def _query(text: str) -> Statement:
    found = split(text)
    if len(found) != 1 or found[0].words(1) not in {("SELECT",), ("WITH",)}:
        raise GatewayError("UNLOAD takes one SELECT", sqlstate="42601")
    if "LIMIT" in {word for _, word in top_level_words(found[0].tokens)}:
        raise GatewayError("Limit clause is not supported", sqlstate="0A000")
    return found[0]


def _partitions(tokens: tuple[Token, ...]) -> tuple[str, ...]:
    """The columns of PARTITION BY (a, b); INCLUDE is refused as an option."""
    start, end = _partition_span(tokens)
    return tuple(token.name for token in tokens[start + 3 : end - 1] if token.word != ",")


def _without_partitions(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    start, end = _partition_span(tokens)
    return tokens[:start] + tokens[end:]


def _partition_span(tokens: tuple[Token, ...]) -> tuple[int, int]:
    words = [token.word for token in tokens]
    if "PARTITION" not in words:
        return len(tokens), len(tokens)
    start = words.index("PARTITION")
    if words[start + 1 : start + 3] != ["BY", "("] or ")" not in words[start:]:
        raise GatewayError("syntax error in UNLOAD", sqlstate="42601")
    return start, words.index(")", start) + 1


def _options(tokens: tuple[Token, ...]) -> tuple[str, set[str]]:
    role, switches, at = "", set[str](), 0
    while at < len(tokens):
        word, after = tokens[at].word, tokens[at + 1] if at + 1 < len(tokens) else tokens[at]
        if word == "IAM_ROLE" and after.kind == "string":
            role, at = _text(after), at + 2
        elif word == "FORMAT":
            at += 2 if after.word == "AS" else 1
        elif word == "PARALLEL":
            switches |= {"SERIAL"} if after.word in {"OFF", "FALSE"} else set()
            at += 2
        elif (
            word == "ENCRYPTED" and after.word == "AUTO"
        ):  # the bucket's own encryption, which is what happens without a header
            at += 2
        elif word in {"PARQUET", "ALLOWOVERWRITE"} or (word == "MANIFEST" and after.word != "VERBOSE"):
            switches.add(word)
            at += 1
        else:
            raise Refused(f"UNLOAD … {word or 'an unnamed option'}", UNLOAD_WHY)
    return role, switches


def _text(token: Token) -> str:
    if token.text.startswith("$"):
        edge = token.text.index("$", 1) + 1
        return token.text[edge:-edge]
    return token.text[1:-1].replace("''", "'")
