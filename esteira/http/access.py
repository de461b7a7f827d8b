"""What proves who asks, for all the clients of one portal: credentials that stand, and tokens that are kept and renewed.

Several clients ask at once. One of them renews while the others wait, and nobody renews what another one has just renewed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from esteira.auth import Auth, Credentials, FixedScheme, Secret, Token, TokenScheme
from esteira.errors import AuthError, EsteiraError

MARGIN_SECONDS = 60.0
"""A token is renewed this long before it expires: a request may wait that long for its turn, and clocks differ."""
MARGIN_SHARE = 0.2
"""Of a shorter life than five margins, this share is the margin."""
Ask = Callable[[TokenScheme, Secret], Token]
"""Sends a scheme's request and reads the answer."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a request was sent with.

    Attributes:
        credentials: What was added to it.
        number: Counts the renewals; 0 before the first token.
    """

    credentials: Credentials
    number: int


class Access:
    """Keeps what proves who asks.

    Args:
        schemes: All of them are applied.
        secret: Where they take their fields from.
        reread: Reads the secret's fields again: a token that was rotated in the middle of a run is found there.
        clock: Monotonic seconds.

    Raises:
        ConfigError: A scheme needs a secret and there is none.
        AuthError: A field of the secret is missing or unusable.
    """

    def __init__(
        self,
        schemes: tuple[Auth, ...] = (),
        secret: Secret | None = None,
        *,
        reread: Callable[[], Mapping[str, str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fixed = [scheme for scheme in schemes if isinstance(scheme, FixedScheme)]
        self._asked = [scheme for scheme in schemes if isinstance(scheme, TokenScheme)]
        self._secret, self._reread, self._clock = secret or Secret(None), reread, clock
        self._lock = threading.Lock()
        self._standing = self._standing_credentials()
        self._tokens: dict[int, tuple[Token, float]] = {}
        self._number = 0
        self._refusal: AuthError | None = None
        for scheme in self._asked:
            scheme.request(self._secret)  # a field that is missing fails here, not at the first page

    def without_credentials(self, url: str) -> str:
        """A link without the query parameters that hold our credentials: some portals echo them in their links."""
        names = self._query_names
        if not names:
            return url
        try:
            parts = urlsplit(url)
            pairs = parse_qsl(parts.query, keep_blank_values=True)
        except ValueError:
            return url  # no URL at all: whoever asks for it is told so
        kept = [pair for pair in pairs if pair[0] not in names]
        return url if len(kept) == len(pairs) else parts._replace(query=urlencode(kept)).geturl()

    def proof(self, ask: Ask) -> Proof:
        """What to send a request with; tokens that are missing or about to expire are asked for first.

        Raises:
            AuthError, PayloadError, SourceUnavailable, RateLimited, SourceRejected: The token was not given.
        """
        with self._lock:
            tokens = [scheme.carry(self._token(place, scheme, ask)) for place, scheme in enumerate(self._asked)]
            return Proof(sum(tokens, start=self._standing), self._number)

    def renew(self, used: Proof, ask: Ask) -> bool:
        """Replace what was refused, unless another client has done so meanwhile.

        Args:
            used: What the refused request was sent with.
            ask: Sends a scheme's request.

        Returns:
            Whether there is something new to ask with.
        """
        with self._lock:
            if used.number != self._number:
                return True
            is_rotated = self._read_secret_again()
            if not self._asked and not is_rotated:
                return False
            self._number += 1
            self._tokens.clear()
        self.proof(ask)
        return True

    @property
    def _query_names(self) -> frozenset[str]:
        carried = [scheme.carry("").query for scheme in self._asked]
        return frozenset(self._standing.query).union(*carried)

    def _token(self, place: int, scheme: TokenScheme, ask: Ask) -> str:
        if self._refusal is not None:
            raise self._refusal
        kept = self._tokens.get(place)
        if kept is None or self._clock() >= kept[1]:
            kept = self._asked_for(scheme, ask)
            self._number += bool(self._tokens.get(place))
            self._tokens[place] = kept
        return kept[0].value

    def _asked_for(self, scheme: TokenScheme, ask: Ask) -> tuple[Token, float]:
        began = self._clock()  # before the request: the token is never younger than that
        token = self._given(scheme, ask)
        life = token.lifetime_seconds
        _log.info("A token was given; it lives %s", "until it is refused" if life is None else f"{life:.0f} seconds")
        return token, float("inf") if life is None else began + life - min(MARGIN_SECONDS, life * MARGIN_SHARE)

    def _given(self, scheme: TokenScheme, ask: Ask) -> Token:
        try:
            return ask(scheme, self._secret)
        except AuthError as exc:
            refusal = exc
        if self._read_secret_again():
            return self._given(scheme, ask)
        self._refusal = refusal  # nobody tries again: some portals lock an account after a few refusals
        raise refusal

    def _read_secret_again(self) -> bool:
        """Read the secret's fields again; whether they differ from those in use."""
        if self._reread is None:
            return False
        try:
            values = dict(self._reread())
        except EsteiraError as exc:  # the portal's refusal is what the person must read about
            _log.warning("The secret could not be read again: %s", exc)
            return False
        if values == dict(self._secret.values):
            return False
        _log.info("The secret has changed since the run began; its new values are used")
        self._secret = Secret(self._secret.name, values)
        self._standing = self._standing_credentials()
        return True

    def _standing_credentials(self) -> Credentials:
        parts = (scheme.credentials(self._secret) for scheme in self._fixed)
        return sum(parts, start=Credentials())
