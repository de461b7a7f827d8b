"""What is refused with SQLSTATE 0A000, by name: never pretend. One table per kind of rule."""

from __future__ import annotations

from local.redshift.errors import Refused
from local.redshift.lexer import Statement, top_level_words

NOT_IN_REDSHIFT = "Redshift does not know it"
NOT_EMULATED = "the local Redshift does not emulate it"

# Leading keywords → why.
STATEMENTS: dict[tuple[str, ...], str] = {
    ("CREATE", "INDEX"): NOT_IN_REDSHIFT,
    ("CREATE", "UNIQUE", "INDEX"): NOT_IN_REDSHIFT,
    ("CREATE", "EXTENSION"): NOT_IN_REDSHIFT,
    ("CREATE", "SEQUENCE"): NOT_IN_REDSHIFT,
    ("CREATE", "TRIGGER"): NOT_IN_REDSHIFT,
    ("CREATE", "DOMAIN"): NOT_IN_REDSHIFT,
    ("CREATE", "TYPE"): NOT_IN_REDSHIFT,
    ("CREATE", "RULE"): NOT_IN_REDSHIFT,
    ("CREATE", "UNLOGGED"): NOT_IN_REDSHIFT,
    ("CREATE", "MATERIALIZED"): NOT_EMULATED,
    ("CREATE", "EXTERNAL"): NOT_EMULATED,
    ("CREATE", "DATASHARE"): NOT_EMULATED,
    ("CREATE", "MODEL"): NOT_EMULATED,
    ("CREATE", "LIBRARY"): NOT_EMULATED,
    ("CREATE", "PROCEDURE"): NOT_EMULATED,
    ("CREATE", "FUNCTION"): NOT_EMULATED,
    ("CREATE", "OR", "REPLACE", "FUNCTION"): NOT_EMULATED,
    ("CREATE", "OR", "REPLACE", "PROCEDURE"): NOT_EMULATED,
    ("CREATE", "FOREIGN"): NOT_IN_REDSHIFT,
    ("SAVEPOINT",): NOT_IN_REDSHIFT,
    ("ROLLBACK", "TO"): NOT_IN_REDSHIFT,
    ("RELEASE",): NOT_IN_REDSHIFT,
    ("PREPARE", "TRANSACTION"): NOT_IN_REDSHIFT,
    ("LISTEN",): NOT_IN_REDSHIFT,
    ("NOTIFY",): NOT_IN_REDSHIFT,
    ("DO",): NOT_IN_REDSHIFT,
    ("CLUSTER",): NOT_IN_REDSHIFT,
    ("REINDEX",): NOT_IN_REDSHIFT,
}
# Keywords outside parentheses, in order and side by side, by leading keyword → why.
CLAUSES: dict[str, dict[tuple[str, ...], str]] = {
    "INSERT": {("ON", "CONFLICT"): NOT_IN_REDSHIFT, ("RETURNING",): NOT_IN_REDSHIFT},
    "UPDATE": {("RETURNING",): NOT_IN_REDSHIFT},
    "DELETE": {("RETURNING",): NOT_IN_REDSHIFT},
    "MERGE": {
        ("RETURNING",): NOT_IN_REDSHIFT,
        ("REMOVE", "DUPLICATES"): NOT_EMULATED,
        ("DO", "NOTHING"): NOT_IN_REDSHIFT,
        ("MATCHED", "AND"): NOT_IN_REDSHIFT,
        ("BY", "SOURCE"): NOT_IN_REDSHIFT,
        ("BY", "TARGET"): NOT_IN_REDSHIFT,
    },
    "SELECT": {
        ("FOR", "UPDATE"): NOT_IN_REDSHIFT,
        ("FOR", "SHARE"): NOT_IN_REDSHIFT,
        ("DISTINCT", "ON"): NOT_IN_REDSHIFT,
    },
    "WITH": {("RETURNING",): NOT_IN_REDSHIFT, ("FOR", "UPDATE"): NOT_IN_REDSHIFT},
}
FUNCTIONS: dict[str, str] = dict.fromkeys(
    ("CONVERT_TIMEZONE", "DECODE", "MEDIAN", "FUNC_SHA1", "JSON_EXTRACT_PATH_TEXT"),
    NOT_EMULATED,
)


def refuse(statement: Statement) -> None:
    """Refuse what must not be passed on.

    Raises:
        Refused: Names the construct.
    """
    leading = statement.words(4)
    for words, why in STATEMENTS.items():
        if leading[: len(words)] == words:
            raise Refused(" ".join(words), why)
    _refuse_clauses(statement, leading[0] if leading else "")
    _refuse_functions(statement)
    if leading and leading[0] == "MERGE":
        _refuse_one_sided_merge(statement)


def _refuse_clauses(statement: Statement, first: str) -> None:
    clauses = CLAUSES.get(first)
    if not clauses:
        return
    words = [word for _, word in top_level_words(statement.tokens)]
    for clause, why in clauses.items():
        if any(tuple(words[at : at + len(clause)]) == clause for at in range(len(words))):
            raise Refused(f"{first} … {' '.join(clause)}", why)


def _refuse_functions(statement: Statement) -> None:
    tokens = statement.tokens
    for index in range(len(tokens) - 1):
        if tokens[index + 1].text == "(" and tokens[index].kind == "word" and tokens[index].word in FUNCTIONS:
            raise Refused(f"{tokens[index].word}()", FUNCTIONS[tokens[index].word])


def _refuse_one_sided_merge(statement: Statement) -> None:
    words = [word for _, word in top_level_words(statement.tokens)]
    clauses = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "WHEN"]
    if sorted(clauses) != ["MATCHED", "NOT"]:
        raise Refused("MERGE without exactly one WHEN MATCHED and one WHEN NOT MATCHED", NOT_IN_REDSHIFT)
    if "USING" in words and words.index("USING") > 3 and "." not in words[: words.index("USING")]:
        raise Refused("MERGE INTO target with an alias", NOT_IN_REDSHIFT)
