"""Portals as functions: each answers a path and a query with headers and a page, in a shape of the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

ROWS = [
    {
        "id": number, "nome": f"Pessoa {chr(65 + number % 26)}{chr(97 + number // 26)}ia Souza", "email": f"p{number}@mail.example.org",
        "cpf": f"{number:03d}.456.789-0{number % 10}", "uf": "SP" if number % 2 else "RJ", "valor": 10.5 + number, "distance_km": number * 3,
        "ativo": number % 3 == 0, "dia": f"2024-01-{number % 28 + 1:02d}", "updated_at": f"2024-02-{number % 28 + 1:02d}T10:00:00-02:00",
        "nota": None if number % 4 else "ok", "tags": ["a", {"b": number}],
    }
    for number in range(1, 51)
]  # fmt: skip
Answer = tuple[dict[str, str], Any]
Portal = Callable[[Mapping[str, str]], Answer]


def transparencia(query: Mapping[str, str]) -> Answer:
    page = int(query.get("pagina", 1))
    return {}, ROWS[(page - 1) * 15 : page * 15]


def ckan(query: Mapping[str, str]) -> Answer:
    limit, offset = min(int(query.get("limit", 20)), 20), int(query.get("offset", 0))
    link = f"/api/3/action/datastore_search?limit={limit}&offset={offset + limit}"
    fields = [{"id": name, "type": "text"} for name in ROWS[0]] * 3
    result = {"records": ROWS[offset : offset + limit], "fields": fields, "total": len(ROWS), "_links": {"next": link}}
    return {}, {"help": "https://ckan.example/help", "success": True, "result": result}


def socrata(query: Mapping[str, str]) -> Answer:
    limit, offset = int(query.get("$limit", 25)), int(query.get("$offset", 0))
    return {}, ROWS[offset : offset + limit]


def odata(query: Mapping[str, str]) -> Answer:
    skip = int(query.get("$skiptoken", 0))
    page = {"@odata.context": "https://odata.example/$metadata", "value": ROWS[skip : skip + 20]}
    more = {"@odata.nextLink": f"https://far.example/rows?$skiptoken={skip + 20}"} if skip + 20 < len(ROWS) else {}
    return {}, page | more


def odata_2(query: Mapping[str, str]) -> Answer:
    skip = int(query.get("$skiptoken", 0))
    more = {"__next": f"http://portal.example/rows?$skiptoken={skip + 20}"} if skip + 20 < len(ROWS) else {}
    return {}, {"d": {"results": ROWS[skip : skip + 20], **more}}


def header_token(query: Mapping[str, str]) -> Answer:
    page = int(query.get("page_token", 0))
    return {"x-next-page-token": str(page + 1)} if page < 2 else {}, {"items": ROWS[page * 20 : page * 20 + 20]}


def olinda(query: Mapping[str, str]) -> Answer:
    top, skip = int(query.get("$top", 10)), int(query.get("$skip", 0))
    return {}, {"@odata.context": "https://olinda.example/$metadata", "value": ROWS[skip : skip + top]}


def django(query: Mapping[str, str]) -> Answer:
    page = int(query.get("page", 1))
    following = f"http://portal.example/rows?page={page + 1}" if page * 20 < len(ROWS) else None
    return {}, {
        "count": len(ROWS),
        "next": following,
        "previous": None,
        "results": ROWS[(page - 1) * 20 : page * 20],
    }


def numbered(query: Mapping[str, str]) -> Answer:
    page, size = int(query.get("page", 1)), int(query.get("size", 10))
    rows = ROWS[(page - 1) * size : page * size]
    return {}, {"page": page, "totalPages": 5, "totalElements": len(ROWS), "content": rows}


def from_zero(query: Mapping[str, str]) -> Answer:
    page = int(query.get("page", 0))
    return {}, {"number": page, "totalElements": len(ROWS), "content": ROWS[page * 20 : page * 20 + 20]}


def silent_from_zero(query: Mapping[str, str]) -> Answer:
    page = int(query.get("page", 0))
    return {}, ROWS[page * 20 : page * 20 + 20]


def link_header(query: Mapping[str, str]) -> Answer:
    page = int(query.get("page", 1))
    link = f'<http://portal.example/rows?page={page + 1}>; rel="next", <http://portal.example/rows?page=3>; rel="last"'
    return ({"link": link} if page < 3 else {}), ROWS[(page - 1) * 20 : page * 20]


def counted_header(query: Mapping[str, str]) -> Answer:
    page, size = int(query.get("page", 1)), int(query.get("per_page", 20))
    return {"x-total-count": str(len(ROWS))}, ROWS[(page - 1) * size : page * size]


def relations(query: Mapping[str, str]) -> Answer:
    start = int(query.get("from", 0))
    links = [{"rel": "self", "href": "/rows"}, {"rel": "next", "href": f"/rows?from={start + 20}"}]
    return {}, {"links": links, "items": ROWS[start : start + 20]}


def cursor(query: Mapping[str, str]) -> Answer:
    start = int(query.get("cursor", "0").removeprefix("after-"))
    more = f"after-{start + 20}" if start + 20 < len(ROWS) else None
    return {}, {"data": ROWS[start : start + 20], "meta": {"next_cursor": more}}


def datasette(query: Mapping[str, str]) -> Answer:
    start = int(query.get("_next", 0))
    following = str(start + 20) if start + 20 < len(ROWS) else None
    link = f"http://portal.example/rows?_shape=objects&_next={following}" if following else None
    rows = ROWS[start : start + 20]
    return {}, {"rows": rows, "next": following, "next_url": link, "filtered_table_rows_count": len(ROWS)}


def whole(query: Mapping[str, str]) -> Answer:
    return {}, {"total": len(ROWS), "items": ROWS}


def deaf(query: Mapping[str, str]) -> Answer:
    return {}, ROWS[:20]


def arrays(query: Mapping[str, str]) -> Answer:
    start = int(query.get("_next", 0))
    following = f"http://portal.example/rows?_next={start + 20}" if start + 20 < len(ROWS) else None
    rows = [list(row.values()) for row in ROWS[start : start + 20]]
    return {}, {"columns": list(ROWS[0]), "rows": rows, "next_url": following, "filtered_table_rows_count": len(ROWS)}


def described(query: Mapping[str, str]) -> Answer:
    columns = [{"name": name, "type": "text"} for name in ROWS[0]]
    return {}, {"columns": columns, "total": len(ROWS), "data": [list(row.values()) for row in ROWS]}


def header_first(query: Mapping[str, str]) -> Answer:
    page = int(query.get("page", 1))
    return {}, [list(ROWS[0]), *(list(row.values()) for row in ROWS[(page - 1) * 20 : page * 20])]


def one(query: Mapping[str, str]) -> Answer:
    return {}, ROWS[0] | {"user.name": "x"}


def query_of(target: str, params: Mapping[str, Any]) -> dict[str, str]:
    """What a request asks: the link's own query and the parameters."""
    return dict(parse_qsl(urlsplit(target).query)) | {name: str(value) for name, value in params.items()}
