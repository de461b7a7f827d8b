"""A portal that gives tokens and takes the newest one, and the schemes that the tests of logging in share."""

from __future__ import annotations

import threading
from typing import Any

from conftest import CANARY
from hostile import Asked, Hostile, Say, page

from esteira.auth import Login, OAuth2ClientCredentials

ROWS = {"rows": [{"id": 1}]}
FIELDS = {"token": CANARY, "username": "maria", "password": "pá55:word-77", "client_id": "id-4711", "client_secret": "s3cr3t-a&b"}  # fmt: skip
LOGIN = Login(path="/login", expires_in="seconds")
OAUTH = OAuth2ClientCredentials(token_url="/oauth/token")


class Issuer:
    """A portal that gives numbered tokens at `/login` and `/oauth/token`, and takes the newest alone."""

    def __init__(self, seconds: float | None = 3600, status: int = 401, **more: Any) -> None:
        self.seconds, self.status, self.more, self.given, self.taken = seconds, status, more, 0, set[str]()
        self.expired = set[str]()
        self.lock = threading.Lock()

    def __call__(self, asked: Asked) -> Say:
        if asked.method == "POST" and asked.path in ("/login", "/oauth/token"):
            return self.give()
        token = asked.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.taken - self.expired:
            return page({"error": "expired"}, self.status)
        return page(ROWS)

    def give(self) -> Say:
        with self.lock:
            self.given += 1
            token = f"granted-{CANARY}-{self.given}"
            self.taken.add(token)
        life = {} if self.seconds is None else {"seconds": self.seconds, "expires_in": self.seconds}
        return page({"token": token, "access_token": token, **life, **self.more})

    def expire(self) -> None:
        self.expired |= self.taken


def logins(up: Hostile) -> list[Asked]:
    return [asked for asked in up.asked if asked.method == "POST"]


def pages(up: Hostile) -> list[Asked]:
    return [asked for asked in up.asked if asked.method == "GET"]
