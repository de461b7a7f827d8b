"""How a request proves who asks: the schemes of a portal block, applied to a secret that the caller fetched by name.

A scheme is a frozen value that names the secret's fields, never holds a value, and does no I/O. Those of `fixed` only read the secret. Those
that ask for a token (`oauth`, `login`) say what to send and read the answer; `esteira.http` sends it and keeps the token.
"""

from esteira.auth.credentials import Credentials
from esteira.auth.fixed import ApiKey, Bearer, FixedHeaders, HttpBasic
from esteira.auth.login import Login
from esteira.auth.oauth import OAuth2ClientCredentials
from esteira.auth.schemes import Auth, FixedScheme, TokenScheme
from esteira.auth.secret import Secret
from esteira.auth.token import Token, TokenRequest

__all__ = [
    "ApiKey",
    "Auth",
    "Bearer",
    "Credentials",
    "FixedHeaders",
    "FixedScheme",
    "HttpBasic",
    "Login",
    "OAuth2ClientCredentials",
    "Secret",
    "Token",
    "TokenRequest",
    "TokenScheme",
]
