"""The schemes of a portal block, as the Prefect UI's form and code write them; each is the core's scheme of the same name."""

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from esteira import auth
from esteira.auth import Auth
from esteira.auth.credentials import Place
from esteira.auth.token import Encoding


class Scheme(BaseModel):
    """What the schemes have in common: the core's scheme is made, and so checked, as soon as the form is."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    core: ClassVar[Any]

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what the core refuses."""
        self.scheme()

    def scheme(self) -> Auth:
        """The core's scheme."""
        found: Auth = self.core(**self.model_dump(exclude={"type"}))
        return found


class Bearer(Scheme):
    """`Authorization: Bearer <token>`."""

    core = auth.Bearer
    type: Literal["bearer"] = "bearer"
    field: str = Field(default="token", description="Field of the secret that holds the token.")


class ApiKey(Scheme):
    """A key in a header, a query parameter or a cookie."""

    core = auth.ApiKey
    type: Literal["api_key"] = "api_key"
    name: str = Field(description="Name of the header, parameter or cookie; `Authorization` for a raw token there.")
    place: Place = Field(default="header", description="Where it goes.")
    prefix: str = Field(default="", description="Text before the value, such as 'Token '.")
    field: str = Field(default="token", description="Field of the secret that holds the key.")


class HttpBasic(Scheme):
    """User name and password in each request."""

    core = auth.HttpBasic
    type: Literal["http_basic"] = "http_basic"
    username_field: str = Field(default="username", description="Field of the secret that holds the user name.")
    password_field: str = Field(default="password", description="Field of the secret that holds the password.")


class FixedHeaders(Scheme):
    """Further headers, whose values are no secrets."""

    core = auth.FixedHeaders
    type: Literal["fixed_headers"] = "fixed_headers"
    headers: dict[str, str] = Field(description="Names and values, such as an API's version.")


class OAuth2ClientCredentials(Scheme):
    """A token for a client's id and secret."""

    core = auth.OAuth2ClientCredentials
    type: Literal["oauth2_client_credentials"] = "oauth2_client_credentials"
    token_url: str = Field(description="A path below the base URL, or the whole URL of an identity provider.")
    client_id_field: str = Field(default="client_id", description="Field of the secret that holds the client's id.")
    client_secret_field: str = Field(
        default="client_secret", description="Field of the secret that holds the client's secret."
    )
    client_auth: Literal["basic", "body"] = Field(default="basic", description="How the client proves itself.")
    scope: str | None = Field(default=None, description="Scopes, separated by spaces.")
    params: dict[str, str] = Field(default_factory=dict, description="Further parameters, such as `audience`.")
    token: str = Field(default="access_token", description="JMESPath of the token in the answer.")
    expires_in: str = Field(default="expires_in", description="JMESPath of the seconds that it lives.")
    name: str = Field(default="Authorization", description="Name of the header, parameter or cookie of the token.")
    place: Place = Field(default="header", description="Where the token goes.")
    prefix: str = Field(default="Bearer ", description="Text before the token.")


class Login(Scheme):
    """A token for credentials that are posted to the portal."""

    core = auth.Login
    type: Literal["login"] = "login"
    path: str = Field(description="Where they are posted: a path below the base URL, or a whole URL.")
    fields: dict[str, str] = Field(
        default={"username": "username", "password": "password"},
        description="Name in the body to the secret's field.",
    )
    extra: dict[str, str] = Field(default_factory=dict, description="Further values of the body, which are no secrets.")
    encoding: Encoding = Field(default="json", description="How the body is written.")
    token: str = Field(default="token", description="JMESPath of the token in the answer; @ for the whole answer.")
    expires_in: str | None = Field(default=None, description="JMESPath of the seconds that it lives.")
    expires_at: str | None = Field(default=None, description="JMESPath of its end: epoch or ISO 8601.")
    lifetime_seconds: float | None = Field(default=None, description="How long it lives, where the answer is silent.")
    name: str = Field(default="Authorization", description="Name of the header, parameter or cookie of the token.")
    place: Place = Field(default="header", description="Where the token goes.")
    prefix: str = Field(default="Bearer ", description="Text before the token.")


AnyScheme: TypeAlias = Annotated[
    Bearer | ApiKey | HttpBasic | FixedHeaders | OAuth2ClientCredentials | Login, Field(discriminator="type")
]
