"""COPY's text → a plan. Accepts the one form the load path uses; refuses every other by name."""

from __future__ import annotations

from local.redshift.errors import GatewayError, Refused
from local.redshift.lexer import Statement, Token, matching
from local.redshift.plans import Copy, quote_name

IGNORED_SWITCHES = {"STATUPDATE", "COMPUPDATE"}
COPY_WHY = "the local Redshift copies FORMAT PARQUET from a MANIFEST under an IAM_ROLE only"


def plan_copy(statement: Statement) -> Copy:
    """Read a COPY statement.

    Raises:
        Refused: Another source, format, credential or option than the ones emulated.
    """
    tokens = statement.tokens
    table, at = _table(tokens)
    columns, at = _columns(tokens, at)
    if [token.word for token in tokens[at : at + 1]] != ["FROM"]:
        raise Refused("COPY … TO", "Redshift writes with UNLOAD")
    source = _text(tokens, at + 1, "COPY FROM " + (tokens[at + 1].text if at + 1 < len(tokens) else "nothing"))
    if not source.startswith("s3://"):
        raise Refused(f"COPY FROM {source.split(':')[0]}", COPY_WHY)
    role, switches = _options(tokens, at + 2)
    if not role:
        raise Refused("COPY without IAM_ROLE", "session keys must not be in the SQL text")
    if "PARQUET" not in switches:
        raise Refused("COPY without FORMAT PARQUET", COPY_WHY)
    if "MANIFEST" not in switches:
        raise Refused("COPY without MANIFEST", COPY_WHY)
    return Copy(table, columns, source, role)


def _table(tokens: tuple[Token, ...]) -> tuple[str, int]:
    at, parts = 1, list[str]()
    while at < len(tokens) and tokens[at].kind in {"word", "quoted"}:
        parts.append(quote_name(tokens[at].name))
        at += 1
        if at >= len(tokens) or tokens[at].text != ".":
            break
        at += 1
    if not parts:
        raise GatewayError("syntax error in COPY: a table name is missing", sqlstate="42601")
    return ".".join(parts), at


def _columns(tokens: tuple[Token, ...], at: int) -> tuple[tuple[str, ...], int]:
    if at >= len(tokens) or tokens[at].text != "(":
        return (), at
    end = matching(tokens, at)
    return tuple(token.name for token in tokens[at + 1 : end] if token.text != ","), end + 1


def _options(tokens: tuple[Token, ...], at: int) -> tuple[str, set[str]]:
    role, switches = "", set[str]()
    while at < len(tokens):
        word = tokens[at].word
        if word == "IAM_ROLE":
            role, at = _text(tokens, at + 1, "COPY IAM_ROLE default"), at + 2
        elif word == "FORMAT":
            at += 2 if tokens[at + 1 : at + 2] and tokens[at + 1].word == "AS" else 1
        elif word in {"PARQUET", "MANIFEST"}:
            switches.add(word)
            at += 1
        elif word in IGNORED_SWITCHES:
            at += 2 if at + 1 < len(tokens) and tokens[at + 1].word in {"ON", "OFF", "TRUE", "FALSE", "PRESET"} else 1
        else:
            raise Refused(f"COPY … {word or 'an unnamed option'}", COPY_WHY)
    return role, switches


def _text(tokens: tuple[Token, ...], at: int, construct: str) -> str:
    if at >= len(tokens) or tokens[at].kind != "string":
        raise Refused(construct, COPY_WHY)
    return tokens[at].text[1:-1].replace("''", "'")
