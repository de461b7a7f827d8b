"""Which URLs and addresses may be asked: the host allow-list, and the ban on private ranges."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from esteira.errors import ConfigError, SourceRejected
from esteira.http.config import HttpConfig
from esteira.redaction import printable, redact_url

_PORTS = {"http": 80, "https": 443}
_HINT = "If the portal's owner confirms it, add it to allowed_hosts in the portal's block; otherwise report it as an attack."
_AMBIGUOUS = re.compile(r"[\\\s\x00-\x1f]")
"""Characters that URL parsers read differently: what we check must be what urllib3 connects to."""
Origin = tuple[str, int]


class HostList:
    """The origins that a client may talk to.

    Args:
        config: The base URL, and the further hosts.
        name: What messages call the base URL.

    Raises:
        ConfigError: The base URL is not https, holds credentials or a query, or is http without being a loopback host.
    """

    def __init__(self, config: HttpConfig, name: str = "base_url") -> None:
        self._base = _base(config, name)
        self._origins = {_origin(self._base), *_further(config.allowed_hosts)}
        if config.proxy:
            _check_proxy(config.proxy)
            for host, _ in self._origins:
                _check_literal(host, allow_private=config.allow_private_hosts)

    def check(self, url: str) -> str:
        """The URL, if it may be asked.

        Raises:
            SourceRejected: Another host, a scheme weaker than the base URL's, or credentials in the URL.
        """
        try:
            parts = urlsplit(url)
            origin = _origin(parts)
        except (ValueError, KeyError):
            raise SourceRejected(f"The portal leads to {redact_url(url)}, which is no http URL.", hint=_HINT) from None
        if parts.scheme != "https" and self._base.scheme == "https":
            raise SourceRejected(
                f"The portal leads from https to {redact_url(url)}; host {origin[0]} is refused.", hint=_HINT
            )
        if origin not in self._origins or "@" in parts.netloc or _AMBIGUOUS.search(url):
            raise SourceRejected(
                f"The portal leads to {redact_url(url)}; host {origin[0]}:{origin[1]} is not allowed.", hint=_HINT
            )
        return url

    def check_redirect(self, source: str, target: str) -> str:
        """The target of a redirect, if it stays on its host.

        Raises:
            SourceRejected: It leaves the host, also for an allowed one: a redirect would carry the credentials along.
        """
        self.check(target)
        if _origin(urlsplit(source)) != _origin(urlsplit(target)):
            message = (
                f"{redact_url(source)} redirects to another host, {redact_url(target)}; no credentials were sent there."
            )
            raise SourceRejected(message, hint=_HINT)
        return target


def check_address(address: str, *, allow_private: bool) -> None:
    """Refuse the address of an open connection before a byte is sent: a name may resolve differently each time.

    Raises:
        SourceRejected: A link-local address (169.254.169.254 hands out AWS keys), or a private one that the block does not allow.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    is_private_allowed = allow_private and (ip.is_loopback or ip.is_private)
    if ip.is_link_local or not (ip.is_global or is_private_allowed):
        raise SourceRejected(
            f"The portal's host resolves to {ip}, which is not a public address; nothing was sent.",
            hint="Correct the base URL, or set allow_private_hosts in the block of a portal inside your network.",
        )


def check_proxy_address(address: str) -> None:
    """Refuse a proxy at a link-local address; a private one is where proxies stand.

    Raises:
        SourceRejected: It is link-local.
    """
    check_address(address, allow_private=True)


def _base(config: HttpConfig, name: str) -> SplitResult:
    try:
        parts = urlsplit(config.base_url)
        host, _ = _origin(parts)
    except (ValueError, KeyError):
        raise ConfigError(f"{name} {redact_url(config.base_url)} is no http URL.") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            f"{name} {redact_url(config.base_url)} holds a user, a query or a fragment.",
            hint="Use the auth of the block.",
        )
    if parts.scheme == "http" and not (config.allow_private_hosts and _is_loopback(host)):
        raise ConfigError(
            f"{name} {redact_url(config.base_url)} is not https.",
            hint="Use https. Plain http is for 127.0.0.1, ::1 and localhost with allow_private_hosts.",
        )
    if config.proxy and parts.scheme == "http":
        raise ConfigError(
            f"{name} {redact_url(config.base_url)} is not https, and a proxy would read every request to it.",
            hint="Use https, or take the proxy out of the block.",
        )
    return parts


def _check_proxy(proxy: str) -> None:
    try:
        parts = urlsplit(proxy)
        _origin(parts)
    except (ValueError, KeyError):
        raise ConfigError(f"proxy {redact_url(proxy)} is no http URL.") from None
    if "@" in parts.netloc or parts.query or parts.path.strip("/"):
        raise ConfigError(
            f"proxy {redact_url(proxy)} holds more than host and port.",
            hint="Put user name and password into a secret, and name it in proxy_secret.",
        )


def _check_literal(host: str, *, allow_private: bool) -> None:
    """Check a host that is written as an address. Behind a proxy nothing else can be checked: only the proxy resolves names."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    check_address(host, allow_private=allow_private)


def _further(hosts: Iterable[str]) -> Iterable[Origin]:
    for host in hosts:
        try:
            yield _origin(urlsplit(f"https://{host}"))
        except (ValueError, KeyError):
            raise ConfigError(f"allowed_hosts holds {printable(host)!r}, which is no host or host:port.") from None


def _origin(parts: SplitResult) -> Origin:
    if not parts.hostname:
        raise ValueError("no host")
    standard = _PORTS[parts.scheme]  # also where the URL names a port: another scheme is none of ours
    return parts.hostname.lower().rstrip("."), parts.port or standard


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
