"""What route functions are given: a client of the orchestrator for this request, and the settings."""

from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from etude.client import AsyncEtudeClient
from gateway.settings import GatewaySettings

# Both are coroutine functions, because FastAPI calls any other in a thread: two of those cost more than all else here.


async def settings_of(request: Request) -> GatewaySettings:
    """The settings of the application."""
    return cast("GatewaySettings", request.app.state.settings)


async def client_of(request: Request) -> AsyncEtudeClient:
    """A client on the application's channel that hands on the caller's credentials.

    The request's id and the trace context are handed on by the chassis.
    """
    settings = await settings_of(request)
    authorization = request.headers.get("authorization")
    return AsyncEtudeClient(
        settings.orchestrator_target,
        channel=request.app.state.channel,
        timeout_s=settings.call_timeout_s,
        metadata=[("authorization", authorization)] if authorization else [],
    )


Settings = Annotated[GatewaySettings, Depends(settings_of)]
Client = Annotated[AsyncEtudeClient, Depends(client_of)]

BEARER = Security(
    HTTPBearer(
        auto_error=False,
        description="An access token of `/api/v1/auth/login`, or an API key. On one's own machine none is needed.",
    )
)
"""Marks routes as closed in the description; it is the orchestrator that opens them."""
