"""What a route asks of its request: a client of the orchestrator that speaks for the caller, and the settings.

Plain functions: as dependencies of FastAPI each would cost a request as much as its reading of the answer does.
"""

from typing import cast

from fastapi import Request

from etude.client import AsyncEtudeClient
from gateway.settings import GatewaySettings


def settings_of(request: Request) -> GatewaySettings:
    """The settings of the application."""
    return cast("GatewaySettings", request.app.state.settings)


def client_of(request: Request) -> AsyncEtudeClient:
    """A client on the application's channel that hands on the caller's credentials.

    The request's id and the trace context are handed on by the chassis.
    """
    settings = settings_of(request)
    authorization = request.headers.get("authorization")
    return AsyncEtudeClient(
        settings.orchestrator_target,
        channel=request.app.state.channel,
        timeout_s=settings.call_timeout_s,
        metadata=[("authorization", authorization)] if authorization else [],
    )
