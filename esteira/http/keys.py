"""What a connection is opened with: the client's certificate and the proxy's login, from secrets that the caller fetched by name."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from urllib3.util.ssl_ import create_urllib3_context

from esteira.auth import Secret
from esteira.auth.fixed import basic
from esteira.errors import AuthError


@dataclass(frozen=True, slots=True)
class Keys:
    """Secrets of a connection.

    Args:
        client_certificate: Fields `certificate` and `key` in PEM, and `passphrase` if the key has one.
        proxy: Fields `username` and `password`.
    """

    client_certificate: Secret | None = None
    proxy: Secret | None = None

    def client_context(self) -> ssl.SSLContext | None:
        """A TLS context that holds the client's certificate; the key is in no file that has a name.

        Raises:
            AuthError: A field is missing, or the two are no certificate with its key.
        """
        secret = self.client_certificate
        if secret is None:
            return None
        context = create_urllib3_context()
        passphrase = secret.values.get("passphrase", "")
        try:
            with _nameless(secret.document("certificate")) as certificate, _nameless(secret.document("key")) as key:
                context.load_cert_chain(certificate, key, password=lambda: passphrase)  # without one, OpenSSL would ask
        except (ssl.SSLError, ValueError) as exc:
            reason = getattr(exc, "reason", None) or type(exc).__name__
            raise AuthError(
                f"Secret {secret.name!r} holds no client certificate that can be used ({reason}).",
                hint="Store `certificate` and `key` as PEM with their line breaks, and `passphrase` if the key has one.",
            ) from None
        return context

    def proxy_login(self) -> Mapping[str, str]:
        """The header for the proxy.

        Raises:
            AuthError: A field is missing.
        """
        if self.proxy is None:
            return {}
        login = basic(self.proxy.text("username"), self.proxy.text("password"))
        return {"Proxy-Authorization": login.headers["Authorization"]}


@contextmanager
def _nameless(text: str) -> Iterator[str]:
    """A path for OpenSSL, which reads certificates from files only, that no other process can open: memory (memfd), or else an unlinked file."""
    with (
        os.fdopen(os.memfd_create("esteira"), "w+b")
        if hasattr(os, "memfd_create")
        else tempfile.TemporaryFile() as file
    ):
        file.write(text.encode())
        file.flush()
        file.seek(0)
        yield f"/dev/fd/{file.fileno()}"
