"""Finds out who makes a call, before the call is handled."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime

from etude.mesh.errors import EtudeError
from orchestrator.database import Database
from orchestrator.identity.principal import LOCAL_PRINCIPAL, Principal, set_principal
from orchestrator.identity.tokens import API_KEY_PREFIX, AccessTokens, digest, invalid_credentials
from orchestrator.repositories.credentials import CredentialRepository
from orchestrator.repositories.wire import now

#: How long a proof that was checked is believed without looking at the database: how late a revocation by another
#: orchestrator is noticed.
TRUST_S = 5.0
_MOST_TRUSTED = 10_000

#: The methods that need no credentials: those that give them.
PUBLIC_METHODS = frozenset(
    {
        "etude.identity.v1.AuthService/Register",
        "etude.identity.v1.AuthService/Login",
        "etude.identity.v1.AuthService/RefreshToken",
    }
)


class Authenticator:
    """The guard of the orchestrator's services: every method is closed unless it is in `PUBLIC_METHODS`."""

    def __init__(
        self,
        database: Database,
        tokens: AccessTokens,
        *,
        local_user: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Calls without credentials are the local user's when `local_user`, and are refused otherwise."""
        self._database = database
        self._tokens = tokens
        self._local_user = local_user
        self._monotonic = monotonic
        self._trusted: OrderedDict[str, tuple[Principal, datetime | None, float]] = OrderedDict()

    async def guard(self, method: str, metadata: Mapping[str, str]) -> None:
        """Let a call in, under the name of whoever makes it.

        Raises:
            EtudeError: UNAUTHENTICATED.
        """
        if method not in PUBLIC_METHODS:
            set_principal(await self.authenticate(metadata.get("authorization", "")))

    async def authenticate(self, authorization: str) -> Principal:
        """Who sends this `authorization`.

        Raises:
            EtudeError: UNAUTHENTICATED.
        """
        if not authorization:
            if self._local_user:
                return LOCAL_PRINCIPAL
            raise EtudeError(
                "UNAUTHENTICATED", "this needs credentials; log in, or send an API key, as `authorization: Bearer …`"
            )
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise EtudeError("UNAUTHENTICATED", "the credentials must be a bearer token: `authorization: Bearer …`")
        key = digest(token)
        known = self._trusted.get(key)
        if known is not None and self._monotonic() < known[2] and (known[1] is None or now() < known[1]):
            return known[0]
        principal, expires = await (self._api_key(key) if token.startswith(API_KEY_PREFIX) else self._session(token))
        self._trusted[key] = (principal, expires, self._monotonic() + TRUST_S)
        self._trusted.move_to_end(key)
        if len(self._trusted) > _MOST_TRUSTED:
            self._trusted.popitem(last=False)
        return principal

    def distrust(self, *, session_id: str = "", api_key_id: str = "") -> None:
        """Forget the proofs of a session or an API key that was taken back."""
        for key, (principal, _, _) in tuple(self._trusted.items()):
            if (session_id and principal.session_id == session_id) or (
                api_key_id and principal.api_key_id == api_key_id
            ):
                del self._trusted[key]

    def distrust_all(self) -> None:
        """Forget all proofs: the next call with each is looked up."""
        self._trusted.clear()

    async def _session(self, token: str) -> tuple[Principal, datetime | None]:
        claims = self._tokens.verify(token)
        async with self._database.read() as connection:
            good = await CredentialRepository(connection).session_is_good(claims.caller, claims.session_id, now())
        if not good:
            raise invalid_credentials()
        return Principal(claims.caller, session_id=claims.session_id), claims.expire_time

    async def _api_key(self, key: str) -> tuple[Principal, datetime | None]:
        async with self._database.read() as connection:
            found = await CredentialRepository(connection).api_key(key)
        if found is None or (found.expire_time is not None and found.expire_time <= now()):
            raise invalid_credentials()
        return Principal(found.caller, api_key_id=found.api_key_id), found.expire_time
