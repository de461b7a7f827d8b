"""Client certificates against a TLS server that demands one, and a CONNECT proxy; verification cannot be switched off."""

from __future__ import annotations

import dataclasses
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme
from conftest import CANARY
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from hostile import Say, hostile, page
from proxy import connect_proxy

from esteira.auth import ApiKey, Secret
from esteira.errors import AuthError, ConfigError, SourceRejected, SourceUnavailable
from esteira.http import HttpClient, HttpConfig, Keys, Terms
from esteira.http.hosts import check_proxy_address
from esteira.portal import PortalConfig

ROWS = {"rows": [{"id": 1}]}
NAME = "esteira/test/certificate"


class Authority:
    """An authority, a server's context that trusts it, and clients' certificates."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.bundle = str(folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.bundle)

    def server(self, *names: str, wants_certificate: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
        if wants_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            self.ca.configure_trust(context)
        return context

    def client(self, passphrase: str = "") -> dict[str, str]:
        issued = self.ca.issue_cert("client@example.org")
        chain = "".join(blob.bytes().decode() for blob in issued.cert_chain_pems)
        key = issued.private_key_pem.bytes()
        if passphrase:
            whole = load_pem_private_key(key, None)
            key = whole.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode()))
        found = {"certificate": chain, "key": key.decode()}
        return found | ({"passphrase": passphrase} if passphrase else {})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def client(authority: Authority) -> Any:
    opened: list[HttpClient] = []

    def built(url: str, fields: Any = None, proxy_fields: Any = None, **options: Any) -> HttpClient:
        quick = {"backoff_base_seconds": 0.01, "backoff_cap_seconds": 0.02, "allow_private_hosts": True}
        quick |= {"max_attempts": 2, "ca_bundle": authority.bundle, "connect_timeout_seconds": 2}
        config = HttpConfig(base_url=url, client_certificate=NAME if fields else None, **(quick | options))
        keys = Keys(Secret(NAME, fields) if fields else None, Secret("esteira/test/proxy", proxy_fields) if proxy_fields else None)  # fmt: skip
        opened.append(HttpClient(config, keys=keys))
        return opened[-1]

    yield built
    for each in opened:
        each.close()


@pytest.mark.parametrize("passphrase", ["", "gehe1m-99"])
def test_a_portal_that_wants_a_certificate_gets_it(client: Any, authority: Authority, passphrase: str):
    with hostile(lambda _: page(ROWS), authority.server(wants_certificate=True)) as up:
        assert client(up.url, authority.client(passphrase)).get("/rows").status == 200


def test_a_client_without_the_certificate_is_refused_and_the_error_names_the_secret(client: Any, authority: Authority):
    server = authority.server(wants_certificate=True)
    server.maximum_version = (
        ssl.TLSVersion.TLSv1_2
    )  # a later one answers behind the handshake, where a reset may overtake the alert
    with hostile(lambda _: page(ROWS), server) as up:
        with pytest.raises(AuthError, match=r"client certificate .*asked with no secret"):
            client(up.url).get("/rows")
        stranger = trustme.CA().issue_cert("mallory@example.org")
        fields = {"certificate": stranger.cert_chain_pems[0].bytes().decode(), "key": stranger.private_key_pem.bytes().decode()}  # fmt: skip
        with pytest.raises(AuthError, match=rf"client certificate .*asked with secret '{NAME}'"):
            client(up.url, fields).get("/rows")
        assert up.asked == []


def test_a_client_without_the_certificate_gets_nothing_by_the_newest_tls_either(client: Any, authority: Authority):
    with hostile(lambda _: page(ROWS), authority.server(wants_certificate=True)) as up:
        with pytest.raises((AuthError, SourceUnavailable)):
            client(up.url).get("/rows")
        assert up.asked == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda fields: {**fields, "key": "no key"},
        lambda fields: {**fields, "certificate": "no certificate"},
        lambda fields: {**fields, "passphrase": "wrong-one"},
        lambda fields: {name: value for name, value in fields.items() if name != "passphrase"},
        lambda fields: {name: value for name, value in fields.items() if name != "key"},
    ],
)
def test_a_certificate_that_cannot_be_used_names_the_secret_and_no_value(client: Any, authority: Authority, spoil: Any):
    fields = spoil(authority.client("gehe1m-99"))
    with pytest.raises(AuthError, match=NAME) as caught:
        client("https://portal.example", fields)
    assert [value for value in fields.values() if value in str(caught.value)] == []


def test_the_key_is_left_in_no_file_that_has_a_name(client: Any, authority: Authority, tmp_path: Path, monkeypatch: Any):  # fmt: skip
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    seen: list[str] = []
    real = ssl.SSLContext.load_cert_chain

    def watched(context: ssl.SSLContext, certificate: str, key: str, **more: Any) -> None:
        seen.extend([*map(str, tmp_path.rglob("*")), str(Path(key).readlink())])
        real(context, certificate, key, **more)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watched)
    before = set(map(str, Path("/proc/self/fd").iterdir()))
    client("https://portal.example", authority.client())
    assert len(seen) == 1
    assert "(deleted)" in seen[0]
    assert set(map(str, Path("/proc/self/fd").iterdir())) == before


def test_a_request_goes_through_the_proxy_and_is_encrypted_to_the_portal(client: Any, authority: Authority):
    with hostile(lambda _: page(ROWS), authority.server("portal.example")) as up, connect_proxy(up.port) as proxy:
        opened = client("https://portal.example", proxy=proxy.url, allow_private_hosts=False)
        assert opened.get("/rows", {"key": CANARY}).status == 200
        assert [head.split()[:2] for head in proxy.heads] == [["CONNECT", "portal.example:443"]]
        assert CANARY not in proxy.heads[0]


def test_a_proxy_that_is_tls_itself_is_verified_too(client: Any, authority: Authority, tmp_path: Path):
    with hostile(lambda _: page(ROWS), authority.server("portal.example")) as up:
        with connect_proxy(up.port, context=authority.server()) as proxy:
            assert client("https://portal.example", proxy=proxy.url).get("/rows").status == 200
        with (
            connect_proxy(up.port, context=Authority(tmp_path).server()) as stranger,
            pytest.raises(SourceRejected, match="certificate"),
        ):
            client("https://portal.example", proxy=stranger.url).get("/rows")


def test_a_client_certificate_goes_through_a_proxy_to_the_portal(client: Any, authority: Authority):
    server = authority.server("portal.example", wants_certificate=True)
    with hostile(lambda _: page(ROWS), server) as up, connect_proxy(up.port) as proxy:
        assert client("https://portal.example", authority.client(), proxy=proxy.url).get("/rows").status == 200


def test_the_proxys_login_is_sent_to_the_proxy_alone(client: Any, authority: Authority):
    fields = {"username": "maria", "password": "pr0xy-pass"}
    with (
        hostile(lambda _: page(ROWS), authority.server("portal.example")) as up,
        connect_proxy(up.port, login="maria:pr0xy-pass") as proxy,
    ):
        opened = client("https://portal.example", proxy_fields=fields, proxy=proxy.url)
        assert opened.get("/rows").status == 200
        assert "Proxy-Authorization" not in up.asked[0].headers
        assert "pr0xy" not in up.asked[0].said


@pytest.mark.parametrize("fields", [None, {"username": "maria", "password": "wr0ng-pass"}])
def test_a_proxy_that_refuses_our_login_is_an_auth_error_that_names_its_secret(client: Any, fields: Any):
    with connect_proxy(9, login="maria:pr0xy-pass") as proxy:
        secret = "esteira/test/proxy" if fields else "no secret"
        with pytest.raises(AuthError, match=rf"proxy answers 407; asked with .*{secret}") as caught:
            client(
                "https://portal.example",
                proxy_fields=fields,
                proxy=proxy.url,
                proxy_secret="esteira/test/proxy" if fields else None,
            ).get("/rows")
        assert "wr0ng" not in str(caught.value)
        assert len(proxy.heads) == 1


def test_a_proxy_that_lets_nobody_through_is_rejected_and_one_that_fails_is_asked_again(client: Any):
    with connect_proxy(9, status=403) as proxy:
        with pytest.raises(SourceRejected, match="proxy answers 403"):
            client("https://portal.example", proxy=proxy.url).get("/rows")
        assert len(proxy.heads) == 1
    with connect_proxy(9, status=502) as proxy:
        with pytest.raises(SourceUnavailable, match=r"2 attempts.*proxy answers 502"):
            client("https://portal.example", proxy=proxy.url).get("/rows")
        assert len(proxy.heads) == 2


def test_a_proxy_that_is_down_is_unavailable(client: Any):
    with pytest.raises(SourceUnavailable, match="the proxy: connection refused"):
        client("https://portal.example", proxy="http://127.0.0.1:9").get("/rows")


@pytest.mark.fault(9)
def test_a_certificate_of_a_stranger_is_refused_behind_a_proxy_too(client: Any, authority: Authority):
    with hostile(lambda _: page(ROWS), authority.server("evil.example")) as up, connect_proxy(up.port) as proxy:
        with pytest.raises(SourceRejected, match="certificate"):
            client("https://portal.example", proxy=proxy.url).get("/rows")
        assert up.asked == []


@pytest.mark.fault(63)
@pytest.mark.parametrize("url", ["https://10.0.0.1", "https://169.254.169.254", "https://[::1]"])
def test_an_address_of_a_private_range_is_refused_behind_a_proxy(client: Any, url: str):
    with pytest.raises(SourceRejected, match="not a public address"):
        client(url, proxy="http://127.0.0.1:9", allow_private_hosts=False)


@pytest.mark.fault(63)
def test_a_proxy_at_a_link_local_address_is_refused():
    with pytest.raises(SourceRejected, match="not a public address"):
        check_proxy_address("169.254.169.254")


@pytest.mark.fault(62)
def test_a_redirect_to_another_host_is_refused_behind_a_proxy(client: Any, authority: Authority):
    away = Say(status=307, headers={"Location": "https://evil.example/x"})
    with hostile(lambda _: away, authority.server("portal.example")) as up, connect_proxy(up.port) as proxy:
        with pytest.raises(SourceRejected, match=r"evil\.example"):
            client("https://portal.example", proxy=proxy.url).send(
                "POST", "/rows", json={"a": 1}, terms=Terms(is_read_only=True)
            )
        assert len(proxy.heads) == 1


@pytest.mark.parametrize(
    ("proxy", "url"),
    [
        ("http://u:pa55-word@127.0.0.1:9", "https://portal.example"),
        ("socks5://127.0.0.1:9", "https://portal.example"),
        ("127.0.0.1:9", "https://portal.example"),
        ("http://127.0.0.1:9/?key=pa55-word", "https://portal.example"),
        ("http://127.0.0.1:9", "http://127.0.0.1:8"),
    ],
)
def test_a_proxy_that_would_show_a_secret_is_a_config_error(client: Any, proxy: str, url: str):
    with pytest.raises(ConfigError) as caught:
        client(url, proxy=proxy)
    assert "pa55" not in str(caught.value)


def test_a_proxy_of_the_environment_is_not_used(client: Any, authority: Authority, monkeypatch: Any):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    with hostile(lambda _: page(ROWS), authority.server()) as up:
        assert client(up.url).get("/rows").status == 200


@pytest.mark.fault(9)
def test_nothing_can_be_configured_that_switches_verification_off(client: Any, authority: Authority):
    names = {field.name for field in dataclasses.fields(PortalConfig)}
    assert not [name for name in names if "verif" in name or "insecure" in name or "ssl" in name]
    with hostile(lambda _: page(ROWS), authority.server()) as up:
        for off in ("", None):
            with pytest.raises(SourceRejected, match="certificate"):
                client(up.url, ca_bundle=off).get("/rows")
        assert up.asked == []


@pytest.mark.fault(7)
def test_a_slow_drip_through_two_layers_of_tls_ends_at_the_total_deadline(client: Any, authority: Authority):
    slow = Say(b" " * 1000, drip_seconds=0.02)
    with (
        hostile(lambda _: slow, authority.server("portal.example")) as up,
        connect_proxy(up.port, context=authority.server()) as proxy,
    ):
        opened = client("https://portal.example", proxy=proxy.url, total_timeout_seconds=0.3)
        with pytest.raises(SourceUnavailable, match=r"not complete after 0\.3"):
            opened.get("/rows")
    for timer in [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]:
        timer.join(5)  # it may still be closing what it ended
        assert not timer.is_alive()


def test_a_portal_whose_secret_of_a_certificate_nobody_can_read_is_a_config_error(open_portal: Any):
    with pytest.raises(ConfigError, match=NAME):
        open_portal("https://portal.example", auth=(ApiKey("X"),), client_certificate=NAME)
