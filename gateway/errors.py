"""One envelope for every error of the HTTP face."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route

from etude.client.json_form import error_to_json
from etude.mesh.errors import EtudeError
from etude.mesh.telemetry import current_trace_id

_HTTP_FAULTS = {
    400: ("INVALID_ARGUMENT", "INVALID_REQUEST", "The request could not be read."),
    404: ("NOT_FOUND", "INVALID_REQUEST", "There is nothing at {path}; /docs describes what there is."),
    405: ("UNIMPLEMENTED", "INVALID_REQUEST", "{method} is not possible at {path}; /docs describes what is."),
    413: ("INVALID_ARGUMENT", "FILE_TOO_LARGE", "The file is larger than the limit."),
}


def envelope(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of an error: its code, reason, message and details, and the trace that finds it in the logs."""
    return {"error": {**fields, "trace_id": current_trace_id() or None}}


def error_response(error: EtudeError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer to a request that failed."""
    extra = dict(headers or {})
    if error.retry_after_s is not None:
        extra.setdefault("Retry-After", str(max(1, math.ceil(error.retry_after_s))))
    elif error.http_status == HTTPStatus.SERVICE_UNAVAILABLE:
        extra.setdefault("Retry-After", "1")
    if error.http_status == HTTPStatus.UNAUTHORIZED:
        extra.setdefault("WWW-Authenticate", "Bearer")
    return JSONResponse(envelope(error_to_json(error)), status_code=error.http_status, headers=extra)


def install_error_handlers(app: FastAPI, max_upload_bytes: int) -> None:
    """Makes every failure of the application an envelope.

    Args:
        app: The application.
        max_upload_bytes: Largest document, for the message.
    """

    @app.exception_handler(EtudeError)
    async def on_etude_error(request: Request, error: EtudeError) -> JSONResponse:
        return error_response(error)

    @app.exception_handler(RequestValidationError)
    async def on_validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
        violations = [(_field_name(fault["loc"]), str(fault["msg"])) for fault in error.errors()]
        named = "; ".join(f"{field}: {text}" for field, text in violations)
        wrong = EtudeError("INVALID_REQUEST", f"The request is not right. {named}.", violations=violations)
        return JSONResponse(envelope(error_to_json(wrong)), status_code=HTTPStatus.UNPROCESSABLE_ENTITY)

    @app.exception_handler(HTTPException)
    async def on_http_exception(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            # Part of the body may be in the way of the next request.
            return error_response(too_large(max_upload_bytes), {"Connection": "close"})
        code, reason, message = _HTTP_FAULTS.get(
            error.status_code, ("INVALID_ARGUMENT", "INVALID_REQUEST", str(error.detail))
        )
        fields = {
            "code": code,
            "reason": reason,
            "message": message.format(path=request.url.path, method=request.method),
            "details": {} if error.status_code in (404, 405) else {"detail": str(error.detail)},
        }
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            # A path has a route per method, and the framework names the methods of the first one only.
            headers["Allow"] = ", ".join(_methods(app.routes, request.url.path))
        return JSONResponse(envelope(fields), status_code=error.status_code, headers=headers)


def _methods(routes: Sequence[BaseRoute], path: str) -> list[str]:
    """The methods there are at a path."""
    found = [route for route in routes if isinstance(route, Route) and route.path_regex.match(path)]
    return sorted({method for route in found for method in route.methods or ()})


def fault() -> EtudeError:
    """The error that stands for an exception nobody expected; what it was is in the log only."""
    return EtudeError("INTERNAL", "A fault in Étude; the trace id finds it in the server's log.")


def too_large(max_upload_bytes: int) -> EtudeError:
    """The error for a document beyond the limit."""
    return EtudeError(
        "FILE_TOO_LARGE",
        f"The file is larger than {max_upload_bytes / 1e6:.0f} MB; send fewer pages, or images of lower resolution.",
    )


def _field_name(location: tuple[int | str, ...]) -> str:
    """The name of a field from its place: ("query", "page_size") is page_size."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])
