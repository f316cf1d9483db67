"""Who may be the local user: only a program on this machine, or a page of ours.

On one's own machine calls need no credentials, so a request without any must not come from elsewhere. A browser sends
one for any page it shows: a foreign page could post a form here (told by `Origin`), or make its own name point to this
machine and read the answers, too (DNS rebinding; told by `Host`).
"""

from collections.abc import Collection
from functools import lru_cache

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from etude.mesh.errors import EtudeError
from etude.mesh.settings import is_loopback
from gateway.errors import error_response

PUBLIC_PATHS = frozenset({"/api/v1/auth/register", "/api/v1/auth/login", "/api/v1/auth/refresh"})
"""What gives credentials needs none, and is no use to a stranger."""


class LocalUserGuard:
    """ASGI middleware that refuses requests without credentials that the local user cannot have made."""

    def __init__(self, app: ASGIApp, *, http_address: str, origins: Collection[str]) -> None:
        """Guards the API.

        Args:
            app: What is guarded.
            http_address: Where it listens; where others can reach that, every request needs credentials.
            origins: Origins whose pages the operator trusts; "*" trusts none in particular.
        """
        self.app = app
        self._exposed = not is_loopback(http_address)
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] == "http" and needs_credentials(scope["path"]):
            headers = Headers(scope=scope)
            if not headers.get("authorization") and (self._exposed or self._from_elsewhere(headers)):
                refusal = EtudeError(
                    "UNAUTHENTICATED", "This needs credentials; log in, or send an API key as a bearer token."
                )
                await error_response(refusal)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _from_elsewhere(self, headers: Headers) -> bool:
        host = headers.get("host", "")
        origin = headers.get("origin")
        foreign = origin is not None and origin.partition("://")[2] != host and origin not in self._origins
        return foreign or not _names_this_machine(host)


def needs_credentials(path: str) -> bool:
    """True for the paths where a caller has to be somebody."""
    return (path.startswith("/api/") and path not in PUBLIC_PATHS) or path == "/health/detailed"


@lru_cache(maxsize=256)
def _names_this_machine(host: str) -> bool:
    """True for a Host header of loopback, with or without a port.

    >>> [_names_this_machine(host) for host in ("127.0.0.1:8080", "[::1]", "localhost", "rebound.example:8080", "")]
    [True, True, True, False, False]
    """
    has_port = host.rpartition("]")[2].count(":") == 1
    try:
        return is_loopback(host if has_port else f"{host}:80")
    except ValueError:
        return False
