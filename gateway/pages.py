"""Pages for people: the landing page and the description of the API, both without anything from elsewhere."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}


def content_security_policy(html: str, *, inline_styles: bool = False) -> str:
    """A policy that allows this origin and exactly the scripts and styles that stand in a page.

    Args:
        html: The page.
        inline_styles: Allows any style, for scripts that set style attributes.
    """
    scripts = " ".join(_digest(text) for text in _SCRIPT.findall(html))
    styles = "'unsafe-inline'" if inline_styles else " ".join(_digest(text) for text in _STYLE.findall(html))
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' {styles}; img-src 'self' data: blob:; "
        "font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _landing_page() -> str:
    return (files("gateway") / "static" / "index.html").read_text("utf-8")


@cache
def _asset(name: str) -> bytes:
    return (files("fastapi_offline") / "static" / name).read_bytes()


def install_pages(app: FastAPI) -> None:
    """Adds the pages to the application."""

    @app.get("/", include_in_schema=False)
    async def landing_page() -> HTMLResponse:
        html = _landing_page()
        return HTMLResponse(html, headers={"Content-Security-Policy": content_security_policy(html)})

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title="Étude API",
            swagger_js_url=f"{root}/docs/assets/swagger-ui-bundle.js",
            swagger_css_url=f"{root}/docs/assets/swagger-ui.css",
            swagger_favicon_url=f"{root}/docs/assets/favicon.png",
        )
        policy = content_security_policy(bytes(page.body).decode(), inline_styles=True)
        page.headers["Content-Security-Policy"] = policy
        return page

    @app.get("/docs/assets/{name}", include_in_schema=False)
    async def docs_asset(name: str) -> Response:
        if name not in _ASSETS:
            return Response(status_code=404)
        return Response(_asset(name), media_type=_ASSETS[name], headers={"Cache-Control": "public, max-age=86400"})
