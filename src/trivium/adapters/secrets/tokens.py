"""Tokens as JWT (RFC 7519), signed with HMAC-SHA-256."""

from trivium.adapters.secrets.keyring import Keyring
from trivium.core.errors import NotAuthenticated
from trivium.core.model.json import JSONObject
from trivium.core.ports import Clock

_ISSUER = "trivium"
_ALGORITHM = "HS256"


class JwtTokens:
    """See `core.ports.Tokens`. Only our own issuer, algorithm and keys are taken, and every token expires.

    The library is imported with the first token: it takes 8 MB that a server for programs with keys never needs.
    """

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        self._current_id = keyring.current_id
        self._keys = keyring.derive("tokens")
        self._clock = clock

    def issue(self, claims: JSONObject, lifetime_s: float) -> str:
        """Return a signed token with `iat`, `exp` and `iss` beside the claims."""
        import jwt

        now = int(self._clock.now().timestamp())
        payload = {**claims, "iss": _ISSUER, "iat": now, "exp": now + int(lifetime_s)}
        return jwt.encode(payload, self._keys[self._current_id], _ALGORITHM, headers={"kid": self._current_id})

    def read(self, token: str) -> JSONObject:
        """Return the claims; NotAuthenticated `invalid_token`, or `expired_token` for one that was good."""
        import jwt

        try:
            key = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                raise NotAuthenticated("This token is not ours.", code="invalid_token")
            # Our clock says what has expired, so that a test can move it.
            claims: JSONObject = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                options={"require": ["exp", "iat"], "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise NotAuthenticated("This token is not valid.", code="invalid_token") from error
        expires = claims["exp"]
        if not isinstance(expires, int | float) or expires <= self._clock.now().timestamp():
            raise NotAuthenticated("This token has expired.", code="expired_token")
        return claims
