"""What of a URL or a text may be shown: the registry of secret values, and the one way to print a link.

It owns no I/O and knows no HTTP library, so that the contract's paginators can name a link in an error.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

MASK = "***"
MIN_SECRET_LENGTH = 4
"""Shorter values are not registered: replacing every `1` of a log would hide everything and protect nothing."""
_HARMLESS_VALUE = re.compile(r"[-+:.TZ0-9]{1,32}")
"""Numbers and moments. Every other query value may be a token, a cursor that holds one, or a presigned signature."""
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a1-\ufffc]+")

_secrets: set[str] = set()


def register_secret(value: str) -> None:
    """Replace this value, also when it is percent-encoded, in everything that `scrub` sees from now on."""
    if len(value) >= MIN_SECRET_LENGTH:
        _secrets.update({value, quote(value, safe=""), quote(value), quote_plus(value)})


def scrub(text: str) -> str:
    """The text without any registered secret."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def redact_url(url: str) -> str:
    """A URL or path for people: no user name, no password, no fragment, and query values only where they are numbers or moments."""
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return "(a malformed URL)"
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
    query = "&".join(f"{name}={value if _HARMLESS_VALUE.fullmatch(value) else MASK}" for name, value in pairs)
    return printable(f"{origin}{parts.path}{'?' if query else ''}{query}", limit=300)


def printable(text: str, *, limit: int = 80) -> str:
    """The first `limit` characters of a foreign text, on one line, without control characters or secrets."""
    plain = _UNPRINTABLE.sub(" ", scrub(text)).strip()
    return plain if len(plain) <= limit else f"{plain[:limit]}…"
