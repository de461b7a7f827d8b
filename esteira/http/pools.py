"""Connections that are shown to a guard: the peer's address before a byte is sent, and the socket that will be read."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

Admit = Callable[[socket.socket], None]


class GuardedAdapter(HTTPAdapter):
    """Every connection is shown to `admit` after it opens and after TLS.

    Args:
        admit: The guard; what it raises ends the request.
        client_context: Holds the client's certificate, if the portal wants one.
        proxy_login: Headers for the proxy alone.
    """

    def __init__(
        self, admit: Admit, client_context: ssl.SSLContext | None = None, proxy_login: Mapping[str, str] | None = None
    ) -> None:
        self._admit, self._client_context, self._proxy_login = admit, client_context, dict(proxy_login or {})
        super().__init__(pool_connections=4, pool_maxsize=2)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Pools of guarded connections."""
        super().init_poolmanager(*args, **{**kwargs, **self._context()})
        self.poolmanager.pool_classes_by_scheme = _pools(self._admit)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Pools of guarded connections through a proxy."""
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **{**kwargs, **self._context()})
        if is_new:
            manager.pool_classes_by_scheme = _pools(self._admit)
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """The login, which never stands in the proxy's URL."""
        return self._proxy_login

    def _context(self) -> dict[str, Any]:
        return {"ssl_context": self._client_context} if self._client_context else {}


def _pools(admit: Admit) -> dict[str, type[HTTPConnectionPool]]:
    """Pool classes whose connections call `admit`; classes, because urllib3 takes no hook on an instance."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            opened = super()._new_conn()
            admit(opened)
            return opened

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            opened = super()._new_conn()
            admit(opened)
            return opened

        def connect(self) -> None:
            super().connect()
            admit(getattr(self.sock, "socket", self.sock))  # TLS inside the TLS of a proxy is no socket but has one

    plain = type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": Plain})
    secure = type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": Secure})
    return {"http": plain, "https": secure}
