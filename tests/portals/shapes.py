"""Stand-ins for portals that real companies read: each answers as the portal's documentation, or a running server of its kind, does.

They are here because the real ones cannot be reached from a test. A shape knows its rows, who may read them, and how a request is answered;
nothing of Esteira. The table `SHAPES` names them as the datasets of docs/portals/ are named, whose contracts read them.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from tests.extract.hostile import Asked, Say, page

Row = dict[str, Any]
KEY = "shape-canary-71d0aa"
USER, PASSWORD = "reader", "shape-canary-90"
NEW_YEAR = datetime(2024, 1, 1)  # noqa: DTZ001 - a local moment: some portals write no zone


@dataclass
class Shape:
    """One stand-in.

    Attributes:
        path: Where it answers; anything else is 404.
        rows: What a contract must bring, in the contract's types and order of its key.
        answer: The portal's own way, for requests that are allowed.
        is_allowed: Whether the request proves who asks.
        refuse: What it says to others.
        secret: Fields of the secret that opens it.
        base_path: What of its address stands in the block's base URL.
    """

    path: str
    rows: list[Row]
    answer: Callable[[Asked], Say]
    is_allowed: Callable[[Asked], bool] = lambda _: True
    refuse: Callable[[Asked], Say] = lambda _: page({"detail": "Unauthorized"}, 401)
    secret: dict[str, str] = field(default_factory=lambda: {"token": KEY})
    base_path: str = ""

    def __call__(self, asked: Asked) -> Say:
        if asked.path != self.base_path + self.path:
            return page({"message": "Not found"}, 404)
        return self.answer(asked) if self.is_allowed(asked) else self.refuse(asked)


def has_header(name: str, value: str) -> Callable[[Asked], bool]:
    return lambda asked: {key.lower(): each for key, each in asked.headers.items()}.get(name.lower()) == value


def day_of(text: str, written: str) -> date:
    return datetime.strptime(text, written).replace(tzinfo=UTC).date()


# ---- Portal da Transparência: https://api.portaldatransparencia.gov.br/swagger-ui/index.html
# Pages of 15 from `pagina=1`, a bare array, `[]` behind the end; both dates inclusive, dd/mm/yyyy; nested objects.


def _contract(number: int) -> Row:
    return {
        "id": 600_000_000 + number,
        "number": f"{number:05d}2024",
        "signed": date(2024, 1, 1) + timedelta(days=number % 60),
        "amount": Decimal(number * 1_013) / 100,
        "supplier": f"{number:014d}",
    }


CONTRACTS = [_contract(number) for number in range(1, 96)]


def transparencia(asked: Asked) -> Say:
    first, last = (day_of(asked.query[name], "%d/%m/%Y") for name in ("dataInicial", "dataFinal"))
    if (last - first).days > 31:
        return page({"Erro na API": "O período deve ser de no máximo 1 mês"}, 400)
    found = [row for row in CONTRACTS if first <= row["signed"] <= last]
    start = (int(asked.query.get("pagina", 1)) - 1) * 15
    return page([_contract_as_sent(row) for row in found[start : start + 15]])


def _contract_as_sent(row: Row) -> Row:
    return {
        "id": row["id"],
        "numero": row["number"],
        "dataAssinatura": row["signed"].isoformat(),
        "valorInicialCompra": float(row["amount"]),
        "fornecedor": {"id": row["id"] % 97, "cnpjFormatado": row["supplier"], "nome": "ACME LTDA"},
    }


# ---- CKAN: https://docs.ckan.org/en/2.11/maintaining/datastore.html#ckanext.datastore.logic.action.datastore_search
# `result.records`, a limit that is capped in silence, relative links that go on for ever, numbers as text with a comma.
CKAN_MAX = 40
TARIFFS = [
    {"id": n, "agent": f"CONCESSIONÁRIA {n % 7}", "tariff": Decimal(n * 7 + 1) / 100, "year": 2020 + n % 5}
    for n in range(1, 171)
]


def ckan(asked: Asked) -> Say:
    offset, limit = int(asked.query.get("offset", 0)), min(int(asked.query.get("limit", 100)), CKAN_MAX)
    found = [
        {"_id": row["id"], "SigAgente": row["agent"], "VlrTUSD": f"{row['tariff']:.2f}".replace(".", ","), "Ano": str(row["year"])}
        for row in TARIFFS[offset : offset + limit]
    ]  # fmt: skip
    links = {"start": _link(asked, {}), "next": _link(asked, {"offset": offset + limit})}
    result = {"include_total": True, "limit": limit, "records_format": "objects", "records": found, "fields": []}
    return page({"help": "", "success": True, "result": {**result, "_links": links, "total": len(TARIFFS)}})


def ckan_refuses(asked: Asked) -> Say:
    error = {"message": "Access denied", "__type": "Authorization Error"}
    return page({"help": "", "error": error, "success": False}, 403)


def _link(asked: Asked, changes: Row) -> str:
    return f"{asked.path}?{urlencode({**asked.query, **changes})}"


# ---- Socrata: https://dev.socrata.com/docs/paging.html and /docs/app-tokens.html
# `$limit`/`$offset` over a bare array, no order unless `$order` asks for one, numbers as strings, nulls left out.
QUAKES = [
    {
        "id": f"us{n:06d}",
        "magnitude": Decimal(n % 90) / 10,
        "depth": None if n % 11 == 0 else Decimal(n * 3) / 10,
        "updated_at": NEW_YEAR + timedelta(minutes=7 * n),
    }
    for n in range(1, 131)
]


def socrata(asked: Asked) -> Say:
    first, last = re.findall(r"'([^']+)'", asked.query["$where"])
    rows = [row for row in QUAKES if first <= row["updated_at"].isoformat() < last]
    if asked.query.get("$order") not in {"id", ":id"}:
        random.Random(asked.number).shuffle(rows)
    start, limit = int(asked.query.get("$offset", 0)), int(asked.query.get("$limit", 1000))
    return page([_quake_as_sent(row) for row in rows[start : start + limit]])


def _quake_as_sent(row: Row) -> Row:
    sent = {"id": row["id"], "magnitude": str(row["magnitude"]), "updated_at": row["updated_at"].isoformat() + ".000"}
    return sent | ({} if row["depth"] is None else {"depth": str(row["depth"])})


def socrata_refuses(asked: Asked) -> Say:
    return page({"code": "permission_denied", "error": True, "message": "Invalid app_token specified"}, 403)


# ---- OData 4.01: https://docs.oasis-open.org/odata/odata-json-format/v4.01/odata-json-format-v4.01.html
# Server-driven pages with an opaque absolute link, `@odata.count`; errors that are no JSON; a body that breaks off after a 200.
PRODUCTS = [
    {
        "id": n,
        "name": f"Produto {n:03d}",
        "price": Decimal(n * 1_999) / 100,
        "changed": datetime(2024, 1, 1, 12, tzinfo=UTC) + timedelta(hours=n),
    }
    for n in range(1, 106)
]


class OData:
    """Remembers how often a page was asked for: the second is cut off the first time."""

    def __init__(self) -> None:
        self._cut = False

    def __call__(self, asked: Asked) -> Say:
        first, last = re.fullmatch(r"Changed ge (\S+) and Changed lt (\S+)", asked.query["$filter"]).groups()
        products = [row for row in PRODUCTS if first <= _utc(row["changed"]) < last]
        start = int(asked.query.get("$skiptoken", "0").removeprefix("after-"))
        found = [
            {"Id": r["id"], "Name": r["name"], "Price": float(r["price"]), "Changed": _utc(r["changed"])}
            for r in products[start : start + 25]
        ]  # fmt: skip
        body: Row = {"@odata.context": "$metadata#Products", "@odata.count": len(products), "value": found}
        if start + 25 < len(products):
            origin = f"http://{asked.headers['Host']}"
            query = {**asked.query, "$skiptoken": f"after-{start + 25}"}
            body["@odata.nextLink"] = f"{origin}{asked.path}?{urlencode(query)}"
        whole = json.dumps(body).encode()
        if start == 25 and not self._cut:
            self._cut = True
            return Say(whole[: len(whole) // 2], headers={"Content-Type": "application/json"})
        return Say(whole, headers={"Content-Type": "application/json;odata.metadata=minimal"})


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def odata_refuses(asked: Asked) -> Say:
    return Say(b"<h2>401 - Unauthorized</h2>", 401, {"Content-Type": "text/html"})


# ---- A service with a login: a JWT that expires, and an empty 200 for those who come with an old one
ORDERS = [{"id": n, "status": ("open", "paid", "sent")[n % 3], "total": Decimal(n * 501) / 100} for n in range(1, 64)]


class LoginToken:
    """`POST /auth/login` gives a token for a number of pages; afterwards every list is empty, and the status is 200.

    Args:
        pages: How many pages a token is good for.
    """

    def __init__(self, pages: int = 3) -> None:
        self.rows, self.base_path, self.secret = ORDERS, "/api", {"username": USER, "password": PASSWORD}
        self.most_logins = 1_000_000
        self._pages, self._left, self._lock = pages, dict[str, int](), threading.Lock()
        self.logins = 0

    def __call__(self, asked: Asked) -> Say:
        if asked.path == "/api/auth/login":
            return self._login(asked)
        if asked.path != "/api/orders":
            return page({"message": "Not found"}, 404)
        number = int(asked.query.get("page", 1))
        is_good = self._is_good(asked.headers.get("Authorization", "").removeprefix("Bearer "))
        found = ORDERS[(number - 1) * 10 : number * 10] if is_good else []
        totals = (
            {"totalPages": -(-len(ORDERS) // 10), "totalElements": len(ORDERS)}
            if is_good
            else {"totalPages": 0, "totalElements": 0}
        )
        content = [{"id": row["id"], "status": row["status"], "total": float(row["total"])} for row in found]
        return page({"content": content, "page": number, **totals})

    def _login(self, asked: Asked) -> Say:
        if asked.method != "POST" or json.loads(asked.body) != {"username": USER, "password": PASSWORD}:
            return page({"message": "Invalid credentials"}, 401)
        with self._lock:
            self.logins += 1
            token = f"token-canary-{self.logins}-{time.monotonic_ns()}"
            self._left[token] = self._pages if self.logins <= self.most_logins else 0
        return page({"data": {"accessToken": token, "expiresIn": 3600}})

    def _is_good(self, token: str) -> bool:
        with self._lock:
            left = self._left.get(token, 0)
            self._left[token] = left - 1
        return left > 0


# ---- Link header: RFC 8288, as GitLab and GitHub write it
TICKETS = [
    {"id": n, "title": f"Ticket {n}", "opened": datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=n)}
    for n in range(1, 74)
]


class LinkHeader:
    """A bare array, and the way on in a header.

    Args:
        repeats: Whether the last page is served for ever: its link leads to a next number with the same records.
    """

    def __init__(self, *, repeats: bool = False) -> None:
        self._repeats = repeats

    def __call__(self, asked: Asked) -> Say:
        size = min(int(asked.query.get("per_page", 20)), 100)
        number, last = int(asked.query.get("page", 1)), -(-len(TICKETS) // size)
        start = (min(number, last) - 1) * size
        found = [
            {"id": row["id"], "title": row["title"], "opened": row["opened"].isoformat()}
            for row in TICKETS[start : start + size]
        ]
        links = [f'<{self._at(asked, 1)}>; rel="first"']
        if number < last or self._repeats:
            links.append(f'<{self._at(asked, number + 1)}>; rel="next"')
        return page(found, **{"Link": ", ".join(links), "X-Total": str(len(TICKETS))})

    @staticmethod
    def _at(asked: Asked, number: int) -> str:
        return f"http://{asked.headers['Host']}{_link(asked, {'page': number})}"


# ---- Banco Central do Brasil, SGS: https://dadosabertos.bcb.gov.br (BCData/SGS)
# No pages: `dataInicial` and `dataFinal`, both inclusive, dd/MM/aaaa, ten years at most; a window without a value is a 404.
SERIES = [
    {"day": date(1999, 1, 1) + timedelta(days=28 * n), "value": Decimal(40_000 + 137 * n) / 10_000} for n in range(330)
]


def sgs(asked: Asked) -> Say:
    first, last = (day_of(asked.query[name], "%d/%m/%Y") for name in ("dataInicial", "dataFinal"))
    if last >= first.replace(year=first.year + 10):
        return page(
            {
                "error": "O sistema aceita uma janela de consulta de, no máximo, 10 anos em séries de periodicidade diária"
            },
            406,
        )
    found = [{"data": f"{r['day']:%d/%m/%Y}", "valor": str(r["value"])} for r in SERIES if first <= r["day"] <= last]
    return page(found) if found else page({"erro": {"statusCode": 404, "detail": "Value(s) not found"}}, 404)


# ---- Banco Central do Brasil, Olinda: https://olinda.bcb.gov.br/olinda/servico/PTAX/versao/v1/documentacao
# A function of OData: dates as quoted MM-DD-YYYY, both inclusive; `$top` and `$skip`; nothing says whether there is more.
RATES = [
    {
        "quoted": NEW_YEAR + timedelta(hours=13, milliseconds=123) + timedelta(days=n),
        "buy": Decimal(48_000 + 31 * n) / 10_000,
        "sell": Decimal(48_006 + 31 * n) / 10_000,
    }
    for n in range(100)
]


def olinda(asked: Asked) -> Say:
    written = (asked.query[name] for name in ("@dataInicial", "@dataFinalCotacao"))
    first, last = (day_of(each, "'%m-%d-%Y'") for each in written)
    found = [row for row in RATES if first <= row["quoted"].date() <= last]
    skip, top = int(asked.query.get("$skip", 0)), int(asked.query.get("$top", len(RATES)))
    value = [
        {"cotacaoCompra": float(r["buy"]), "cotacaoVenda": float(r["sell"]), "dataHoraCotacao": f"{r['quoted']:%Y-%m-%d %H:%M:%S.%f}"[:-3]}
        for r in found[skip : skip + top]
    ]  # fmt: skip
    return page({"@odata.context": "https://portal.example/odata$metadata#_CotacaoDolarPeriodo", "value": value})


PTAX = "/CotacaoDolarPeriodo(dataInicial=@dataInicial,dataFinalCotacao=@dataFinalCotacao)"
SHAPES: dict[str, Callable[[], Any]] = {
    "federal_contracts": lambda: Shape("/contratos", CONTRACTS, transparencia, has_header("chave-api-dados", KEY),
                                       base_path="/api-de-dados"),
    "energy_tariffs": lambda: Shape("/api/3/action/datastore_search", TARIFFS, ckan,
                                    has_header("Authorization", KEY), ckan_refuses),
    "earthquakes": lambda: Shape("/resource/4tka-6guv.json", QUAKES, socrata, has_header("X-App-Token", KEY), socrata_refuses),
    "products": lambda: Shape("/Products", PRODUCTS, OData(), has_header("Authorization", f"Bearer {KEY}"), odata_refuses,
                              base_path="/odata/v4"),
    "orders": LoginToken,
    "tickets": lambda: Shape("/tickets", TICKETS, LinkHeader(), has_header("Authorization", f"Bearer {KEY}"),
                             base_path="/api/v4"),
    "exchange_rate_series": lambda: Shape("/dados/serie/bcdata.sgs.1/dados", SERIES, sgs, secret={}),
    "dollar_rates": lambda: Shape(PTAX, RATES, olinda, base_path="/olinda/servico/PTAX/versao/v1/odata", secret={}),
}  # fmt: skip
"""Dataset of a page in docs/portals/ to the portal that it is read from."""
