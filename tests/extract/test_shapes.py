"""Records in other forms than a list of objects: each read, stored, read again and pruned."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hostile import Say, hostile, page
from hypothesis import given
from hypothesis import strategies as st

from esteira.contract import ApiSource, FirstRecord, NextLink, Offset
from esteira.contract.shapes import Shape
from esteira.errors import ConfigError, PayloadError
from esteira.portal import records_of, without_records
from esteira.portal.envelope import _Scan, reader_of

ROWS = [[1, "a"], [2, None], [3, {"x": [1.10]}]]
OBJECTS = [b'{"id":1,"v":"a"}', b'{"id":2,"v":null}', b'{"id":3,"v":{"x": [1.1]}}']
ARRAYS: dict[str, tuple[dict[str, Any], Any]] = {
    "names beside": ({"columns": "columns"}, {"columns": ["id", "v"], "rows": ROWS}),
    "names in objects": ({"columns": "meta.fields[].name"}, {"meta": {"fields": [{"name": "id"}, {"name": "v"}]}, "rows": ROWS}),
    "names in the contract": ({"columns": ("id", "v")}, {"rows": ROWS}),
    "first record": ({"columns": FirstRecord()}, {"rows": [["id", "v"], *ROWS]}),
    "first record of a bare array": ({"columns": FirstRecord(), "records": ""}, [["id", "v"], *ROWS]),
    "expression": ({"columns": "[0]", "records": "[1:]"}, [["id", "v"], *ROWS]),
    "expression and first record": ({"columns": FirstRecord(), "records": "sheets[0].values"}, {"sheets": [{"values": [["id", "v"], *ROWS]}]}),
}  # fmt: skip


def source(**changes: Any) -> ApiSource:
    return ApiSource(**({"portal": "p", "path": "/rows", "records": "rows"} | changes))


def compact(records: list[msgspec.Raw]) -> list[Any]:
    return [json.loads(bytes(record)) for record in records]


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_become_objects_by_the_names_of_their_values(open_portal: Any, kind: str):
    asked, body = ARRAYS[kind]
    with hostile(lambda _: page(body)) as up:
        (only,) = open_portal(up.url).pages(source(**asked))
    assert compact(only.records) == [json.loads(each) for each in OBJECTS]
    assert only.body == json.dumps(body).encode()
    assert records_of(only.body, source(**asked)) == only.records


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("gone", [{0}, {2}, {0, 1, 2}, set()])
def test_a_stored_page_of_arrays_is_pruned(kind: str, gone: set[int]):
    asked, body = ARRAYS[kind]
    made = without_records(json.dumps(body).encode(), source(**asked), gone, ["1", "id"])
    left = [json.loads(each) for number, each in enumerate(OBJECTS) if number not in gone]
    assert compact(records_of(made, source(**asked))) == left


@pytest.mark.parametrize("kind", [kind for kind in ARRAYS if not kind.startswith("expression")])
def test_arrays_are_read_by_one_scan(kind: str):
    assert isinstance(reader_of(source(**ARRAYS[kind][0]).shape), _Scan)


@pytest.mark.fault(19)
def test_every_digit_of_an_array_survives():
    body = b'{"columns":["a","b"],"rows":[[12345678901234.567890123,123456789012345678901]]}'
    (only,) = records_of(body, source(columns="columns"))
    assert bytes(only) == b'{"a":12345678901234.567890123,"b":123456789012345678901}'


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    ("columns", "body", "names"),
    [
        ("columns", {"columns": ["a"], "rows": [[1], [1, 2]]}, "record 2 of the page has 2 values"),
        ("columns", {"columns": ["a", "b"], "rows": [[1, 2], [1]]}, "record 2 of the page has 1 values"),
        ("columns", {"columns": ["a", "a"], "rows": [[1, 2]]}, "names a twice"),
        ("columns", {"columns": [{"name": "a"}], "rows": [[1]]}, "no names"),
        ("columns", {"rows": [[1]]}, "no names"),
        ("columns", {"columns": ["a"], "rows": [{"a": 1}]}, "not all arrays"),
        (("a",), {"rows": [[1], None]}, "not all arrays"),
        (FirstRecord(), {"rows": [{"a": 1}, {"a": 2}]}, "no names"),
        (FirstRecord(), {"rows": [[1, 2], [3, 4]]}, "no names"),
        ("columns", {"columns": ["a"], "rows": {"a": 1}}, "no list of records"),
    ],
)
def test_arrays_that_do_not_fit_their_names_are_an_error(open_portal: Any, columns: Any, body: Any, names: str):
    with hostile(lambda _: page(body)) as up, pytest.raises(PayloadError, match=rf"Page 1 .*{names}"):
        list(open_portal(up.url).pages(source(columns=columns)))


def test_a_page_without_arrays_needs_no_names():
    for body in (b'{"rows":[]}', b'{"rows":[],"columns":[]}'):
        assert records_of(body, source(columns="columns")) == []
        assert records_of(body, source(columns=FirstRecord())) == []


def test_a_header_alone_is_no_record():
    assert records_of(b'{"rows":[["a"]]}', source(columns=FirstRecord())) == []


def test_pages_of_arrays_are_counted_without_their_header(open_portal: Any):
    answer = lambda a: page([["id"], *([i] for i in range(int(a.query["offset"]), 5))][:3])  # noqa: E731
    with hostile(answer) as up:
        got = list(open_portal(up.url).pages(source(records="", columns=FirstRecord(), paginator=Offset(2))))
    assert [compact(each.records) for each in got] == [[{"id": 0}, {"id": 1}], [{"id": 2}, {"id": 3}], [{"id": 4}], []]


@pytest.mark.parametrize(
    ("records", "body"),
    [
        ("data", {"data": {"id": 1}}),
        ("", {"id": 1}),
        ("a.b", {"a": {"b": {"id": 1}}}),
        ("list[0]", {"list": [{"id": 1}]}),
    ],
)
def test_one_object_is_one_record_where_the_contract_says_so(open_portal: Any, records: str, body: Any):
    walk = source(records=records, is_single_record=True)
    with hostile(lambda _: page(body)) as up:
        (only,) = open_portal(up.url).pages(walk)
    assert compact(only.records) == [{"id": 1}]
    assert without_records(only.body, walk, {0}, []) == b""
    assert records_of(b"", walk) == []
    assert without_records(only.body, walk, set(), []) == only.body


@pytest.mark.fault(13)
@pytest.mark.parametrize("body", [{"data": None}, {"data": [{"id": 1}]}, {"data": 7}, {"error": {"code": "E"}}, []])
def test_what_is_no_object_is_no_record(open_portal: Any, body: Any):
    walk = source(records="data", is_single_record=True)
    with hostile(lambda _: page(body)) as up, pytest.raises(PayloadError, match="Page 1"):
        list(open_portal(up.url).pages(walk))


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": "columns", "is_single_record": True},
        {"columns": ("a", "a")},
        {"columns": ("a", "")},
        {"columns": ()},
        {"columns": ""},
    ],
)
def test_a_shape_that_cannot_be_is_refused(wrong: Any):
    with pytest.raises(ConfigError):
        source(**wrong)


@pytest.mark.parametrize("columns", ["rows[", "columns["])
def test_names_at_no_jmespath_are_a_configuration_to_correct(columns: str):
    with pytest.raises(ConfigError, match="JMESPath"):
        records_of(b"{}", source(columns=columns))


PAGE = st.fixed_dictionaries(
    {"rows": st.lists(st.fixed_dictionaries({"id": st.integers(0, 9)}), max_size=3)},
    optional={
        "links": st.none() | st.text(max_size=2) | st.lists(st.fixed_dictionaries({"rel": st.sampled_from(["next", "prev"]), "href": st.text(max_size=3)}), max_size=3),
        "meta": st.none() | st.integers(0, 3) | st.fixed_dictionaries({"page": st.integers(0, 3), "pages": st.integers(0, 3)}),
        "a": st.none() | st.fixed_dictionaries({"b": st.none() | st.integers(0, 3) | st.text(max_size=2)}),
    },
)  # fmt: skip
READS = [
    "meta.page", "meta", "a.b", "links[?rel=='next'].href | [0]", "meta.page < meta.pages", "not_null(a.b, meta.page)",
    "!links", "a.b || `7`", "sort_by(not_null(links, `[]`), &rel)[-1].href", '"@odata.nextLink"',
]  # fmt: skip


@given(PAGE, st.lists(st.sampled_from(READS), min_size=1, max_size=4, unique=True))
def test_an_expression_sees_in_one_scan_what_it_sees_in_the_whole_page(body: Any, reads: list[str]):
    text = json.dumps(body).encode()
    fast, slow = reader_of(Shape("rows"), tuple(reads)), reader_of(Shape("rows[*]"), tuple(reads))
    assert (type(fast).__name__, type(slow).__name__) == ("_Scan", "_Search")
    for read in reads:
        try:
            wanted = slow(text).lookup(read)
        except Exception as exc:  # noqa: BLE001 - whatever JMESPath raises
            with pytest.raises(type(exc)):
                fast(text).lookup(read)
        else:
            assert fast(text).lookup(read) == wanted


def test_odd_keys_and_links_in_lists_are_followed(open_portal: Any):
    links = [{"rel": "self", "href": "/rows"}, {"rel": "next", "href": "/rows?p=2"}]
    answer = lambda a: page({"rows": [{"id": a.number}], "links": links[: 2 if a.number == 1 else 1]})  # noqa: E731
    with hostile(answer) as up:
        walk = source(paginator=NextLink(body="links[?rel=='next'].href | [0]"))
        assert [len(each.records) for each in open_portal(up.url).pages(walk)] == [1, 1]


def test_a_body_of_another_encoding_is_refused_in_every_shape(open_portal: Any):
    said = Say('{"columns":["ç"],"rows":[[1]]}'.encode("latin-1"))
    with hostile(lambda _: said) as up, pytest.raises(PayloadError, match="no JSON"):
        list(open_portal(up.url).pages(source(columns="columns")))
