"""Faults 1 to 9: the portal does not answer, or not as HTTP should."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import trustme
from hostile import Say, bomb, hostile, page

from esteira.errors import AuthError, ConfigError, PayloadError, RateLimited, SourceRejected, SourceUnavailable
from esteira.http.config import HttpConfig
from esteira.http.wait import retry_wait

ROWS = {"rows": [{"id": 1}]}


def first(bad: Any, good: Any = None, times: int = 1):
    return lambda asked: bad if asked.number <= times else (good or page(ROWS))


@pytest.mark.fault(1)
def test_a_refused_connection_names_host_and_attempts(open_portal: Any, source: Any):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    portal = open_portal(f"http://127.0.0.1:{port}", max_attempts=3)
    with pytest.raises(SourceUnavailable, match=rf"127\.0\.0\.1:{port} .* 3 attempts.*connection refused"):
        list(portal.pages(source()))
    assert portal.stats.requests == 3


@pytest.mark.fault(1)
def test_a_name_that_does_not_resolve_names_the_host(open_portal: Any, source: Any):
    with pytest.raises(SourceUnavailable, match=r"portal\.invalid .* 2 attempts.*does not resolve"):
        list(open_portal("https://portal.invalid", max_attempts=2).pages(source()))


@pytest.mark.fault(1)
def test_a_connection_that_does_not_open_ends_in_time(open_portal: Any, source: Any):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        portal = open_portal(f"http://127.0.0.1:{full.getsockname()[1]}", max_attempts=2, connect_timeout_seconds=0.2)
        with pytest.raises(SourceUnavailable, match="no connection in time"):
            list(portal.pages(source()))
        for filler in fillers:
            filler.close()


@pytest.mark.fault(2)
@pytest.mark.parametrize("bad", [Say(b'{"rows', announced=500, is_reset=True), Say(b'{"rows', announced=500)])
def test_a_body_that_breaks_off_is_read_again(open_portal: Any, source: Any, bad: Any):
    with hostile(first(bad, times=2)) as up:
        portal = open_portal(up.url)
        assert [len(p.records) for p in portal.pages(source())] == [1]
        assert portal.stats.retries == 2


@pytest.mark.fault(3)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed_up_to_the_cap(open_portal: Any, source: Any, status: Any):
    with hostile(first(page({}, status, **{"Retry-After": "600"}))) as up:
        portal = open_portal(up.url, retry_after_cap_seconds=0.3)
        started = time.monotonic()
        assert len(list(portal.pages(source()))) == 1
        assert 0.3 <= time.monotonic() - started < 3
        assert portal.stats.waited_seconds == pytest.approx(0.3)


@pytest.mark.fault(3)
def test_retry_after_as_a_date_is_read_by_the_portals_own_clock():
    now = datetime(2020, 1, 1, tzinfo=UTC)
    headers = {
        "retry-after": format_datetime(now + timedelta(seconds=7), usegmt=True),
        "date": format_datetime(now, usegmt=True),
    }
    assert retry_wait(HttpConfig(base_url="https://x"), 0, headers) == 7


@pytest.mark.fault(3)
def test_a_portal_that_answers_429_for_ever_is_a_rate_limit(open_portal: Any, source: Any):
    with hostile(lambda _: page({}, 429)) as up, pytest.raises(RateLimited, match=r"3 attempts.*429"):
        list(open_portal(up.url, max_attempts=3).pages(source()))


@pytest.mark.fault(4)
@pytest.mark.parametrize("value", ["soon", "-5", "99999999999", "1e400", "", "Wed, 99 Foo 2020", "²"])
def test_a_senseless_retry_after_gives_way_to_backoff(value: Any):
    assert retry_wait(HttpConfig(base_url="https://x", backoff_base_seconds=0.5), 0, {"retry-after": value}) <= 0.5


@pytest.mark.fault(4)
def test_a_senseless_retry_after_is_survived_on_the_wire(open_portal: Any, source: Any):
    with hostile(first(page({}, 503, **{"Retry-After": "soon"}))) as up:
        assert len(list(open_portal(up.url).pages(source()))) == 1


@pytest.mark.fault(6)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_errors_beyond_the_budget_name_path_status_and_page(open_portal: Any, source: Any, status: Any):
    with hostile(lambda _: page({}, status)) as up:
        with pytest.raises(SourceUnavailable, match=rf"Page 1: .*/rows in 4 attempts.*{status}"):
            list(open_portal(up.url, max_attempts=4).pages(source()))
        assert len(up.asked) == 4


@pytest.mark.fault(7)
@pytest.mark.parametrize("is_head_dripped", [False, True])
def test_a_slow_drip_ends_at_the_total_deadline(open_portal: Any, source: Any, is_head_dripped: Any):
    slow = Say(b" " * 1000, drip_seconds=0.02, is_head_dripped=is_head_dripped)
    with hostile(first(slow)) as up:
        assert len(list(open_portal(up.url, total_timeout_seconds=0.4).pages(source()))) == 1
    with hostile(lambda _: slow) as up, pytest.raises(SourceUnavailable, match=r"not complete after 0\.3 seconds"):
        list(open_portal(up.url, total_timeout_seconds=0.3, max_attempts=2).pages(source()))


@pytest.mark.fault(8)
def test_a_decompression_bomb_stops_at_the_limit(open_portal: Any, source: Any):
    inflates_to_100_mb = bomb(100_000_000)
    with hostile(lambda _: inflates_to_100_mb) as up, pytest.raises(PayloadError, match="1048576 bytes"):
        list(open_portal(up.url, max_response_bytes=1_048_576).pages(source()))


@pytest.fixture(scope="module")
def tls():
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return authority, context


@pytest.mark.fault(9)
def test_a_certificate_of_a_stranger_is_refused_at_once(open_portal: Any, source: Any, tls: Any):
    with hostile(lambda _: page(ROWS), tls[1]) as up:
        with pytest.raises(SourceRejected, match=rf"127\.0\.0\.1:{up.port} .*certificate"):
            list(open_portal(up.url).pages(source()))
        assert up.asked == []


@pytest.mark.fault(9)
def test_a_redirect_from_https_to_http_is_refused(open_portal: Any, source: Any, tls: Any, tmp_path: Any):
    tls[0].cert_pem.write_to_path(tmp_path / "ca.pem")
    with hostile(lambda _: page(ROWS)) as plain:
        answer = first(page({}, 302, Location=f"{plain.url}/rows"), times=99)
        with hostile(answer, tls[1]) as up, pytest.raises(SourceRejected, match=r"from https to .*127\.0\.0\.1"):
            list(open_portal(up.url, ca_bundle=str(tmp_path / "ca.pem")).pages(source()))
        assert plain.asked == []


@pytest.mark.fault(7)
def test_a_slow_drip_over_tls_ends_at_the_total_deadline(open_portal: Any, source: Any, tls: Any, tmp_path: Any):
    tls[0].cert_pem.write_to_path(tmp_path / "ca.pem")
    with hostile(first(Say(b" " * 1000, drip_seconds=0.02)), tls[1]) as up:
        portal = open_portal(up.url, ca_bundle=str(tmp_path / "ca.pem"), total_timeout_seconds=0.4)
        assert len(list(portal.pages(source()))) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_the_secret_and_is_not_repeated(open_portal: Any, source: Any, status: Any):
    with hostile(lambda _: Say(b"<html>", status)) as up:
        with pytest.raises(AuthError, match=rf"{status}.*esteira/test/portal"):
            list(open_portal(up.url).pages(source()))
        assert len(up.asked) == 1


def test_another_4xx_is_not_repeated(open_portal: Any, source: Any):
    with hostile(lambda _: page({}, 404)) as up:
        with pytest.raises(SourceRejected, match=r"Page 1: .*404.*/rows"):
            list(open_portal(up.url).pages(source()))
        assert len(up.asked) == 1


def test_a_redirect_on_the_same_host_is_followed(open_portal: Any, source: Any):
    with hostile(first(page({}, 307, Location="/elsewhere?a=1"))) as up:
        assert len(list(open_portal(up.url).pages(source()))) == 1
        assert (up.asked[1].path, up.asked[1].query) == ("/elsewhere", {"a": "1"})


@pytest.mark.parametrize(
    "url", ["http://portal.example", "https://u:p@portal.example", "ftp://x", "https://", "https://x/?k=1"]
)
def test_an_unsafe_base_url_is_refused_when_constructed(open_portal: Any, url: Any):
    with pytest.raises(ConfigError):
        open_portal(url)
