"""A batch's page and the catalogue: what they say, in both languages, and that nobody's text runs in them or asks for anything."""

from __future__ import annotations

import dataclasses
import re
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd
import pandera.pandas as pa
import pytest

from esteira.contract import ApiSource, Append, Dataset
from esteira.findings import finding, sentence
from esteira.redaction import MASK
from esteira.report import BatchFacts, Sample, render_batch, render_catalogue
from esteira.report.amounts import age, count, decimal, measure, moment, share, size, window
from esteira.report.flow import Band, flow_of
from esteira.report.foreign import quoted, shown
from esteira.report.plots import bands, bars, densities, histogram, line
from esteira.report.words import WORDS
from esteira.warehouse.states import DatasetState
from tests.core.reported import END, STAGE, Profile, batch, catalogue, entry, flights, full, read, seal, wide

LANGUAGES = ("pt-BR", "en")
SCRIPT = "<script>alert(1)</script>"
HOSTILE = (
    SCRIPT,
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}",
    "</style><script>alert(2)</script>",
    "javascript:alert(1)",
    "\u202egnp.exe",
    "\x00\x1b[31m",
)


class Person(pa.DataFrameModel):
    """People."""

    document: pd.StringDtype = pa.Field(description="Document", metadata={"pii": True})
    years: pd.Int64Dtype = pa.Field(description="Age", metadata={"pii": True})
    city: pd.StringDtype = pa.Field(description="City")


PEOPLE = Dataset(name="people", source=ApiSource(portal="p", path="/people"), schema=Person, write=Append())


def page(facts: BatchFacts, language: str = "en") -> str:
    return read(render_batch(facts), language).text


def test_a_clean_batch_is_called_complete_in_both_languages():
    assert "Complete: 1,000 rows, none refused" in page(batch())
    assert "Completo: 1.000 linhas, nenhuma recusada" in page(batch(), "pt-BR")
    assert "Every one of the 1,000 rows that the portal reported is accounted for." in page(batch())


def test_each_term_of_the_equation_stands_in_the_page_with_its_rows():
    text = page(full())
    for term in (
        "curated 336,000",
        "quarantined 776",
        "inserted 335,000",
        "updated 200",
        "unchanged 700",
        "stale 60",
        "duplicate 40",
    ):
        assert term in text
    assert "aprovadas 336.000" in page(full(), "pt-BR")


def test_quarantine_and_warnings_make_the_headline():
    assert "Loaded, with 776 rows in quarantine and 2 warnings" in page(full())
    assert "Carregado com 776 linhas em quarentena e 2 avisos" in page(full(), "pt-BR")
    assert "Loaded, with 1 row in quarantine" in page(batch(entry(quarantined=1, curated=999, inserted=899)))


def test_a_rule_across_columns_has_words_instead_of_a_star():
    text = page(full())
    assert "whole row arrives after it departs" in text
    assert "whole row *" not in text


@pytest.mark.parametrize(
    ("state", "english", "portuguese"),
    [
        ("given_up", "Given up: no row was loaded", "Abandonado: nenhuma linha foi carregada"),
        ("undone", "Taken out of the warehouse", "Retirado do data warehouse"),
        ("unchanged", "Nothing has changed at the portal", "Nada mudou no portal"),
        ("skipped", "Skipped by decision: no row was loaded", "Pulado por decisão: nenhuma linha foi carregada"),
    ],
)  # fmt: skip
def test_a_batch_that_loaded_nothing_says_why_and_shows_no_empty_tables(state: Any, english: str, portuguese: str):
    facts = batch(
        entry(state=state, reason="because of the rain", extracted=0, curated=0, inserted=0, unchanged=0, seal_hash=""),
        raw=None,
        curated=None,
    )
    text = page(facts)
    assert english in text
    assert "because of the rain" in text
    assert "Where the rows went" not in text
    assert portuguese in page(facts, "pt-BR")


def test_an_undone_batch_names_the_rows_that_it_took_out():
    facts = batch(entry(state="undone", generation=2, extracted=0), before=entry(generation=1))
    assert "Generation 1 had 1,000 rows; what it had replaced came back." in page(facts)


def test_a_replaced_generation_leads_to_the_one_that_stands():
    rendered = render_batch(batch(replaced_by=3))
    assert "A later generation (3) replaced the rows of this one." in read(rendered).text
    assert "3.html" in read(rendered).addresses


def test_what_is_not_there_is_said_in_words():
    text = page(batch(history=(entry(),)))
    assert "No row broke a rule." in text
    assert "No whole-batch rule warned." in text
    assert "There is no profile of this batch's columns." in text
    assert "This is the first batch" in text
    assert "the reasons cannot be counted" in page(batch(raw=None, curated=None))


def test_a_portal_that_told_another_total_is_not_glossed_over():
    assert "The portal reported 1,003 rows, and 1,000 arrived." in page(batch(entry(total_reported=1_003)))
    assert "The portal reports no total" in page(batch(entry(total_reported=None)))


def test_rows_that_a_person_had_erased_are_accounted_for():
    one = entry(total_reported=1_003)
    assert "3 were erased since" in page(batch(one, raw=seal(one, erased=3)))


def test_freshness_is_judged_at_the_runs_moment():
    assert "Fresh 6 h of at most 26 h, as of Jan 2, 2014, 06:00 UTC" in page(batch())
    old = batch(watermark=END)
    assert "Fresh 6 h" in page(dataclasses.replace(old, entry=entry(9))), "an old batch does not make the dataset late"
    late = dataclasses.replace(STAGE, as_of=END + timedelta(hours=27))
    assert "Late 27 h of at most 26 h" in page(batch(stage=late))


def test_the_proof_names_seals_parts_run_and_version():
    one = entry()
    raw = seal(one, attempt="ffffffff")
    text = page(batch(one, raw=raw))
    assert raw.hash in text
    assert one.seal_hash in text
    assert "1 part, 1.23 MB" in text
    assert "flights 2014-01-02" in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_text_is_shown_and_never_obeyed(hostile: str):
    one = entry(run=hostile, warnings=(f"dest: {hostile}",), reason=hostile)
    reason = f"{hostile}: {hostile}"
    facts = batch(
        one, curated=seal(one, reasons={reason: 3}), samples=(Sample(reason, hostile, hostile),),
        profiles=(Profile("carrier", 1_000, 0, 3, hostile, hostile, None, (), ((hostile, 400),)),),
    )  # fmt: skip
    found, clean = read(render_batch(facts)), read(render_batch(full()))
    assert found.scripts == clean.scripts
    assert len(found.scripts) == 1
    assert found.handlers == []
    assert {address.split("?")[0] for address in found.addresses} <= {*clean.addresses}
    assert "49" not in found.text.split("dest:")[1][:20]
    assert not set("\u202e\x00\x1b") & set(found.text)


def test_what_whole_batch_rules_found_is_said_in_the_page_s_language_and_older_texts_as_they_are():
    found = finding("reference", column="dest", target="airports.faa", rows=7602, values="BQN")
    english = "dest: 7602 rows name airports.faa that do not exist: BQN."
    facts = batch(entry(warnings=("tailnum: said long ago.", english), findings=(found,)))
    portuguese = page(facts, "pt-BR")
    assert "dest: 7602 linhas citam airports.faa que não existem: BQN." in portuguese
    assert english not in portuguese
    assert english in page(facts)
    for language in LANGUAGES:
        assert "tailnum: said long ago." in page(facts, language)


def test_a_text_of_64_kb_is_cut_and_its_length_said():
    text = "x" * 65_535
    assert shown(text) == f"{'x' * 120}… (65535)"
    rendered = render_batch(batch(profiles=(Profile("carrier", 9, 0, 1, text, text, None, (), ((text, 9),)),)))
    assert len(rendered) < 100_000


def test_a_text_from_right_to_left_stays_in_its_place():
    assert quoted("\u05e9\u05dc\u05d5\u05dd") == "\u2068\u05e9\u05dc\u05d5\u05dd\u2069"
    assert shown("a\u202eb\nc") == "a[U+202E]b[U+000A]c"


def test_no_value_of_a_personal_column_reaches_the_page():
    secrets = ("529.982.247-25", "41", "97")
    told = (
        "document: 2 rows name persons.document that do not exist: 529.982.247-25.",
        "Unique(city, document): repeats: Recife/529.982.247-25.",
    )
    found = finding("unique", column="city, document", values="Recife/529.982.247-25")
    one = entry(warnings=(*told, str(sentence(found))), findings=(found,))
    reasons = {"document: cpf": 4, "*: older than the parents": 2, "city: str_length": 1}
    facts = batch(
        one, dataset=PEOPLE, raw=seal(one), curated=seal(one, reasons=reasons),
        samples=tuple(Sample(reason, "page 1, record 1", "529.982.247-25") for reason in ("document: cpf", "*: older than the parents")),
        profiles=(
            Profile("document", 1_000, 0, 1_000, "529.982.247-25", "529.982.247-25", None, (), (("529.982.247-25", 1_000),)),
            Profile("years", 1_000, 0, 60, "41", "97", 97.0, (41.0,) * 5 + (97.0,) * 6, (("97", 600),)),
            Profile("city", 1_000, 0, 2, "Recife", "Recife", None, (), (("Recife", 1_000),)),
        ),
    )  # fmt: skip
    for language in LANGUAGES:
        text = page(facts, language)
        assert "529.982" not in text
        assert MASK in text
        assert "Recife" in text
        years = text.split("years")[1].split("city")[0]
        assert not [secret for secret in secrets if secret in years]


def test_the_whole_page_needs_no_other_file():
    for rendered in (render_batch(full()), render_catalogue(catalogue())):
        outside = [
            address for address in read(rendered).addresses if "//" in address or address.endswith((".css", ".js"))
        ]
        assert outside == []
        assert b"@import" not in rendered
        assert b"url(" not in rendered


def test_the_ids_of_a_page_are_unique():
    ids = read(render_batch(full())).ids
    assert ids
    assert len(ids) == len(set(ids))


def test_every_word_is_there_in_both_languages():
    assert all(portuguese and english for portuguese, english in WORDS.values())
    unfilled = [key for key, texts in WORDS.items() if _braces(texts[0]) != _braces(texts[1])]
    assert unfilled == []


def test_a_page_of_twenty_columns_is_made_in_a_moment_and_is_small():
    render_batch(full())  # templates are read once
    began = time.process_time()
    rendered = render_batch(full())
    assert time.process_time() - began < 1.0
    assert len(rendered) < 300_000


def test_a_page_of_five_hundred_columns_is_made():
    rendered = render_batch(wide(500))
    assert "measure_499" in read(rendered).text
    assert len(rendered) < 2_000_000


def test_columns_of_a_profile_are_written_as_the_language_does():
    text = page(full())
    assert "Jan 1, 2013, 00:00 UTC" in text
    assert "01/01/2013 00:00 UTC" in page(full(), "pt-BR")
    assert "12.64" in text
    assert "12,64" in page(full(), "pt-BR")


def test_top_values_are_shown_only_where_they_are_frequent():
    rare, frequent = (Profile("carrier", 1_000, 0, 990, "9E", "YV", None, (), (("UA", rows),)) for rows in (2, 400))
    assert "UA" not in page(batch(profiles=(rare,)))
    assert "UA 40 %" in page(batch(profiles=(frequent,)))


def test_the_picture_gives_the_smallest_segment_a_width_that_can_be_seen():
    one = entry(extracted=1_000_000, curated=999_999, quarantined=1, inserted=999_999, unchanged=0, total_reported=None)
    flow = flow_of(batch(one))
    checked = flow.stages[1]
    assert [part.key for part in checked.segments] == ["curated", "quarantined"]
    assert checked.segments[1].end - checked.segments[1].start >= 0.01
    assert checked.segments[-1].end == pytest.approx(1.0)


def test_the_bins_of_a_histogram_hold_all_values():
    shares = densities([0.0, 0.0, 0.0, 1.0, 2.0, 2.0, 2.0, 2.0, 5.0, 9.0, 10.0])
    assert sum(shares) == pytest.approx(1.0)
    assert shares[0] > 0.2
    assert shares[-1] > 0
    assert sum(densities([5.0] * 11)) == 1.0


def shapes(picture: str) -> list[ET.Element]:
    """Of a picture that is whole in itself: XML that needs no style and no name of a page."""
    root = ET.fromstring(picture)
    assert (root.tag, root.get("viewBox")) == ("svg", "0 0 100 100")
    return list(root)


def places(shape: ET.Element) -> list[float]:
    return [float(each) for each in re.findall(r"-?[0-9.]+", shape.get("d", ""))]


@pytest.mark.parametrize(
    ("values", "heights"), [([1, 2, 4], ["25", "50", "100"]), ([0, 0], ["0", "0"]), ([3], ["100"])]
)
def test_the_bars_stand_beside_each_other_as_high_as_their_values(values: list[float], heights: list[str]):
    drawn = shapes(bars(values, marked=[True] + [False] * (len(values) - 1)))
    assert [each.get("height") for each in drawn] == heights
    assert all(float(each.get("y", "")) + float(each.get("height", "")) == 100 for each in drawn)
    lefts = [float(each.get("x", "")) for each in drawn]
    assert all(left + float(drawn[0].get("width", "")) <= right for left, right in pairwise([*lefts, 100.0]))
    assert drawn[0].get("fill") == "var(--warn)"


def test_a_line_keeps_hardly_anything_low_and_one_share_is_none():
    for shares, highest in (([0.001, 0.001], 95), ([0.0, 0.5], 9.09)):
        area, stroke = shapes(line(shares))
        assert min(places(stroke)[1::2]) == pytest.approx(highest, abs=0.01)
        assert (area.get("fill-opacity"), stroke.get("fill")) == ("0.14", "none")
    assert shapes(line([0.3])) == shapes(line([])) == []


def test_a_histogram_is_one_shape_within_its_picture():
    (shape,) = shapes(histogram([-5.0, 0.0, 0.0, 1.0, 2.0, 2.0, 2.0, 2.0, 5.0, 9.0, 1e300]))
    assert {min(places(shape)), max(places(shape))} == {0, 100}


def test_bands_lead_from_one_bar_to_the_next():
    first, second = shapes(
        bands([Band("curated", (0.0, 0.9), (0.0, 0.5)), Band("quarantined", (0.9, 1.0), (0.5, 1.0))])
    )
    assert (first.get("fill"), second.get("fill")) == ("var(--curated)", "var(--quarantined)")
    assert [min(places(second)[::2]), max(places(second)[::2])] == [50, 100]


def test_the_catalogue_tells_status_freshness_rows_owner_schema_and_lineage():
    text = read(render_catalogue(catalogue())).text
    for told in (
        "flights Fresh",
        "336,776",
        "bi-team",
        "6 h of at most 26 h",
        "dep_delay",
        "minute",
        "flights-portal:/flights/flights.json",
        "dw.flights",
        "airlines",
    ):
        assert told in text, told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"history": (), "rows": None, "watermark": None}, "Never loaded"),
        ({"watermark": END - timedelta(days=9)}, "Late"),
        ({"state": DatasetState("flights", "paused", reason="the portal moves", actor="ana@laptop")}, "Paused"),
        ({"history": (entry(state="given_up"),)}, "Batch given up"),
    ],
)
def test_the_catalogue_says_what_a_person_must_know_first(changes: dict[str, Any], told: str):
    assert f"flights {told}" in read(render_catalogue(catalogue(flights(**changes)))).text


def test_numbers_moments_and_sizes_follow_the_language():
    assert (count(1_234_567).pt, count(1_234_567).en) == ("1.234.567", "1,234,567")
    assert (decimal(1_234.5678).pt, decimal(1_234.5678).en) == ("1.235", "1,235")
    assert (decimal(0.012345).pt, decimal(-3.5).en, decimal(float("nan")).en) == ("0,01235", "-3.5", "—")
    assert (measure(2013.0).pt, measure(1_354.6).en, measure(0.5).pt, measure(336_776.0).pt) == (
        "2013",
        "1355",
        "0,5",
        "336.776",
    )
    assert (share(1, 3).pt, share(1, 10**7).en, share(10**7 - 1, 10**7).en, share(1, 0).en) == (
        "33,3 %",
        "< 0.01 %",
        "> 99.99 %",
        "—",
    )
    assert moment(datetime(2026, 3, 1, 9, 5, tzinfo=UTC)).pt == "01/03/2026 09:05 UTC"
    assert window(END - timedelta(days=1), END).en == "Jan 1, 2014 → Jan 2, 2014"
    assert (size(999).en, size(1_234_567).pt) == ("999 B", "1,23 MB")
    assert (age(timedelta(hours=26)).en, age(timedelta(days=4, hours=2)).en, age(timedelta(minutes=90)).en) == (
        "26 h",
        "4 d 2 h",
        "1 h 30 min",
    )


def _braces(text: str) -> set[str]:
    return {piece.split("}")[0] for piece in text.split("{")[1:]}
