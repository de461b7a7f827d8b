"""A secret's fields, as schemes take them: checked for what a request can carry, and registered for redaction before anybody can log them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from esteira.errors import AuthError, ConfigError
from esteira.redaction import register_secret

_SENDABLE = re.compile(r"[\x20-\x7e]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret of a portal; its `repr` shows the name alone.

    Args:
        name: Its name in Secrets Manager, None where the block names none.
        values: Its fields.
    """

    name: str | None
    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for value in self.values.values():
            register_secret(value)

    def document(self, name: str) -> str:
        """A field of several lines, such as a certificate.

        Raises:
            ConfigError: The block names no secret.
            AuthError: The field is missing or empty.
        """
        if self.name is None:
            raise ConfigError(
                "The portal has an auth scheme and names no secret.",
                hint="Set the secret's name in the portal's block.",
            )
        value = self.values.get(name, "")
        if not value:
            raise AuthError(
                f"Secret {self.name!r} has no field {name!r}.", hint="Add the field to the secret in Secrets Manager."
            )
        return value

    def text(self, name: str) -> str:
        """A field for a body, or for something that is encoded before it is sent: a user name, a password.

        Raises:
            ConfigError: The block names no secret.
            AuthError: The field is missing, empty, or holds a line break.
        """
        value = self.document(name)
        if _CONTROL.search(value):
            raise self._unusable(name, "a line break or another control character")
        return value

    def header(self, name: str) -> str:
        """A field that is sent as it is: a token, a key.

        Raises:
            ConfigError: The block names no secret.
            AuthError: The field is missing, empty, or cannot stand in a request.
        """
        value = self.text(name)
        if not _SENDABLE.fullmatch(value) or value != value.strip():
            raise self._unusable(name, "outer blanks or a character outside ASCII")
        return value

    def _unusable(self, name: str, what: str) -> AuthError:
        return AuthError(
            f"Field {name!r} of secret {self.name!r} holds {what}.",
            hint="Store the value again without what an editor added to it.",
        )
