"""FastAPI with fastapi-pagination over a SQLite file: their own pages, links, cursors and security classes.

`python -m tests.portals.fastapi_server --port N --database F`. It is of another kind than Django REST framework: links without an origin
(`links.next`), a `Link` header beside the body, a cursor as a token in the body, keys in cookie and query, a form login, 422 for a
limit that is too large.
"""

from __future__ import annotations

import argparse
import secrets
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.security import (
    APIKeyCookie,
    APIKeyQuery,
    HTTPBasic,
    HTTPBasicCredentials,
    OAuth2PasswordBearer,
    OAuth2PasswordRequestForm,
)
from fastapi_pagination import LimitOffsetPage, Page, add_pagination
from fastapi_pagination.cursor import CursorPage
from fastapi_pagination.customization import CustomizedPage
from fastapi_pagination.ext.sqlalchemy import paginate
from fastapi_pagination.links import Page as LinksPage
from fastapi_pagination.links import UseHeaderLinks
from pydantic import BaseModel, ConfigDict, PlainSerializer
from sqlalchemy import BigInteger, Numeric, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from tests.portals.known import FASTAPI_KEY, FASTAPI_PASSWORD, FASTAPI_USER, LIFETIME_SECONDS


class Base(DeclarativeBase):
    pass


class Reading(Base):
    __tablename__ = "readings"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    big: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[Decimal] = mapped_column(Numeric(15, 2))
    note: Mapped[str | None]
    created: Mapped[datetime]


class ReadingOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    code: str
    big: int
    amount: Decimal
    note: str | None
    created: Annotated[datetime, PlainSerializer(lambda moment: f"{moment.isoformat()}Z")]


HeaderPage = CustomizedPage[Page, UseHeaderLinks()]
PAGES: dict[str, Any] = {
    "number": Page,
    "links": LinksPage,
    "header": HeaderPage,
    "offset": LimitOffsetPage,
    "cursor": CursorPage,
}


def cookie_key(key: Annotated[str, Security(APIKeyCookie(name="session"))]) -> None:
    """FastAPI takes the key out of its place and answers where there is none; what a good one is, the application says."""
    _check(is_good=secrets.compare_digest(key, FASTAPI_KEY))


def query_key(key: Annotated[str, Security(APIKeyQuery(name="api_key"))]) -> None:
    _check(is_good=secrets.compare_digest(key, FASTAPI_KEY))


def basic(credentials: Annotated[HTTPBasicCredentials, Security(HTTPBasic())]) -> None:
    _check(
        is_good=secrets.compare_digest(credentials.password, FASTAPI_PASSWORD) and credentials.username == FASTAPI_USER
    )


TOKENS: dict[str, float] = {}
"""Token to the moment when it ends; the answer to a login does not tell."""


def bearer(token: Annotated[str, Security(OAuth2PasswordBearer(tokenUrl="login"))]) -> None:
    if TOKENS.get(token, 0) < time.monotonic():
        raise HTTPException(401, "Token has expired", headers={"WWW-Authenticate": "Bearer"})


def login(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> dict[str, str]:
    _check(is_good=secrets.compare_digest(form.password, FASTAPI_PASSWORD) and form.username == FASTAPI_USER)
    token = secrets.token_urlsafe()
    TOKENS[token] = time.monotonic() + LIFETIME_SECONDS
    return {"access_token": token, "token_type": "bearer"}


def _check(*, is_good: bool) -> None:
    if not is_good:
        raise HTTPException(403, "Not authenticated")


def application(database: Path) -> FastAPI:
    """An endpoint for each pair of security and page."""
    engine = create_engine(f"sqlite:///{database}")
    app = FastAPI()

    def endpoint(page: Any) -> Any:
        def readings() -> Any:
            with Session(engine) as session:
                return paginate(session, select(Reading).order_by(Reading.created, Reading.id))

        readings.__annotations__["return"] = page[ReadingOut]
        return readings

    for place, security in {"cookie": cookie_key, "query": query_key, "basic": basic, "bearer": bearer}.items():
        for kind, page in PAGES.items():
            app.get(f"/{place}/{kind}/readings", response_model=page[ReadingOut], dependencies=[Depends(security)])(
                endpoint(page)
            )
    app.post("/login")(login)
    add_pagination(app)
    return app


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", type=Path, required=True)
    arguments = parser.parse_args()
    uvicorn.run(application(arguments.database), host="127.0.0.1", port=arguments.port)


if __name__ == "__main__":
    main()
