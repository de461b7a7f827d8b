"""Each rule in words, in both languages."""

import pytest

from esteira.quality.words import sentence
from esteira.standards import STANDARDS
from tests.core.small import curated, record

SAID = [
    ("less_than_or_equal_to(100)", "x is “7” and must be at most 100.", "x é “7” e deve ser no máximo 100."),
    ("greater_than_or_equal_to(0)", "x is “7” and must be at least 0.", "x é “7” e deve ser no mínimo 0."),
    ("greater_than_or_equal_to(2013-01-01 00:00:00)", "x is “7” and must be at least 2013-01-01 00:00:00.", "x é “7” e deve ser no mínimo 2013-01-01 00:00:00."),
    ("in_range(1, 60)", "x is “7” and must lie between 1 and 60.", "x é “7” e deve estar entre 1 e 60."),
    ("isin(['EWR', 'JFK'])", "x is “7” and must be one of EWR, JFK.", "x é “7” e deve ser um destes valores: EWR, JFK."),
    ("str_matches('^[A-Z]{2}$')", "x is “7” and must follow the pattern ^[A-Z]{2}$.", "x é “7” e deve seguir o padrão ^[A-Z]{2}$."),
    ("str_length(3)", "x is “7” and must have 3 characters.", "x é “7” e deve ter 3 caracteres."),
    ("str_length(3, 4)", "x is “7” and must have 3 to 4 characters.", "x é “7” e deve ter de 3 a 4 caracteres."),
    ("str_length(None, 4)", "x is “7” and must have at most 4 characters.", "x é “7” e deve ter no máximo 4 caracteres."),
    ("str_length(3, None)", "x is “7” and must have at least 3 characters.", "x é “7” e deve ter no mínimo 3 caracteres."),
    ("max_bytes(256)", "x is “7” and must have at most 256 bytes in UTF-8.", "x é “7” e deve ter no máximo 256 bytes em UTF-8."),
    ("type", "x is “7” and must fit the column's type.", "x é “7” e deve caber no tipo da coluna."),
    ("json", "x is “7” and must be JSON.", "x é “7” e deve ser JSON."),
    ("not_nullable", "x is empty and must not be.", "x está vazio e não pode estar."),
    ("duplicate key", "x stands twice in the record.", "x aparece duas vezes no registro."),
    ("cpf", "x is “7” and is not a CPF with the right check digits.", "x é “7” e não é um CPF com os dígitos verificadores certos."),
    ("cpf(bare)", "x is “7” and is not a CPF with the right check digits, without punctuation.", "x é “7” e não é um CPF com os dígitos verificadores certos, sem pontuação."),
    ("no spaces", "x is “7” and breaks the rule no spaces.", "x é “7” e viola a regra no spaces."),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "english", "portuguese"), SAID)
def test_a_rule_is_said_in_words(rule: str, english: str, portuguese: str):
    assert (sentence("x", rule, "7"), sentence("x", rule, "7", "pt")) == (english, portuguese)


def test_a_rule_over_several_columns_is_said_of_the_row():
    assert (
        sentence("*", "low_is_below_high", "")
        == "The row breaks the rule low_is_below_high, which looks at several columns."
    )
    assert sentence("*", "low_is_below_high", "", "pt").startswith("A linha viola a regra low_is_below_high")


def test_long_values_and_long_lists_are_cut():
    said = sentence("x", f"isin({list(range(40))})", "y" * 500)
    assert len(said) < 200
    assert "“" + "y" * 80 + "…”" in said
    assert "9 and 30 others" in said


@pytest.mark.parametrize(
    "hostile", ["equal_to({0.__class__})", "str_matches('{9}')", "isin([", "in_range(1)", "str_length()", "", "("]
)
def test_no_rule_is_too_strange_for_a_sentence(hostile: str):
    assert sentence("x", hostile, "{value}").startswith("x is “{value}” and ")


@pytest.mark.parametrize("name", STANDARDS)
def test_each_standard_has_a_sentence(name: str):
    assert STANDARDS[name].words["pt"] in sentence("x", name, "7", "pt")


def test_the_words_fit_the_rules_that_quarantine_names():
    found = curated(record(small=101), record(id=None), record(text="a", small="x"))
    said = [sentence(row["column"], row["rule"], row["value"]) for row in found.bad.to_pylist()]
    assert said == [
        "small is “101” and must be at most 100.",
        "id is empty and must not be.",
        "small is “x” and must fit the column's type.",
    ]
