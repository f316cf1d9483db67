"""Every route of the gateway as nobody, as a colleague, as a stranger, and with credentials that are no good.

The routes come from the application, so that a new one is tried without being named here; one that is open to everybody
has to be named.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.routing import Route

from etude.client.calls import open_client_channel
from gateway.app import create_app
from gateway.openapi import openapi_document
from gateway.server import http_server
from gateway.settings import GatewaySettings
from tests.identity.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN = {
    ("GET", "/"),
    ("GET", "/openapi.json"),
    ("HEAD", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/assets/{name}"),
    ("GET", "/health"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("POST", "/api/v1/auth/register"),
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/refresh"),
}
BODIES: dict[str, dict[str, Any]] = {
    "create_job": {"files": {"file": ("x.pdf", b"%PDF-1.7 nothing")}},
    "update_fingering": {"json": {"unpin_note_ids": ["n0"]}},
    "change_password": {"json": {"current_password": "a wrong password", "new_password": "a new password, quite long"}},
    "create_api_key": {"json": {}},
    "update_preferences": {"json": {"density": "ALL"}},
}


def routes() -> dict[tuple[str, str], str]:
    """Names of the routes by method and path."""
    app = create_app(GatewaySettings.model_construct(http_address="127.0.0.1:0"), None, {})  # type: ignore[arg-type]
    found: dict[tuple[str, str], str] = {}

    def collect(candidates: Any) -> None:
        for route in candidates:
            if isinstance(route, Route):
                found.update(((method, route.path), route.name) for method in route.methods or ())
            else:  # a router that was included
                collect(route.original_router.routes)

    collect(app.routes)
    return found


ROUTES = routes()
DOCUMENT = openapi_document()
CLOSED = sorted(set(ROUTES) - OPEN)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    settings = GatewaySettings(
        orchestrator_target=world.handle.address, http_address="127.0.0.1:0", login_rate_limit_per_minute=0
    )
    async with open_client_channel(world.handle.address) as channel:
        app = create_app(settings, channel, {"orchestrator": channel})
        async with (
            http_server(app, settings.http_address) as address,
            httpx.AsyncClient(base_url=f"http://{address}", timeout=60) as client,
        ):
            yield client


async def ask(http: httpx.AsyncClient, world: World, method: str, path: str, authorization: str) -> httpx.Response:
    headers = {"Authorization": authorization} if authorization else {}
    name = ROUTES[method, path]
    return await http.request(method, path.format(**world.ids), headers=headers, **BODIES.get(name, {}))


async def test_all_routes_are_found_and_the_open_ones_exist() -> None:
    described = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described <= set(ROUTES)
    assert set(ROUTES) >= OPEN
    assert len(CLOSED) > 20


async def test_the_description_says_which_are_closed() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            assert bool(operation.get("security")) == ((method.upper(), path) in CLOSED), path


@pytest.mark.parametrize(("method", "path"), CLOSED)
async def test_no_route_opens_to_bad_credentials(
    http: httpx.AsyncClient, world: World, no_good: dict[str, str], method: str, path: str
) -> None:
    for what, authorization in no_good.items():
        answer = await ask(http, world, method, path, authorization.strip())
        assert answer.status_code == 401, what
        assert answer.headers["www-authenticate"] == "Bearer"
        if method != "HEAD":
            assert answer.json()["error"]["reason"] == "UNAUTHENTICATED"
            assert not any(secret in answer.text for secret in world.secrets), what


@pytest.mark.parametrize("who", ["colleague", "stranger"])
@pytest.mark.parametrize(("method", "path"), CLOSED)
async def test_no_route_reaches_what_is_anothers(
    http: httpx.AsyncClient, world: World, who: str, method: str, path: str
) -> None:
    person = getattr(world, who)
    ends_session = ROUTES[method, path] in ("logout", "change_password")
    token = await world.log_in(person) if ends_session else person.access_token
    answer = await ask(http, world, method, path, f"Bearer {token}")
    assert answer.status_code not in (401, 500)
    named = [value for name, value in world.ids.items() if f"{{{name}}}" in path]
    if named:
        assert answer.status_code == 404
    own = [world.owner.tenant_id] if who == "colleague" else []
    assert [secret for secret in world.secrets if secret in answer.text and secret not in [*own, *named]] == []


@pytest.mark.parametrize(("method", "path"), [one for one in CLOSED if one[0] == "GET" and "{" in one[1]])
async def test_the_owner_reaches_it(http: httpx.AsyncClient, world: World, method: str, path: str) -> None:
    for token in (world.owner.access_token, world.api_key):
        assert (await ask(http, world, method, path, f"Bearer {token}")).status_code == 200


async def test_accounts_over_http(http: httpx.AsyncClient, world: World) -> None:
    body = {"email": "grace@example.org", "password": "a password, quite long", "display_name": "Grace"}
    made = await http.post("/api/v1/auth/register", json=body)
    assert made.status_code == 201, made.text
    assert made.json()["user"]["display_name"] == made.json()["tenant"]["display_name"] == "Grace"
    assert (await http.post("/api/v1/auth/register", json=body)).json()["error"]["reason"] == "USER_EXISTS"
    credentials = {"email": body["email"], "password": body["password"]}
    tokens = (await http.post("/api/v1/auth/login", json=credentials)).json()["tokens"]
    assert tokens["token_type"] == "bearer"
    again = (await http.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
    headers = {"Authorization": f"Bearer {again['access_token']}"}
    me = (await http.get("/api/v1/auth/me", headers=headers)).json()
    assert me["user"]["email"] == "grace@example.org"

    path = "/api/v1/auth/me/preferences"
    change = {"hand_profile": {"size": "SMALL"}, "formats": ["MIDI", "SVG"]}
    await http.patch(path, json=change, headers=headers)
    changed = await http.patch(path, json={"density": "ESSENTIAL", "formats": None}, headers=headers)
    wanted = {"hand_profile": {"size": "SMALL", "max_span_semitones": 0}, "density": "ESSENTIAL", "formats": []}
    assert changed.json() == wanted == (await http.get(path, headers=headers)).json()
    files = {"file": ("x.pdf", b"%PDF-1.7\n{}\n")}
    job = (await http.post("/api/v1/jobs", files=files, headers=headers)).json()
    assert (job["options"]["hand_profile"], job["options"]["density"]) == (wanted["hand_profile"], "ESSENTIAL")

    key = (await http.post("/api/v1/auth/api-keys", json={"display_name": "ci"}, headers=headers)).json()
    with_key = {"Authorization": f"Bearer {key['secret']}"}
    assert (await http.get("/api/v1/auth/me", headers=with_key)).json() == me
    listed = (await http.get("/api/v1/auth/api-keys", headers=with_key)).json()["api_keys"]
    assert listed == [key["api_key"]]
    await http.delete(f"/api/v1/auth/api-keys/{key['api_key']['api_key_id']}", headers=headers)
    assert (await http.get("/api/v1/auth/me", headers=with_key)).status_code == 401

    assert (await http.post("/api/v1/auth/logout", headers=headers)).status_code == 204
    assert (await http.get("/api/v1/auth/me", headers=headers)).status_code == 401


async def test_results_stages_and_health(http: httpx.AsyncClient, world: World) -> None:
    headers = {"Authorization": f"Bearer {world.owner.access_token}"}
    results = (await http.get(f"/api/v1/jobs/{world.ids['job_id']}/results", headers=headers)).json()
    assert results["state"] == "COMPLETED"
    assert {file["kind"] for file in results["files"]} >= {"SOURCE", "IR_V2", "MIDI"}
    for file in results["files"]:
        content = (await http.get(file["download_url"], headers=headers)).content
        assert len(content) == file["size_bytes"]
    for stage, found in [("omr", 0), ("rendering", 0)]:
        jobs = (await http.get("/api/v1/jobs", params={"stage": stage}, headers=headers)).json()["jobs"]
        assert len(jobs) == found
    params = {"stage": "omr", "state": "COMPLETED"}
    assert (await http.get("/api/v1/jobs", params=params, headers=headers)).json()["jobs"] == []
    health = (await http.get("/health/detailed", headers=headers)).json()
    assert health["healthy"]
    assert [one["name"] for one in health["components"]] == [
        "database",
        "object_store",
        "omr",
        "fingering",
        "rendering",
    ]
    assert all(0 < one["latency"] < 2 for one in health["components"])
    assert (await http.get("/health")).json()["status"] == "ok"
