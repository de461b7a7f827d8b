"""One Redshift statement → a plan. Owns which statement goes where and the small rewrites; tables are in `tables`."""

from __future__ import annotations

from dataclasses import replace

from local.redshift import administration, grants, tables
from local.redshift.copy_syntax import plan_copy
from local.redshift.errors import Refused
from local.redshift.functions import replacements
from local.redshift.lexer import Statement, Token
from local.redshift.locks import read_write
from local.redshift.plans import Forward, Plan, Script, Unload, quote_name
from local.redshift.refusals import refuse
from local.redshift.unload_syntax import read_unload

REDSHIFT_SETTINGS = {
    "query_group",
    "enable_result_cache_for_session",
    "wlm_query_slot_count",
    "analyze_threshold_percent",
    "query_label",
}
# PostgreSQL 17 made json_serialize a keyword with other arguments: the schema names our function.
RENAMED_FUNCTIONS = {"NVL": "coalesce", "LEN": "char_length", "JSON_SERIALIZE": "pg_catalog.json_serialize"}
RENAMED_WORDS = {
    ("::", "SUPER"): "jsonb",
    ("::", "VARBYTE"): "bytea",
}  # after which word


def plan(statement: Statement) -> Plan:  # noqa: PLR0911 - a table of kinds reads best as one return each
    """Decide what to do with a statement.

    Raises:
        Refused: Redshift does not know it, or the gateway cannot emulate it.
    """
    refuse(statement)
    first, second = (*statement.words(2), "", "")[:2]
    if first == "COPY":
        return plan_copy(statement)
    if first == "UNLOAD":
        return _plan_unload(statement)
    if first == "CREATE" and (found := tables.plan_create(statement, _sql)) is not None:
        return found
    if first == "CREATE" and "VIEW" in statement.words(4):
        return Forward(_sql(statement, _without_schema_binding(statement)), is_changed=True)
    if (first, second) == ("ALTER", "TABLE"):
        return tables.plan_alter(statement, _sql)
    if first == "TRUNCATE":
        return _plan_truncate(statement)
    if (found := _plan_administration(statement, first)) is not None:
        return found
    sql = _sql(statement, statement.tokens)
    return Forward(sql, is_changed=sql != statement.text, write=read_write(statement))


def _plan_truncate(statement: Statement) -> Script:
    names = statement.tokens[2:] if statement.words(2)[1:] == ("TABLE",) else statement.tokens[1:]
    if any(token.text == "," or token.word in {"CASCADE", "RESTART", "CONTINUE", "ONLY"} for token in names):
        raise Refused("TRUNCATE with more than a table name", "Redshift truncates one table")
    return Script((f"TRUNCATE TABLE {_sql(statement, names)}",), "TRUNCATE TABLE", commits=True)


def _plan_unload(statement: Statement) -> Unload:
    query, found = read_unload(statement)
    refuse(query)
    return replace(found, query=_sql(query, query.tokens))


def _plan_administration(statement: Statement, first: str) -> Plan | None:
    if first in {"VACUUM", "ANALYZE"}:
        return administration.plan_maintenance(statement, first, _sql)
    if first in {"BEGIN", "START"}:
        return administration.plan_begin(statement)
    if first == "CANCEL":
        return administration.plan_cancel(statement)
    if first == "SET" and administration.setting_words(statement.tokens):
        raise Refused("SET of an isolation level", "the database's own holds: ALTER DATABASE … ISOLATION LEVEL")
    if first in {"SET", "SHOW", "RESET"}:
        return Forward(_rename_setting(statement), is_changed=True)
    return administration.plan_database(statement) or grants.plan_grant(statement) or grants.plan_user(statement)


def _rename_setting(statement: Statement) -> str:
    tokens = statement.tokens
    at = 2 if len(tokens) > 2 and tokens[1].word in {"SESSION", "LOCAL"} else 1
    if len(tokens) <= at or tokens[at].name not in REDSHIFT_SETTINGS:
        return statement.text
    # A custom parameter of PostgreSQL: kept for the session and shown again, without effect.
    name = tokens[at]
    return f"{statement.text[: name.start]}esteira.{name.name}{statement.text[name.end :]}"


def _without_schema_binding(statement: Statement) -> tuple[Token, ...]:
    tokens = statement.tokens
    if tuple(token.word for token in tokens[-4:]) == ("WITH", "NO", "SCHEMA", "BINDING"):
        return tokens[:-4]
    return tokens


def _sql(statement: Statement, tokens: tuple[Token, ...] | list[Token]) -> str:
    """Write the text that spans `tokens`, with Redshift's names replaced by PostgreSQL's."""
    if not tokens:
        return ""
    whole = len(tokens) == len(statement.tokens)
    parts, at = [], 0 if whole else tokens[0].start
    calls = replacements(tokens)
    for index, token in enumerate(tokens):
        replacement = calls[index] if index in calls else _replacement(tokens, index, token)
        if replacement is not None:
            parts += [statement.text[at : token.start], replacement]
            at = token.end
    parts.append(statement.text[at : None if whole else tokens[-1].end])
    return "".join(parts)


def _replacement(tokens: tuple[Token, ...] | list[Token], index: int, token: Token) -> str | None:
    if token.kind == "quoted":  # Redshift folds quoted names too, unless enable_case_sensitive_identifier is on
        return quote_name(token.name) if token.name != token.text[1:-1] else None
    before = tokens[index - 1].text.upper() if index else ""
    if token.kind != "word" or before == ".":
        return None
    if index + 1 < len(tokens) and tokens[index + 1].text == "(":
        return RENAMED_FUNCTIONS.get(token.word)
    return "pg_catalog.sysdate()" if token.word == "SYSDATE" else RENAMED_WORDS.get((before, token.word))
