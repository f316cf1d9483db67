"""Where requests may come from: the local user's pages and programs, allowed origins, this machine."""

import httpx
import pytest

from etude.mesh.channels import open_channel
from etude.mesh.server import running_server
from gateway.app import create_app
from gateway.definition import DEFINITION as GATEWAY
from gateway.server import http_server
from gateway.settings import GatewaySettings
from orchestrator.definition import DEFINITION as ORCHESTRATOR
from orchestrator.settings import OrchestratorSettings
from tests.gateway.test_http_house import assert_envelope
from tests.gateway.test_limits import serve

PAGE = "https://studio.example.org"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example.org"},
        {"Host": "127.0.0.1.example.org:8080"},
        {"Host": "8.8.8.8"},
        {"Host": ""},
        {"Origin": PAGE},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
async def test_nobody_elsewhere_is_the_local_user(http, store, headers):
    """A page of another site, and a name that was made to point to this machine."""
    answer = await http.post("/api/v1/jobs", files={"file": ("a.pdf", b"%PDF")}, headers=headers)
    assert_envelope(answer, 401, "UNAUTHENTICATED")
    assert not store.jobs
    answer = await http.get("/api/v1/models", headers={**headers, "Authorization": "Bearer abc"})
    assert answer.status_code == 200, "with credentials it does not matter: the orchestrator looks at them"


async def test_our_own_page_and_any_name_of_this_machine_may(http):
    port = http.base_url.port
    for host in ("localhost", "[::1]", "127.0.0.1"):
        headers = {"Host": f"{host}:{port}", "Origin": f"http://{host}:{port}"}
        assert (await http.get("/api/v1/models", headers=headers)).status_code == 200


async def test_only_origins_that_are_named_get_cors_headers(target, exit_stack):
    http = await serve(exit_stack, target, cors_origins=[PAGE])
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    preflight = await http.options("/api/v1/jobs", headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == PAGE
    answer = await http.get("/api/v1/jobs/none", headers={"Origin": PAGE})
    assert answer.status_code == 404, "the operator trusts this origin with the local user"
    assert "X-Trace-ID" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    other = await http.get("/api/v1/models", headers={"Origin": "https://evil.example.org"})
    assert "access-control-allow-origin" not in other.headers
    assert other.status_code == 401


async def test_any_origin_means_none_in_particular(target, exit_stack):
    http = await serve(exit_stack, target, cors_origins=["*"])
    answer = await http.get("/api/v1/models", headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, "*")


async def test_without_the_setting_there_is_no_cors(http):
    answer = await http.options("/api/v1/jobs", headers={"Origin": PAGE, "Access-Control-Request-Method": "POST"})
    assert answer.status_code == 401
    assert "access-control-allow-origin" not in answer.headers


async def test_every_answer_names_its_trace(http):
    for path in ("/healthz", "/api/v1/jobs/none", "/nothing"):
        answer = await http.get(path)
        assert len(answer.headers["x-trace-id"]) == 32
    assert (await http.get("/nothing")).json()["error"]["trace_id"] != answer.headers["x-trace-id"]


async def test_the_gateway_does_not_offer_the_local_user_to_other_machines(tmp_path):
    """Where the orchestrator wants no credentials, the gateway stays on loopback."""
    nowhere = {f"{stage}_target": "127.0.0.1:9" for stage in ("omr", "fingering", "renderer")}
    embedded = OrchestratorSettings(address="127.0.0.1:0", data_dir=tmp_path, drain_seconds=0.2, **nowhere)
    async with running_server(ORCHESTRATOR, embedded) as orchestrator:
        settings = GatewaySettings(
            address="127.0.0.1:0", http_address="0.0.0.0:0", orchestrator_target=orchestrator.address, drain_seconds=0.2
        )
        with pytest.raises(OSError, match="ETUDE_ORCHESTRATOR_AUTH_SECRET"):
            async with running_server(GATEWAY, settings):
                pass


async def test_an_exposed_gateway_lets_nobody_in_without_credentials(target):
    async with open_channel(target) as channel:
        app = create_app(GatewaySettings(http_address="0.0.0.0:8080", orchestrator_target=target), channel, {})
        async with (
            http_server(app, "127.0.0.1:0") as address,
            httpx.AsyncClient(base_url=f"http://{address}", timeout=60) as http,
        ):
            assert_envelope(await http.get("/api/v1/models"), 401, "UNAUTHENTICATED")
            assert (await http.get("/api/v1/models", headers={"Authorization": "Bearer abc"})).status_code == 200
            assert (await http.get("/healthz")).status_code == 200
