"""Users, groups, roles and privileges: Redshift's spelling → PostgreSQL's, which has one name space for all three.

https://docs.aws.amazon.com/redshift/latest/dg/r_GRANT.html, …/r_REVOKE.html, …/r_ALTER_DEFAULT_PRIVILEGES.html, …/r_CREATE_USER.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from local.redshift.errors import GatewayError, Refused
from local.redshift.lexer import Statement, Token
from local.redshift.plans import Forward, Plan, quote_name

PRIVILEGES = {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "USAGE", "CREATE", "TEMP", "TEMPORARY", "EXECUTE",
              "ALL", "PRIVILEGES"}  # fmt: skip
USER_OPTIONS = {"WITH": 0, "PASSWORD": 1, "CREATEDB": 0, "NOCREATEDB": 0, "NOCREATEUSER": 0, "VALID": 2, "CONNECTION": 2, "IN": 2, "GROUP": 1,
                "RENAME": 2}  # fmt: skip
"""Options of a user with the number of words that follow each."""
DROPPED_OPTIONS = {"NOCREATEUSER"}


def plan_grant(statement: Statement) -> Plan | None:
    """GRANT, REVOKE and ALTER DEFAULT PRIVILEGES; None for any other statement."""
    tokens = statement.tokens
    words = [token.word for token in tokens]
    if words[:3] == ["ALTER", "DEFAULT", "PRIVILEGES"]:
        start = next((at for at, word in enumerate(words) if word in {"GRANT", "REVOKE"}), len(words))
    elif words[0] in {"GRANT", "REVOKE"}:
        start = 0
    else:
        return None
    if not (set(words[start:]) & {"TO", "FROM"}):
        raise GatewayError(f"syntax error in {words[0]}", sqlstate="42601")
    if "ROLE" not in words[start + 1 : start + 5] or "ON" in words[start:]:
        _check_privileges(words[start + 1 :])
    return Forward(" ".join(_written(tokens)), is_changed=True)


def plan_user(statement: Statement) -> Plan | None:
    """CREATE USER and ALTER USER with the options that are emulated; None for any other statement."""
    words = [token.word for token in statement.tokens]
    if words[:2] not in (["CREATE", "USER"], ["ALTER", "USER"]):
        return None
    at = 3
    while at < len(words) and words[at] not in {"SET", "RESET"}:
        if words[at] not in USER_OPTIONS:
            raise Refused(f"{words[0]} USER … {words[at] or 'an unnamed option'}")
        at += 1 + USER_OPTIONS[words[at]]
        while at < len(words) and words[at] == ",":
            at += 2
    return Forward(" ".join(_user_words(statement.tokens)), is_changed=True)


def _check_privileges(words: Sequence[str]) -> None:
    """Refuse privileges of Redshift's that PostgreSQL cannot hold: ALTER, DROP, ASSUMEROLE, and those FOR … IN a scope."""
    if words[:3] == ["GRANT", "OPTION", "FOR"]:
        words = words[3:]
    depth = 0
    for word in words:
        depth += {"(": 1, ")": -1}.get(word, 0)
        if word == "ON" and not depth:
            return
        if word not in PRIVILEGES | {",", ")"} and not depth:
            raise Refused(f"privilege {word}")
    raise Refused("GRANT without ON")


def _written(tokens: Sequence[Token]) -> Iterator[str]:
    """The same statement: ROLE goes, PostgreSQL knows no such word there; who may INSERT may also take the lock for it."""
    for index, token in enumerate(tokens):
        after = tokens[index + 1].text if index + 1 < len(tokens) else ""
        if token.word == "ROLE" and after not in {",", ".", ";", ""}:
            continue
        yield quote_name(token.name) if token.kind == "quoted" else token.text
        if token.word == "INSERT" and after.upper() in {",", "ON"}:
            yield ", MAINTAIN"


def _user_words(tokens: Sequence[Token]) -> Iterator[str]:
    for index, token in enumerate(tokens):
        before = tokens[index - 1].word if index else ""
        if token.word in DROPPED_OPTIONS and index > 2:
            continue
        if token.word == "DISABLE" and before == "PASSWORD":
            yield "NULL"
        elif token.word == "UNLIMITED" and before == "LIMIT":
            yield "-1"
        else:
            yield quote_name(token.name) if token.kind == "quoted" else token.text
