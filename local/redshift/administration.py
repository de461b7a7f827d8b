"""Statements about sessions, transactions, maintenance and databases: Redshift's spelling → PostgreSQL's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from local.redshift.errors import Refused
from local.redshift.lexer import Statement, Token
from local.redshift.plans import Forward, Plan, Script, quote_text

Rewrite = Callable[[Statement, tuple[Token, ...] | list[Token]], str]
IN_TRANSACTION = "{} cannot run inside a transaction block"
VACUUM_KINDS = {"FULL", "SORT", "DELETE", "ONLY", "REINDEX", "RECLUSTER", "BOOST"}
ISOLATION_WORDS = {"SERIALIZABLE": 1, "SNAPSHOT": 1, "REPEATABLE": 2, "READ": 2}


def plan_cancel(statement: Statement) -> Plan:
    """CANCEL pid ['message']: https://docs.aws.amazon.com/redshift/latest/dg/r_CANCEL.html ."""
    if len(statement.tokens) < 2 or statement.tokens[1].kind != "number":
        raise Refused("CANCEL without a process number", "Redshift does not know it")
    return Script((f"SELECT pg_cancel_backend({statement.tokens[1].text})",), "CANCEL")


def plan_begin(statement: Statement) -> Plan:
    """BEGIN and START TRANSACTION: an isolation level is accepted and changes nothing, as the database's own holds.

    https://docs.aws.amazon.com/redshift/latest/dg/r_BEGIN.html
    """
    words = [token.word for token in statement.tokens]
    if "ISOLATION" not in words:
        return Forward(statement.text)
    at = words.index("ISOLATION")
    end = at + 2 + ISOLATION_WORDS.get(words[at + 2] if at + 2 < len(words) else "", 1)
    kept = [token.text for index, token in enumerate(statement.tokens) if not at <= index < end and token.text != ","]
    return Forward(" ".join(kept), is_changed=True)


def plan_maintenance(statement: Statement, verb: str, write: Rewrite) -> Plan:
    """VACUUM and ANALYZE in all of Redshift's forms; PostgreSQL's plain ones do the work.

    https://docs.aws.amazon.com/redshift/latest/dg/r_VACUUM_command.html, …/r_ANALYZE.html
    """
    rest = list(statement.tokens[1:])
    if verb == "ANALYZE" and rest and rest[0].word == "COMPRESSION":
        raise Refused("ANALYZE COMPRESSION")
    if any(token.text == "(" and index == 0 for index, token in enumerate(rest)):
        raise Refused(f"{verb} (…)", "Redshift does not know it")
    while rest and rest[0].word in VACUUM_KINDS | {"VERBOSE"}:
        rest = rest[1:]
    stops = [index for index, token in enumerate(rest) if token.word in {"TO", "PREDICATE", "ALL", "BOOST"}]
    target = rest[: stops[0]] if stops else rest
    sql = f"{verb} {write(statement, target)}".rstrip()
    if verb == "ANALYZE":
        return Forward(sql, is_changed=True)
    return Script((sql,), verb, is_forbidden_in_transaction=IN_TRANSACTION.format(verb))


def plan_database(statement: Statement) -> Plan | None:
    """ALTER DATABASE d ISOLATION LEVEL l; None for any other statement.

    https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_DATABASE.html: not in a transaction, and nobody else may be connected.
    """
    words = [token.word for token in statement.tokens]
    if words[:2] != ["ALTER", "DATABASE"] or words[3:5] != ["ISOLATION", "LEVEL"]:
        return None
    if words[5:] not in (["SNAPSHOT"], ["SERIALIZABLE"]):
        raise Refused(f"ISOLATION LEVEL {' '.join(words[5:])}", "Redshift knows SNAPSHOT and SERIALIZABLE")
    level = "repeatable read" if words[5] == "SNAPSHOT" else "serializable"
    name = statement.tokens[2].name
    call = f"SELECT esteira_gateway.set_isolation({quote_text(name)}, {quote_text(level)})"
    text = IN_TRANSACTION.format("ALTER DATABASE ISOLATION LEVEL")
    return Script((call,), "ALTER DATABASE", is_forbidden_in_transaction=text, changes_isolation=True)


def setting_words(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The keywords of SET, to see whether it would change the isolation level behind the database's back."""
    return tuple(
        token.word
        for token in tokens
        if token.word in {"ISOLATION", "DEFAULT_TRANSACTION_ISOLATION", "TRANSACTION_ISOLATION"}
    )
