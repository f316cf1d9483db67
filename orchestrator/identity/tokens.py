"""Access tokens (JWT) and opaque tokens (API keys, refresh tokens, invitations)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from etude.mesh.errors import EtudeError
from orchestrator.caller import Caller

ISSUER = "etude"
AUDIENCE = "etude-api"
API_KEY_PREFIX = "etude_key_"
REFRESH_PREFIX = "etude_refresh_"
INVITATION_PREFIX = "etude_invitation_"

_ALGORITHM = "HS256"
_TYPE = "at+jwt"  # RFC 9068: nothing else that may be signed with the same secret is an access token
_CLAIMS = ("iss", "aud", "sub", "tid", "sid", "iat", "exp")
_LEEWAY_S = 5


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says: who, in which session, until when."""

    caller: Caller
    session_id: str
    expire_time: datetime


class AccessTokens:
    """Issues and verifies access tokens: JWTs by RFC 9068 with one algorithm, issuer and audience."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, caller: Caller, session_id: str, issued: datetime, lifetime: timedelta) -> tuple[str, datetime]:
        """A token and the moment it stops being good, which is a whole second."""
        expires = (issued + lifetime).replace(microsecond=0)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": caller.user_id,
            "tid": caller.tenant_id,
            "sid": session_id,
            "iat": int(issued.timestamp()),
            "exp": int(expires.timestamp()),
        }
        return jwt.encode(claims, self._secret, _ALGORITHM, headers={"typ": _TYPE}), expires

    def verify(self, token: str) -> AccessClaims:
        """What a token says, if it is one of ours and still good.

        Raises:
            EtudeError: UNAUTHENTICATED; the message says whether it is only too old.
        """
        try:
            decoded = jwt.decode_complete(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                leeway=_LEEWAY_S,
                options={"require": list(_CLAIMS)},
            )
        except jwt.ExpiredSignatureError:
            raise EtudeError("UNAUTHENTICATED", "the access token has expired; refresh it or log in again") from None
        except jwt.InvalidTokenError:
            raise invalid_credentials() from None
        claims = decoded["payload"]
        names = [claims["sub"], claims["tid"], claims["sid"]]
        if decoded["header"].get("typ") != _TYPE or not all(isinstance(name, str) and name for name in names):
            raise invalid_credentials()
        expires = datetime.fromtimestamp(claims["exp"], tz=UTC)
        return AccessClaims(Caller(tenant_id=claims["tid"], user_id=claims["sub"]), claims["sid"], expires)


def new_opaque_token(prefix: str) -> str:
    """A random token of 256 bits. The prefix tells people, and scanners for leaked secrets, what it is."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is kept of an opaque token. It is too random to be guessed from this, so no slow hash is needed."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def invalid_credentials() -> EtudeError:
    """The refusal of a proof that is no good, whatever is wrong with it."""
    return EtudeError("UNAUTHENTICATED", "the credentials are not valid; log in again, or check the API key")
