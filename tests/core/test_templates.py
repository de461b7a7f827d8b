"""Templates: what a place may name, how a value is written, and that none leads to another path."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteira.contract import ApiSource, Incremental
from esteira.contract.templates import fill, fill_path
from esteira.errors import ConfigError, PayloadError

START = datetime(2014, 1, 2, 3, 4, 5, tzinfo=ZoneInfo("America/Sao_Paulo"))
VALUES = {"window.start": START, "window.end": datetime(2014, 2, 1, tzinfo=UTC)}
CURSOR = Incremental("t", "from", "to", date(2013, 1, 1))


def filled(text: Any, **parent: Any):
    return fill(text, VALUES | {f"parent.{name}": value for name, value in parent.items()}, moment_format="%Y-%m-%d")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("{window.start:%d/%m/%Y}", "02/01/2014"),
        ("{window.start:%-d.%-m.%y %H:%M}", "2.1.14 03:04"),
        ("{window.start:%Y-%m-%dT%H:%M:%S%z}", "2014-01-02T03:04:05-0200"),
        ("{window.start:epoch}", "1388639045"),
        ("{window.start:epoch_ms}", "1388639045000"),
        ("{window.start}..{window.end}", "2014-01-02..2014-02-01"),
        ("no place", "no place"),
        ("query { rows(first: 10) { id } }", "query { rows(first: 10) { id } }"),
        ('{"a": 1}', '{"a": 1}'),
        ("{{window.start}}", "{window.start}"),
    ],
)
def test_a_moment_is_written_as_the_place_says(text: str, made: str):
    assert filled(text) == made


@pytest.mark.parametrize(
    ("value", "made"),
    [
        (7, "/7/"),
        (2**60, f"/{2**60}/"),
        ("a b", "/a b/"),
        (True, "/true/"),
        (Decimal("1E+2"), "/100/"),
        (date(2014, 1, 2), "/2014-01-02/"),
        (datetime(2014, 1, 2, tzinfo=UTC), "/2014-01-02/"),
    ],
)
def test_a_value_of_the_parent_is_written_plainly(value: Any, made: str):
    assert filled("/{parent.id}/", id=value) == made


def test_in_a_body_a_place_alone_keeps_its_type_and_deeper_texts_are_filled():
    body = {"id": "{parent.id}", "as_text": "{parent.id:text}", "in": [{"day": "{window.start:%d}"}], "n": 5}
    assert filled(body, id=7) == {"id": 7, "as_text": "7", "in": [{"day": "02"}], "n": 5}


def test_a_null_of_the_parent_is_an_error_that_names_the_place():
    with pytest.raises(PayloadError, match=r"\{parent\.id\} is null"):
        filled("{parent.id}", id=None)


def test_a_place_without_a_value_is_an_error_that_names_it():
    with pytest.raises(ConfigError, match=r"no value for \{parent\.id\}"):
        filled("{parent.id}")


def test_a_format_for_something_that_is_no_moment_is_an_error():
    with pytest.raises(ConfigError, match=r"\{parent\.id:%Y\}.*int"):
        filled("x{parent.id:%Y}", id=7)


@pytest.mark.fault(66)
@given(st.text(max_size=12))
def test_no_value_leads_to_another_path(value: str):
    try:
        made = fill_path("/projects/{parent.id}/rows", {"parent.id": value}, moment_format="")
    except PayloadError:
        assert value in {"", ".", ".."}
        return
    *front, last = made.split("/")
    assert (front[:2], len(front), last) == (["", "projects"], 3, "rows")
    assert not set(front[2]) & set("?#\\ \n%") or "%" in front[2]
    assert made.isascii()


@pytest.mark.fault(66)
@pytest.mark.parametrize("value", ["..", ".", ""])
def test_a_value_of_dots_or_nothing_is_refused_in_a_path(value: str):
    with pytest.raises(PayloadError, match="another path"):
        fill_path("/projects/{parent.id}/rows", {"parent.id": value}, moment_format="")


@pytest.mark.parametrize("where", ["path", "params", "body"])
@pytest.mark.parametrize(
    "text",
    ["{windw.start}", "{window.begin}", "{window}", "{parent}", "{start:%Y}", "{window.start:dd/MM/yyyy}",
     "{window.start:}", "{window.start:%Q}", "{window.start:%s}", "{window.start:text}"],
)  # fmt: skip
def test_a_wrong_place_is_named_when_the_contract_is_made(where: str, text: str):
    asked: dict[str, Any] = {"path": {"path": f"/{text}"}, "params": {"params": {"a": text}}}.get(
        where, {"method": "POST", "body": {"a": [text]}}
    )
    with pytest.raises(ConfigError) as caught:
        ApiSource(**{"portal": "p", "path": "/x", "incremental": CURSOR} | asked)
    assert text in caught.value.message
    assert f"ApiSource({where}=" in caught.value.message


def test_a_window_in_a_template_needs_a_cursor():
    with pytest.raises(ConfigError, match="incremental="):
        ApiSource(portal="p", path="/x", params={"a": "{window.start}"})
