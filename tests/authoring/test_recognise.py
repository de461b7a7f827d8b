"""A page and its headers to a paginator, records, total: each shape that FACTS lists, and what proves itself or does not."""

import json
from typing import Any

import jmespath
import pytest

from esteira.contract import FirstRecord
from esteira.errors import PayloadError, SourceRejected
from esteira.paginate import Header, PageRequest
from esteira.recognise.columns import ColumnGuess, find_columns, snake
from esteira.recognise.confirm import MAX_ASKED, Confirmed, confirm
from esteira.recognise.key import find_cursor, find_key
from esteira.recognise.paging import candidates, find_total
from esteira.recognise.personal import why_personal
from esteira.recognise.records import find_records
from esteira.recognise.sample import Sample, decode
from esteira.recognise.units import unit_of
from tests.authoring import shapes

SHAPES: dict[str, tuple[shapes.Portal, dict[str, Any], str, dict[str, Any], str, str | Header | None]] = {
    "transparencia": (shapes.transparencia, {}, "PageNumber", {"page_param": "pagina"}, "", None),
    "transparencia, asked by page": (shapes.transparencia, {"pagina": 1}, "PageNumber", {"page_param": "pagina"}, "", None),
    "ckan": (shapes.ckan, {"limit": 20}, "Offset", {"limit": 20, "total": "result.total"}, "result.records", "result.total"),
    "socrata": (shapes.socrata, {"$limit": 25}, "Offset", {"limit": 25, "offset_param": "$offset", "limit_param": "$limit"}, "", None),
    "socrata, without a limit": (shapes.socrata, {}, "Offset", {"limit": 25, "offset_param": "$offset", "limit_param": "$limit"}, "", None),
    "odata": (shapes.odata, {}, "NextLink", {"body": '"@odata.nextLink"'}, "value", None),
    "odata 2": (shapes.odata_2, {}, "NextLink", {"body": "d.__next"}, "d.results", None),
    "token in a header": (shapes.header_token, {}, "NextToken", {"header": "X-Next-Page-Token", "param": "page_token"}, "items", None),
    "olinda": (shapes.olinda, {"$top": 10}, "Offset", {"limit": 10, "offset_param": "$skip", "limit_param": "$top"}, "value", None),
    "django": (shapes.django, {}, "NextLink", {"body": "next"}, "results", "count"),
    "page numbers": (shapes.numbered, {"size": 10}, "PageNumber", {"total_pages": "totalPages"}, "content", "totalElements"),
    "cursor": (shapes.cursor, {}, "NextToken", {"body": "meta.next_cursor", "param": "cursor"}, "data", None),
    "page numbers from 0": (shapes.from_zero, {}, "PageNumber", {"first_page": 0}, "content", "totalElements"),
    "bare pages from 0": (shapes.silent_from_zero, {}, "PageNumber", {"first_page": 0}, "", None),
    "Link header": (shapes.link_header, {}, "NextLink", {"header": "Link"}, "", None),
    "total in a header": (shapes.counted_header, {"per_page": 25}, "PageNumber", {}, "", Header("X-Total-Count")),
    "links with relations": (shapes.relations, {}, "NextLink", {"body": "links[?rel=='next'].href | [0]"}, "items", None),
    "datasette": (shapes.datasette, {"_shape": "objects"}, "NextLink", {"body": "next_url"}, "rows", "filtered_table_rows_count"),
    "arrays with columns": (shapes.arrays, {}, "NextLink", {"body": "next_url"}, "rows", "filtered_table_rows_count"),
    "arrays with described columns": (shapes.described, {}, "SinglePage", {}, "data", "total"),
    "arrays with a header first": (shapes.header_first, {}, "PageNumber", {}, "", None),
    "one object": (shapes.one, {}, "SinglePage", {}, "", None),
    "everything at once": (shapes.whole, {}, "SinglePage", {}, "items", "total"),
}  # fmt: skip


def recognised(
    portal: shapes.Portal, params: dict[str, Any]
) -> tuple[Confirmed, str, tuple[str | Header, int] | None, int]:
    asked = []

    def ask(request: PageRequest) -> Sample:
        asked.append(request)
        headers, page = portal(shapes.query_of(request.target, request.params))
        return Sample(decode(json.dumps(page).encode()), headers, "http://portal.example/rows", "/rows", params)

    first = ask(PageRequest("/rows", params))
    records = find_records(first.page)
    total = find_total(first, records)
    found = confirm(first, records, candidates(first, records), total=total[1] if total else None, ask=ask)
    return found, records.path, total, len(asked)


@pytest.mark.parametrize("name", SHAPES)
def test_the_paginator_of_each_known_shape_is_recognised_and_confirmed(name: str) -> None:
    portal, params, kind, arguments, path, total = SHAPES[name]
    found, records, reported, asked = recognised(portal, params)
    candidate = found.paging.candidate
    assert candidate.kind == kind
    assert set(candidate.arguments) >= set(arguments)
    assert {name: candidate.arguments[name] for name in arguments} == arguments
    assert (records, reported[0] if reported else None) == (path, total)
    assert found.paging.is_confirmed
    assert asked <= 1 + MAX_ASKED


def test_a_portal_that_ignores_every_parameter_gets_one_page_that_nothing_confirmed() -> None:
    found, *_ = recognised(shapes.deaf, {})
    assert found.paging.candidate.kind == "SinglePage"
    assert not found.paging.is_confirmed
    assert "PageNumber by pagina: the second page repeats records of the first" in found.paging.evidence


def test_a_refused_question_is_no_error_and_is_told() -> None:
    def refuse(request: PageRequest) -> Sample:
        raise SourceRejected("The sample: portal.example answers 400.")

    first = Sample([{"a": 1}], path="/rows")
    records = find_records(first.page)
    found = confirm(first, records, candidates(first, records), total=None, ask=refuse)
    assert found.paging.candidate.kind == "SinglePage"
    assert "answers 400" in found.paging.evidence


@pytest.mark.parametrize(("key", "is_told"), [("has_more", True), ("hasNextPage", True), ("exceededTransferLimit", True), ("ok", False)])  # fmt: skip
def test_a_page_that_says_that_there_is_more_is_told_where_nothing_leads_there(key: str, *, is_told: bool) -> None:
    first = Sample({"data": [{"a": 1}], key: True}, path="/rows")
    records = find_records(first.page)
    found = confirm(first, records, candidates(first, records), total=None, ask=lambda _: first)
    assert found.paging.candidate.kind == "SinglePage"
    assert (f"although {key} says that there are more rows" in found.paging.candidate.why) is is_told


def test_no_more_is_asked_than_the_bound() -> None:
    asked = []

    def ask(request: PageRequest) -> Sample:
        asked.append(request)
        return first

    first = Sample({"items": [{"a": 1}], "next": "/a", "offset": 0, "page": 1, "cursor": "x", "limit": 1}, path="/rows")
    records = find_records(first.page)
    confirm(first, records, candidates(first, records) * 3, total=None, ask=ask)
    assert len(asked) == MAX_ASKED


def test_a_link_in_the_body_is_preferred_to_the_same_one_in_a_header() -> None:
    link = {"link": '</b>; rel="next"'}
    first = Sample({"rows": [{"a": 1}], "next_url": "/b"}, headers=link)
    assert [each.arguments for each in candidates(first, find_records(first.page))][:2] == [{"body": "next_url"}, {"header": "Link"}]  # fmt: skip


def test_a_null_link_says_that_this_was_the_last_page() -> None:
    first = Sample({"rows": [{"a": 1}], "next_url": None})
    found = candidates(first, find_records(first.page))[0]
    assert (found.kind, found.arguments, found.is_end) == ("NextLink", {"body": "next_url"}, True)


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ({"error": "denied"}, "its keys are error"),
        ([], "an empty list"),
        ({"rows": []}, "no list of records"),
        ({"columns": ["a", "b"], "rows": [[1], [2]]}, "no list of records"),
        ({"message": "no such table", "status": 404}, "its keys are message, status"),
        ({"data": [], "page": 1}, "its keys are data, page"),
        ("text", "a str"),
        ({"success": False, "errors": [{"message": "x"}], "data": []}, "its keys are success, errors, data"),
    ],
)
def test_a_page_without_records_is_an_error_that_says_what_is_there(page: Any, says: str) -> None:
    with pytest.raises(PayloadError, match=says):
        find_records(page)


@pytest.mark.parametrize(
    ("shape", "columns"),
    [(shapes.arrays, "columns"), (shapes.described, "columns[].name"), (shapes.header_first, FirstRecord()), (shapes.one, None)],
)  # fmt: skip
def test_records_are_read_as_objects_whatever_their_form_and_written_back_in_it(
    shape: shapes.Portal, columns: Any
) -> None:
    page = decode(json.dumps(shape({})[1]).encode())
    found = find_records(page)
    assert found.columns == columns
    assert found.rows[0]["email"] == "p1@mail.example.org"
    assert found.as_found(found.rows) == (jmespath.search(found.path, page) if found.path else page)
    assert found.of(page) == found.rows
    assert found.of({"another": "kind"}) is None or found.is_single


def test_html_is_an_error_that_shows_its_beginning() -> None:
    with pytest.raises(PayloadError, match="<html>"):
        decode(b"<html>maintenance</html>")


def test_a_longer_list_that_stands_beside_the_records_is_not_taken_for_them() -> None:
    page = {"fields": [{"id": "a"}] * 9, "payload": {"things": [{"a": 1}]}}
    assert find_records(page).path == "payload.things"


def test_a_total_cannot_be_less_than_what_is_on_the_page() -> None:
    first = Sample({"rows": [{"a": 1}, {"a": 2}], "count": 1, "totalPages": 9})
    assert find_total(first, find_records(first.page)) is None


KINDS: list[tuple[list[Any], str]] = [
    ([1, 2], "integer"),
    ([2**63], "decimal"),
    ([1, 2**53 + 1], "integer"),
    ([True, False], "boolean"),
    ([1, True], "nested"),
    ([1, "1"], "nested"),
    ([{"a": 1}], "nested"),
    (["007", "008"], "text"),
    (["12", "3"], "text"),
    (["12.50", "3.1"], "decimal"),
    (["1.234,56", "2,50"], "text"),
    (["2024-01-31"], "day"),
    (["2024-02-31"], "text"),
    (["31/01/2024"], "text"),
    (["2024-01-31T10:00:00Z", "2024-01-31T10:00:00.123456-03:00"], "moment"),
    (["2024-01-31 10:00:00"], "local moment"),
    (["2024-01-31T10:00:00", "2024-01-31T10:00:00Z"], "text"),
    (["NA", ""], "text"),
    ([None], "text"),
]


@pytest.mark.parametrize(("values", "kind"), KINDS)
def test_a_type_is_guessed_so_that_no_value_of_the_sample_loses_anything(values: list[Any], kind: str) -> None:
    assert columns({"c": value} for value in values)[0].kind == kind


def columns(rows: Any, *, is_whole: bool = False) -> list[ColumnGuess]:
    return find_columns([decode(json.dumps(row).encode()) for row in rows], is_whole=is_whole)


def test_a_fraction_is_a_double_unless_its_digits_or_its_name_say_otherwise() -> None:
    row = '{"ratio": 0.25, "exact": 123456789012345.678, "valor": 12.5, "tiny": 1e-300}'
    found = {each.name: each for each in find_columns([decode(row.encode())], is_whole=False)}
    assert found["ratio"].kind == found["tiny"].kind == "float"
    assert (found["exact"].kind, found["exact"].precision, found["exact"].scale) == ("decimal", 38, 3)
    assert (found["valor"].kind, found["valor"].precision, found["valor"].scale) == ("decimal", 18, 2)
    assert "money" in found["valor"].why


def test_a_column_is_never_null_only_where_all_rows_were_seen() -> None:
    rows = [{"a": 1, "b": 1}, {"a": 2, "b": None}, {"a": 3}]
    assert [each.is_nullable for each in columns(rows, is_whole=True)] == [False, True]
    assert [each.is_nullable for each in columns(rows, is_whole=False)] == [True, True]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("depDelay", "dep_delay"), ("CPFCliente", "cpf_cliente"), ("Município (UF)", "municipio_uf"), ("class", "class_value"), ("validate", "validate_value"),
        ("2024", "c_2024"), ("@id", "id"), ("_esteira_x", "esteira_x_value"), ("日", "column"), ("x" * 90, "x" * 60),
    ],
)  # fmt: skip
def test_names_are_made_ones_that_redshift_and_the_schema_take(source: str, name: str) -> None:
    assert snake(source) == name


def test_names_that_become_equal_are_told_apart() -> None:
    assert [each.name for each in columns([{"aB": 1, "a_b": 2, "A-B": 3}])] == ["a_b", "a_b_2", "a_b_3"]


@pytest.mark.parametrize(
    ("name", "unit"),
    [("distance_km", "kilometre"), ("humidity_pct", "percent"), ("lat", "degree"), ("pos_longitude", "degree"), ("depth_m", None),
     ("temp_min", None), ("km", None), ("temperature", None)],
)  # fmt: skip
def test_a_unit_is_guessed_only_where_a_name_has_one_reading(name: str, unit: str | None) -> None:
    found = unit_of(name)
    assert (found[0] if found else None) == unit


def test_texts_have_no_unit() -> None:
    assert columns([{"road_km": "far"}])[0].unit is None


KEY_ROWS = [{"carrier_id": 10 - n, "plane_id": n, "model": f"m{n}", "hour": n // 2, "gate": n % 2} for n in range(6)]


def test_the_key_is_unique_never_null_and_named_like_one() -> None:
    assert find_key("planes", columns(KEY_ROWS), KEY_ROWS).columns == ("plane_id",)
    assert find_key("carriers", columns(KEY_ROWS), KEY_ROWS).columns == ("carrier_id",)


def test_two_columns_together_may_be_the_key() -> None:
    rows = [{"hour": row["hour"], "gate": row["gate"], "same": 1} for row in KEY_ROWS]
    assert find_key("slots", columns(rows), rows).columns == ("hour", "gate")


def test_no_key_is_better_than_a_wrong_one() -> None:
    rows = [{"a": 1, "b": 2.5}, {"a": 1, "b": 2.5}]
    assert find_key("rows", columns(rows), rows).columns == ()


def test_a_column_with_a_null_is_no_key() -> None:
    rows = [{"id": 1, "code": "a"}, {"id": None, "code": "b"}]
    assert find_key("rows", columns(rows), rows).columns == ("code",)


@pytest.mark.parametrize(
    ("names", "cursor"),
    [(["day", "created_at", "updated_at"], "updated_at"), (["day", "created_at"], "created_at"), (["day"], "day")],
)
def test_the_cursor_is_what_says_when_a_row_changed(names: list[str], cursor: str) -> None:
    found = find_cursor(columns([dict.fromkeys(names, "2024-01-01T00:00:00Z")]))
    assert found
    assert found.source == cursor


def test_without_a_moment_there_is_no_cursor() -> None:
    assert find_cursor(columns([{"a": 1}])) is None


@pytest.mark.parametrize(
    ("name", "values"),
    [("nomeCliente", ["X"]), ("user_email", []), ("CPF", [12345678901]), ("contact", ["a"]), ("telefone1", [1]), ("nm_pessoa", []), ("c", ["a@b.example"]), ("c", ["123.456.789-09"]),
     ("c", ["(11) 91234-5678"]), ("c", ["eyJhbGciOi.eyJzdWIi.c2ln"]), ("c", ["Maria da Silva", "João Souza"]), ("c", ["10.0.0.1"])],
)  # fmt: skip
def test_what_is_personal_is_known_by_name_or_by_value(name: str, values: list[Any]) -> None:
    assert why_personal(name, values)


@pytest.mark.parametrize(("name", "values"), [("carrier", ["UA", "AA"]), ("model", ["A320-214"]), ("time_hour", ["2013-01-01T10:00:00Z"]), ("year", [2013])])  # fmt: skip
def test_codes_and_moments_are_not_personal(name: str, values: list[Any]) -> None:
    assert why_personal(name, values) is None
