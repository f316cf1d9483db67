"""Which requests are counted, under which keys, and how a refused one is answered."""

import hashlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from etude.mesh.errors import EtudeError
from gateway.errors import error_response
from gateway.local_user import PUBLIC_PATHS
from gateway.rate_limit import LEAST_AT_ONCE, Demand, Limiter, Rate
from gateway.settings import GatewaySettings

_PER_ADDRESS = 5
"""An address may have so many users behind it."""


class RateLimits:
    """ASGI middleware that answers 429 to who asks too often. Only the API is counted."""

    def __init__(self, app: ASGIApp, *, settings: GatewaySettings, limiter: Limiter) -> None:
        self.app = app
        self._limiter = limiter
        self._per_user, self._per_address, self._logins = (
            Rate(number * users, LEAST_AT_ONCE * users) if number else None
            for number, users in (
                (settings.rate_limit_per_minute, 1),
                (settings.rate_limit_per_minute, _PER_ADDRESS),
                (settings.login_rate_limit_per_minute, 1),
            )
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        demands = self._demands(scope) if scope["type"] == "http" and scope["path"].startswith("/api/") else ()
        wait = await self._limiter.take(demands) if demands else 0.0
        if wait > 0:
            refusal = EtudeError(
                "RATE_LIMITED", f"Too many requests; try again in {max(1, round(wait))} s.", retry_after_s=wait
            )
            await error_response(refusal, {"Connection": "close"})(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _demands(self, scope: Scope) -> tuple[Demand, ...]:
        address = scope["client"][0] if scope.get("client") else "unknown"
        credentials = Headers(scope=scope).get("authorization", "")
        # Keys stay in a server's memory and in its backups: no credentials there.
        user = hashlib.sha256(credentials.encode()).hexdigest()[:32] if credentials else address
        wanted = [
            (f"user:{user}", self._per_user),
            # Whoever makes up credentials gets a new key each time, but not a new address.
            (f"address:{address}", self._per_address),
            (f"login:{address}", self._logins if scope["path"] in PUBLIC_PATHS else None),
        ]
        return tuple((key, rate) for key, rate in wanted if rate is not None)
