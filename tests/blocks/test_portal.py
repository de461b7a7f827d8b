"""The portal block: each of its schemes is the core's, with the same fields and defaults, and a form that is wrong is refused."""

from __future__ import annotations

import dataclasses
import logging
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.concurrency.asyncio import AcquireConcurrencySlotTimeoutError, ConcurrencySlotAcquisitionError
from pydantic import ValidationError

import blocks
from blocks import PortalBlock, Rate, limits
from blocks.auth import Scheme
from blocks.limits import Limit, PrefectLimits
from esteira import auth, http
from esteira.errors import ConfigError, RateLimited
from esteira.portal import PortalConfig

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/portal.md"
SCHEMES = Scheme.__subclasses__()
ALL: list[dict[str, Any]] = [
    {"type": "bearer"},
    {"type": "api_key", "name": "chave-api-dados"},
    {"type": "http_basic"},
    {"type": "fixed_headers", "headers": {"X-Api-Version": "2"}},
    {"type": "oauth2_client_credentials", "token_url": "/oauth/token"},
    {"type": "login", "path": "/login"},
]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.__name__)
def test_a_scheme_of_the_block_has_the_fields_and_defaults_of_the_cores(scheme: type[Scheme]):
    core = {field.name: field for field in dataclasses.fields(scheme.core)}
    assert scheme.__name__ == scheme.core.__name__
    assert list(scheme.model_fields) == ["type", *core]
    for name, field in scheme.model_fields.items():
        if name in core and not field.is_required() and scheme is not blocks.FixedHeaders:
            default = core[name].default
            found = core[name].default_factory() if default is dataclasses.MISSING else default  # type: ignore[misc]
            assert field.get_default(call_default_factory=True) == found
        assert name == "type" or field.description, f"{name} says nothing in the form"


def test_every_scheme_of_the_core_is_in_the_block():
    core = {name for name in auth.__all__ if hasattr(getattr(auth, name), "credentials") or hasattr(getattr(auth, name), "carry")}  # fmt: skip
    assert {scheme.__name__ for scheme in SCHEMES} == core - {"FixedScheme", "TokenScheme"}


def test_auth_is_written_as_a_form_or_as_values_and_is_the_same():
    form = PortalBlock(base_url="https://portal.example", auth=ALL)
    code = PortalBlock(
        base_url="https://portal.example",
        auth=[
            blocks.Bearer(),
            blocks.ApiKey(name="chave-api-dados"),
            blocks.HttpBasic(),
            blocks.FixedHeaders(headers={"X-Api-Version": "2"}),
            blocks.OAuth2ClientCredentials(token_url="/oauth/token"),
            blocks.Login(path="/login"),
        ],
    )
    assert form.auth == code.auth
    assert form.config().auth == (
        auth.Bearer(),
        auth.ApiKey("chave-api-dados"),
        auth.HttpBasic(),
        auth.FixedHeaders({"X-Api-Version": "2"}),
        auth.OAuth2ClientCredentials(token_url="/oauth/token"),
        auth.Login(path="/login"),
    )


def test_every_field_of_the_block_reaches_the_core():
    given: dict[str, Any] = {
        "base_url": "https://portal.example",
        "secret_name": "esteira/p",
        "allowed_hosts": ["files.example"],
        "allow_private_hosts": True,
        "ca_bundle": "/ca.pem",
        "client_certificate": "esteira/c",
        "proxy": "http://proxy.example:3128",
        "proxy_secret": "esteira/x",
        "timezone": "America/Sao_Paulo",
        "max_concurrent_requests": 3,
        "contact": "data@x.example",
    }
    config = PortalBlock(**given, rates=[Rate(requests=400, per_seconds=60, from_hour=6)]).config()
    for name, value in given.items():
        found = getattr(config, {"secret_name": "secret"}.get(name, name))
        assert found == (tuple(value) if isinstance(value, list) else value)
    assert config.rates == (http.Rate(400, 60, from_hour=6),)
    core = {field.name: field.default for field in dataclasses.fields(PortalConfig)}
    for name in set(PortalBlock.model_fields) - set(given) - {"auth", "rates", "rate_limit", "concurrency_limit"}:
        assert getattr(config, name) == core[name] == PortalBlock.model_fields[name].default
    assert set(core) - set(PortalBlock.model_fields) == {"name", "secret", "dataset"}


def test_a_field_that_was_left_empty_in_the_form_is_not_set():
    optional = [name for name, field in PortalBlock.model_fields.items() if field.default is None]
    block = PortalBlock(base_url="https://portal.example", **dict.fromkeys(optional, ""))
    assert {name: getattr(block, name) for name in optional} == dict.fromkeys(optional)
    assert len(optional) == 8


@pytest.mark.parametrize(
    "wrong",
    [
        {"auth": "bearer"},
        {"auth": [{"type": "kerberos"}]},
        {"auth": [{"type": "api_key"}]},
        {"auth": [{"type": "bearer", "token": "abc"}]},
        {"auth": [{"type": "api_key", "name": "X\r\nY"}]},
        {"auth": [{"type": "login", "path": "/l", "token": "a["}]},
        {"rates": [{"requests": 0}]},
    ],
)
def test_a_form_that_is_wrong_is_refused(wrong: Any):
    with pytest.raises((ValidationError, ConfigError)):
        PortalBlock(base_url="https://portal.example", **wrong)


def test_the_form_offers_each_scheme_by_its_type():
    schema = PortalBlock.model_json_schema()
    items = schema["properties"]["auth"]["items"]
    assert set(items["discriminator"]["mapping"]) == {each["type"] for each in ALL}


def test_no_field_of_the_block_holds_a_secrets_value():
    block = PortalBlock(base_url="https://portal.example", secret_name="esteira/p", auth=ALL)
    assert "token" not in {name for name in PortalBlock.model_fields if name != "secret_name"}
    assert {each.field for each in block.auth if hasattr(each, "field")} == {"token"}


@pytest.mark.parametrize("name", PortalBlock.model_fields)
def test_the_reference_describes_each_field_of_the_block(name: str):
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert any(f"`{name}`" in row.split(" | ")[0] for row in rows), f"Fix: describe {name} in docs/reference/portal.md."


@pytest.mark.parametrize("scheme", [*SCHEMES, Rate], ids=lambda scheme: scheme.__name__)
def test_the_reference_prints_the_signature_of_each_scheme(scheme: Any):
    names = [name for name in scheme.model_fields if name != "type"]
    found = re.findall(rf"`{scheme.__name__}\(((?:[^()]|\([^()]*\))*)\)`", PAGE.read_text(encoding="utf-8"))  # fmt: skip
    printed = [[part.split("=")[0].strip() for part in re.sub(r"\{[^}]*\}", "", each).split(",")] for each in found]
    assert names in printed, f"Fix: print `{scheme.__name__}({', '.join(names)})` in docs/reference/portal.md."


def test_the_dataset_is_named_to_the_portal():
    assert PortalBlock(base_url="https://portal.example").config("flights").dataset == "flights"


def test_a_rates_limit_lets_no_more_through_than_the_rate_in_any_window():
    rates = [http.Rate(400, 60, from_hour=6), http.Rate(700, 60, to_hour=6), http.Rate(1, 10)]
    wanted = PrefectLimits("portal", "portal-requests", rates, 4).wanted()
    assert [limit.name for limit in wanted] == [
        "portal-400-in-60s",
        "portal-700-in-60s",
        "portal-1-in-10s",
        "portal-requests",
    ]
    for limit, rate in zip(wanted, rates, strict=False):
        assert limit.decay_per_second is not None
        assert limit.slots + limit.decay_per_second * rate.per_seconds <= max(rate.requests, 2)
    assert wanted[-1] == Limit("portal-requests", 4)


def test_a_block_without_limits_asks_no_server(monkeypatch: Any):
    monkeypatch.setattr(limits, "rate_limit", None)
    monkeypatch.setattr(limits, "concurrency", None)
    with PrefectLimits(None, None, [http.Rate(1)], 1).slot([http.Rate(1)], lambda: False):
        pass


def test_a_limit_that_the_server_has_not_is_said_once_and_nothing_waits(monkeypatch: Any, caplog: Any):
    asked = []

    def absent(name: str, **_: Any) -> None:
        asked.append(name)
        raise ConcurrencySlotAcquisitionError(f"Concurrency limits ['{name}'] must be created before acquiring slots")

    monkeypatch.setattr(limits, "rate_limit", absent)
    shared = PrefectLimits("portal", None, [http.Rate(2)], 1)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with shared.slot([http.Rate(2)], lambda: False):
                pass
    assert asked == ["portal-2-in-1s"]
    assert caplog.text.count("not together with other runs") == 1
    assert "must be created" in caplog.text


def test_a_wait_for_a_slot_ends_when_the_run_is_stopped(monkeypatch: Any):
    def full(name: str, **_: Any) -> None:
        time.sleep(0.01)
        raise AcquireConcurrencySlotTimeoutError

    monkeypatch.setattr(limits, "rate_limit", full)
    until = time.monotonic() + 0.1
    with PrefectLimits("p", None, [], 1).slot([http.Rate(2)], lambda: time.monotonic() > until):
        assert time.monotonic() > until


def test_a_wait_for_a_slot_that_never_comes_ends_as_a_rate_limit_and_gives_back_what_it_holds(monkeypatch: Any):
    given_back = []

    class Full:
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def __enter__(self) -> None:
            given_back.append("nothing was held")
            raise AcquireConcurrencySlotTimeoutError

        def __exit__(self, *_: object) -> None:
            raise AssertionError

    monkeypatch.setattr(limits, "concurrency", Full)
    monkeypatch.setattr(limits, "MAX_WAIT_SECONDS", 0.01)
    with (
        pytest.raises(RateLimited, match=r"'requests' became free in 0\.01 seconds"),
        PrefectLimits(None, "requests", [], 1).slot([], lambda: False),
    ):
        raise AssertionError
    assert given_back


def test_a_slot_that_cannot_be_given_back_costs_no_page(monkeypatch: Any, caplog: Any):
    class Lost:
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: object) -> None:
            raise httpx.ConnectError("down")

    monkeypatch.setattr(limits, "concurrency", Lost)
    with PrefectLimits(None, "requests", [], 1).slot([], lambda: False):
        pass
    assert "'requests' could not be given back" in caplog.text
