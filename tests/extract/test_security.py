"""Faults 62, 63 and 64: other hosts, private ranges, and secrets in what people read."""

from __future__ import annotations

import json
import logging
import traceback
from typing import Any

import pytest
from conftest import CANARY
from hostile import Say, hostile, page

from esteira.auth import ApiKey, Bearer, Secret
from esteira.contract import NextLink
from esteira.errors import AuthError, ConfigError, EsteiraError, SourceRejected
from esteira.http.hosts import check_address

SCHEMES = [
    ApiKey("X-Api-Key"),
    ApiKey("key", "query"),
    ApiKey("session", "cookie"),
    Bearer(),
    ApiKey("Authorization", prefix="Token "),
]


@pytest.mark.fault(62)
@pytest.mark.parametrize("auth", SCHEMES, ids=str)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host_is_refused_and_no_credential_leaves(
    open_portal: Any, source: Any, auth: Any, status: Any
):
    with hostile(lambda _: page({"rows": []})) as thief:
        away = page({}, status, Location=f"{thief.url}/rows")
        with hostile(lambda _: away) as up, pytest.raises(SourceRejected, match=f"{thief.port}"):
            list(open_portal(up.url, auth=(auth,), allowed_hosts=()).pages(source()))
        assert thief.asked == []


LINKS = ["https://evil.example/x", "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "//evil.example/x", "http://[::1/", "ftp://x/",
         "http://u:p@127.0.0.1/", "http://evil.example\\@127.0.0.1/"]  # fmt: skip


@pytest.mark.fault(63)
@pytest.mark.parametrize("link", LINKS)
def test_a_next_link_to_another_host_is_refused(open_portal: Any, source: Any, link: Any):
    with hostile(lambda _: page({"rows": [{"id": 1}], "next": link})) as up:
        with pytest.raises(EsteiraError) as caught:
            list(open_portal(up.url).pages(source(paginator=NextLink(body="next"))))
        assert caught.value.exit_code == 65
        assert len(up.asked) == 1


@pytest.mark.fault(63)
@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "127.0.0.1", "192.168.0.1", "169.254.169.254", "::1", "fd00:ec2::254", "::ffff:10.0.0.1", "0.0.0.0"],
)
def test_an_address_of_a_private_range_is_refused(address: Any):
    with pytest.raises(SourceRejected):
        check_address(address, allow_private=False)


@pytest.mark.fault(63)
@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254"])
def test_a_link_local_address_is_refused_even_inside_a_private_network(address: Any):
    with pytest.raises(SourceRejected):
        check_address(address, allow_private=True)


@pytest.mark.fault(63)
def test_a_public_name_that_resolves_to_a_private_address_is_sent_nothing(open_portal: Any, source: Any):
    with hostile(lambda _: page({"rows": []})) as up:
        with pytest.raises(SourceRejected, match="not a public address"):
            list(open_portal(f"https://localhost:{up.port}", allow_private_hosts=False).pages(source()))
        assert up.asked == []


@pytest.mark.fault(64)
@pytest.mark.parametrize("auth", SCHEMES, ids=str)
@pytest.mark.parametrize("status", [200, 401, 404, 500, 0])
def test_the_secret_stands_in_no_log_error_or_state(open_portal: Any, source: Any, auth: Any, status: Any, caplog: Any):
    def answer(asked: Any) -> Any:
        echo = {"rows": [{"id": asked.number}], "next": f"/rows?key={CANARY}&p=2" if asked.number == 1 else None}
        if asked.number == 1:
            return page(echo)
        return page(echo, status) if status else Say(f"<html>{CANARY}".encode())

    seen = []
    with caplog.at_level(logging.DEBUG), hostile(answer) as up:
        portal = open_portal(up.url, auth=(auth,), max_attempts=2)
        try:
            for got in portal.pages(source(paginator=NextLink(body="next"))):
                shown = (got.url, repr(got))
                seen += shown
                if auth.__class__ is ApiKey and auth.place == "query":
                    seen.append(json.dumps(got.next_state))
        except EsteiraError as exc:
            seen += [*traceback.format_exception(exc), repr(exc), exc.paragraph()]
        seen += [repr(portal), repr(portal.config), repr(portal._access), repr(portal._access._standing)]
        assert len(up.asked) >= 2
        sent = json.dumps([[a.query, a.headers] for a in up.asked])
    assert sent.count(CANARY) >= len(up.asked), "the canary was not sent at all: this test proves nothing"
    assert "urllib3" in {record.name.split(".")[0] for record in caplog.records}
    assert CANARY not in "\n".join([*map(str, seen), caplog.text, *(repr(record.args) for record in caplog.records)])


def test_a_missing_field_names_secret_and_field_but_no_value(open_portal: Any):
    with pytest.raises(AuthError, match=r"esteira/test/portal.*'other'") as caught:
        open_portal("https://portal.example", auth=(Bearer("other"),))
    assert CANARY not in str(caught.value)


def test_an_auth_without_a_secret_is_a_config_error(open_portal: Any):
    with pytest.raises(ConfigError, match="names no secret"):
        open_portal("https://portal.example", secret=None)


@pytest.mark.parametrize("value", ["tok\n", "tök", " tok", ""])
def test_a_token_that_cannot_be_sent_is_refused(value: Any):
    with pytest.raises(AuthError):
        Bearer().credentials(Secret("s", {"token": value}))


def test_a_header_name_with_a_line_break_cannot_be_written():
    with pytest.raises(ConfigError):
        ApiKey("X\r\nY")
