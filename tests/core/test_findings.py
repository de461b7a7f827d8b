"""What whole-batch rules found, said in both languages."""

from string import Formatter

import pytest

from esteira import findings
from esteira.findings import Finding, finding, read, sentence, written

SAID = [
    (
        finding("volume", rows=5_000, usual=20.4, low=6.0, high=1_062.4, batches=8),
        "Volume: 5,000 rows; 20 are usual (6 to 1,062, 8 like batches).",
        "Volume: 5.000 linhas; o usual são 20 (de 6 a 1.062, 8 lotes semelhantes).",
    ),
    (
        finding("most_nulls", column="amount", nulls=3, rows=8, share=0.375, limit=0.25),
        "NullRate amount: 3 of 8 rows are empty, 37.50%; at most 25.00% are allowed.",
        "NullRate amount: 3 de 8 linhas estão vazias, 37,50%; são permitidos no máximo 25,00%.",
    ),
    (
        finding("freshness", column="at", newest="2014-01-01", end="2014-01-02T00:00Z", behind_hours=72.0, within_hours=3.0),
        "Freshness at: the newest value is 2014-01-01, 3.0 days before the window's end (2014-01-02T00:00Z); at most 3.0 hours are allowed.",
        "Freshness at: o valor mais novo é 2014-01-01, 3,0 dias antes do fim da janela (2014-01-02T00:00Z); são permitidos no máximo 3,0 horas.",
    ),
    (
        finding(
            "distribution", column="x", group="between", low="1.5", high="2", index=0.5, highest=0.2, batches=8, rows=9_000, share=0.4, expected=0.1
        ),
        "Distribution x: stability index 0.50, up to 0.20 is usual (8 like batches). Most changed: values from 1.5 to 2 have 40.0% of 9,000 rows instead of 10.0%.",
        "Distribution x: índice de estabilidade 0,50, o usual é até 0,20 (8 lotes semelhantes). O que mais mudou: valores de 1.5 a 2 são 40,0% de 9.000 linhas em vez de 10,0%.",
    ),
    (
        finding("reference", column="dest", target="airports.faa", rows=7602, values="BQN, {x}"),
        "dest: 7602 rows name airports.faa that do not exist: BQN, {x}.",
        "dest: 7602 linhas citam airports.faa que não existem: BQN, {x}.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("found", "english", "portuguese"), SAID, ids=lambda each: getattr(each, "rule", None))
def test_a_finding_is_said_in_both_languages_and_keeps_its_figures_in_the_ledger(
    found: Finding, english: str, portuguese: str
):
    assert (sentence(found), sentence(found, "pt")) == (english, portuguese)
    assert read(written((found,))) == (found,)


def test_both_languages_know_the_same_sentences_with_the_same_figures():
    english, portuguese = findings._WORDS["en"], findings._WORDS["pt"]
    assert english.keys() == portuguese.keys()
    for name, words in english.items():
        assert _named(words) == _named(portuguese[name]), name


def _named(words: str) -> set[tuple[str, str]]:
    return {(name, spec or "") for _, name, spec, _ in Formatter().parse(words) if name}


def test_a_rule_that_only_a_later_version_knows_has_no_sentence_and_is_read_all_the_same():
    (found,) = read('[{"rule":"phase_of_the_moon","facts":{"share":0.5},"since":9}]')
    assert sentence(found) is None


@pytest.mark.parametrize(("hours", "said"), [(47.9, "47.9 hours"), (48.0, "2.0 days"), (24 * 500, "500.0 days")])
def test_a_span_is_told_in_hours_up_to_two_days(hours: float, said: str):
    found = finding("freshness", column="at", newest="x", end="y", behind_hours=hours, within_hours=1.0)
    assert f"{said} before" in str(sentence(found))
