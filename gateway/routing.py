"""How routes are gathered and described."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from gateway import models
from gateway.local_user import needs_credentials

_BEARER = "HTTPBearer"
_SECURITY_SCHEMES = {
    _BEARER: {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of `/api/v1/auth/login`, or an API key. On one's own machine none is needed.",
    }
}


def api_router(tag: str, prefix: str = "") -> APIRouter:
    """A router for the routes of one noun, which all name their failures."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        generate_unique_id_function=_operation_id,
        responses={
            "default": {"description": "What went wrong.", "model": models.ErrorEnvelope},
            422: {"description": "Which fields are wrong.", "model": models.ErrorEnvelope},
        },
    )


def install_routers(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Adds the routes of routers to an application, and its description of them.

    They become routes of the application itself. FastAPI's way, `include_router`, keeps the routers, and matches each
    request twice: to find the router, and to find the route. Nor is the credentials' scheme a dependency of the routes,
    which would be solved with each request to no end: it is the orchestrator that looks at credentials.
    """
    for router in routers:
        app.router.routes.extend(router.routes)

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=app.openapi_version,
        description=app.description,
        routes=app.routes,
        license_info=app.license_info,
    )
    document.setdefault("components", {})["securitySchemes"] = _SECURITY_SCHEMES
    for path, operations in document["paths"].items():
        if needs_credentials(path):
            for operation in operations.values():
                operation["security"] = [{_BEARER: []}]
    return document


def _operation_id(route: APIRoute) -> str:
    """Operation ids are the names of the route functions, which generators of clients turn into methods."""
    return route.name
